"""The C text of records: what the header said, and what LuaJIT's cdef needs lowered."""

from __future__ import annotations

from callgate.emit.ctext import Accessor, RecordWriter
from callgate.model import (
    Array,
    Field,
    Function,
    Location,
    Pointer,
    Record,
    RecordName,
    Scalar,
    TypeRef,
    Vector,
)

WHERE = Location("uapi", "linux/test.h", 1)
INT = Scalar("integer", "int", 4, 4, signed=True)
CHAR = Scalar("integer", "char", 1, 1, signed=True)
LONG = Scalar("integer", "unsigned long", 8, 8)
U64 = Scalar("integer", "unsigned long long", 8, 8, typedef="__u64")
VOID = Scalar("void", "void", 0, 1)


def record(*fields: Field, kind: str = "struct", **options: int | bool) -> Record:
    """Return a record with these fields; its size and alignment do not matter here."""
    return Record("struct test", kind, 64, 8, fields, WHERE, **options)  # type: ignore[arg-type]


def text(item: Record, *, big_endian: bool = False) -> str:
    """Return the record's text with white space folded."""
    return " ".join(RecordWriter(str, big_endian=big_endian).render(item).text.split())


def one(kind: TypeRef, **options: int | bool) -> str:
    """Return the text of a record whose only field is ``a`` of that type."""
    return text(record(Field("a", kind, 0, **options)))  # type: ignore[arg-type]


class TestMembers:
    """Members are written with LuaJIT's own type names."""

    def test_scalars(self) -> None:
        """Integers have stdint's names, but char and long keep C's."""
        assert one(INT) == "{ int32_t a; }"
        assert one(U64) == "{ uint64_t a; }"
        assert one(CHAR) == "{ char a; }"
        assert one(LONG) == "{ unsigned long a; }"

    def test_pointers(self) -> None:
        """Pointers name their target where cdef can, and are void pointers elsewhere."""
        assert one(Pointer(RecordName("struct x", 0, 1), 8, 8)) == "{ struct x *a; }"
        assert one(Pointer(CHAR, 8, 8, const=True)) == "{ const char *a; }"
        assert one(Pointer(None, 8, 8)) == "{ void *a; }"
        assert one(Pointer(Function(VOID, ()), 8, 8)) == "{ void *a; }"
        assert one(Pointer(Pointer(CHAR, 8, 8), 8, 8)) == "{ char **a; }"

    def test_arrays(self) -> None:
        """Arrays keep all their dimensions in C's order."""
        inner = Array(INT, 3, 12, 4)
        assert one(Array(inner, 2, 24, 4)) == "{ int32_t a[2][3]; }"
        raised = Array(INT, 6, 24, 8)  # by its typedef
        assert one(raised) == "{ int32_t a[6] __attribute__((aligned(8))); }"

    def test_flexible_array_at_the_end(self) -> None:
        """The last member of the outermost record stays flexible."""
        flexible = Array(INT, None, 0, 4)
        shown = text(record(Field("n", INT, 0), Field("a", flexible, 4)))
        assert shown == "{ int32_t n; int32_t a[]; }"

    def test_flexible_array_elsewhere(self) -> None:
        """A flexible array that something follows becomes one of no elements."""
        flexible = Array(INT, None, 0, 4)
        shown = text(record(Field("a", flexible, 0), Field("b", INT, 0), kind="union"))
        assert shown == "{ int32_t a[0]; int32_t b; }"

    def test_anonymous_record(self) -> None:
        """An anonymous union stands inside, without a name."""
        inner = Record("", "union", 4, 4, (Field("x", INT, 0), Field("y", INT, 0)), WHERE)
        assert one(inner).replace(" a;", "") == "{ union { int32_t x; int32_t y; } }"
        assert text(record(Field(None, inner, 0))) == "{ union { int32_t x; int32_t y; }; }"


class TestLowering:
    """What cdef cannot express is lowered, never lost."""

    def test_wide_bit_fields(self) -> None:
        """Bit-fields of a 64-bit type become a uint64_t and accessors."""
        written = RecordWriter(str, big_endian=False).render(
            record(
                Field("a", U64, 0, bit_offset=0, bit_width=3),
                Field("b", U64, 0, bit_offset=3, bit_width=61),
            )
        )
        assert " ".join(written.text.split()) == "{ uint64_t _bits0; }"
        assert written.accessors == (
            Accessor("a", "_bits0", 0, 3, signed=False),
            Accessor("b", "_bits0", 3, 61, signed=False),
        )

    def test_wide_bit_fields_of_big_endian(self) -> None:
        """On a big-endian machine the first bit-field has the highest bits."""
        written = RecordWriter(str, big_endian=True).render(
            record(Field("a", U64, 0, bit_offset=0, bit_width=3))
        )
        assert written.accessors == (Accessor("a", "_bits0", 61, 3, signed=False),)

    def test_narrow_bit_fields_stay(self) -> None:
        """Bit-fields of types up to 32 bits are cdef's own."""
        assert one(INT, bit_offset=0, bit_width=5) == "{ int32_t a : 5; }"

    def test_int128(self) -> None:
        """A 128-bit integer becomes two words with its alignment."""
        wide = Scalar("integer", "unsigned __int128", 16, 16)
        assert one(wide) == "{ uint64_t a[2] __attribute__((aligned(16))); }"

    def test_long_double(self) -> None:
        """A long double becomes words that fit its size and alignment: 12 and 4 bytes on i386."""
        wide, narrow = (
            Scalar("float", "long double", size, align) for size, align in ((16, 16), (12, 4))
        )
        assert one(wide) == "{ uint64_t a[2] __attribute__((aligned(16))); }"
        assert one(narrow) == "{ uint32_t a[3] __attribute__((aligned(4))); }"

    def test_vector(self) -> None:
        """A vector becomes an array with the vector's alignment."""
        assert one(Vector(INT, 16, 16)) == "{ int32_t a[4] __attribute__((aligned(16))); }"


class TestAttributes:
    """Packing and alignment are said as the header said them."""

    def test_packed(self) -> None:
        """A packed record says so after its brace."""
        assert text(record(Field("a", INT, 0), packed=True)).endswith("} __attribute__((packed))")

    def test_aligned_record(self) -> None:
        """A record's own alignment stands after its brace."""
        assert text(record(Field("a", INT, 0), aligned=32)).endswith("__attribute__((aligned(32)))")

    def test_pragma_pack(self) -> None:
        """#pragma pack(2) is packed with each member's alignment bounded by 2."""
        shown = text(record(Field("a", CHAR, 0), Field("b", INT, 2), pack=2))
        assert "int32_t b" in shown
        assert "aligned(2)" in shown
        assert shown.endswith("} __attribute__((packed))")
