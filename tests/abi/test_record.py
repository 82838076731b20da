"""The rules by which members of records are placed, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate.abi.evaluate import NoValue
from callgate.abi.scope import Incomplete

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import C

    Make = Callable[..., C]


def test_members_are_aligned(c: Make) -> None:
    """Each member begins at a multiple of its alignment, and the size is one of the largest."""
    found = c("struct s { char a; long b; short c; };")
    assert found.offsets("struct s") == {"a": 0, "b": 8, "c": 16}
    assert found.size("struct s") == (24, 8)


def test_members_of_a_union_overlap(c: Make) -> None:
    """All members of a union are at 0; its size holds the largest and its alignment."""
    found = c("union u { char a[9]; int b; };")
    assert found.offsets("union u") == {"a": 0, "b": 0}
    assert found.size("union u") == (12, 4)


def test_empty_record(c: Make) -> None:
    """GNU C's record without members has no size."""
    assert c("struct s { };").size("struct s") == (0, 1)


def test_long_long_on_i386(c: Make) -> None:
    """The Intel386 ABI aligns 8-byte members to 4."""
    found = c("struct s { char a; long long b; };", "i386")
    assert found.offsets("struct s")["b"] == 4
    assert found.size("struct s") == (12, 4)


def test_packed_record(c: Make) -> None:
    """``packed`` on a record takes all alignment away."""
    found = c("struct s { char a; long b; } __attribute__((packed));")
    assert found.offsets("struct s")["b"] == 1
    assert found.size("struct s") == (9, 1)


def test_packed_record_does_not_pack_its_inner_records(c: Make) -> None:
    """What a packed record has inside keeps its own layout."""
    found = c("struct s { char a; struct { char b; int c; } in; } __attribute__((packed));")
    assert found.offsets("struct s") == {"a": 0, "in": 1, "in.b": 1, "in.c": 5}


def test_packed_field(c: Make) -> None:
    """``packed`` on a field takes that field's alignment away."""
    found = c("struct s { char a; int b __attribute__((packed)); int c; };")
    assert found.offsets("struct s") == {"a": 0, "b": 1, "c": 8}


def test_aligned_record(c: Make) -> None:
    """``aligned`` on a record raises its alignment and rounds its size up."""
    found = c("struct s { char a; } __attribute__((aligned(16)));")
    assert found.size("struct s") == (16, 16)
    assert found.record("struct s").aligned == 16


def test_aligned_does_not_lower(c: Make) -> None:
    """``aligned`` on a record never lowers its alignment."""
    assert c("struct s { int a; } __attribute__((aligned(2)));").size("struct s") == (4, 4)


def test_aligned_without_an_argument(c: Make) -> None:
    """``aligned`` alone is the most that the machine aligns anything to."""
    text = "struct s { char a; } __attribute__((aligned));"
    assert c(text).size("struct s") == (16, 16)
    assert c(text, "s390x").size("struct s") == (8, 8)


def test_aligned_field(c: Make) -> None:
    """``aligned`` on a field moves it and raises the record's alignment."""
    found = c("struct s { char a; char b __attribute__((aligned(8))); };")
    assert found.offsets("struct s")["b"] == 8
    assert found.size("struct s") == (16, 8)


def test_aligned_field_of_a_packed_record(c: Make) -> None:
    """``aligned`` on a field gives back what ``packed`` took."""
    found = c("struct s { char a; int b __attribute__((aligned(4))); } __attribute__((packed));")
    assert found.offsets("struct s")["b"] == 4
    assert found.size("struct s") == (8, 4)


def test_strictest_aligned_wins(c: Make) -> None:
    """Of several ``aligned`` the largest holds."""
    found = c("struct s { char a __attribute__((aligned(4), aligned(16), aligned(2))); };")
    assert found.size("struct s") == (16, 16)


def test_alignment_by_typedef(c: Make) -> None:
    """A typedef's ``aligned`` goes for its fields, in both directions, and is noted on them."""
    found = c(
        "typedef int wide __attribute__((aligned(8)));"
        "typedef long long near __attribute__((aligned(4)));"
        "struct s { char a; wide b; char c; near d; };"
    )
    assert found.offsets("struct s") == {"a": 0, "b": 8, "c": 12, "d": 16}
    assert [item.aligned for item in found.record("struct s").fields] == [0, 8, 0, 4]


def test_pragma_pack_bounds_every_alignment(c: Make) -> None:
    """``#pragma pack(2)`` bounds the alignment of members, even an explicit one."""
    found = c(
        "#pragma pack(2)\nstruct s { char a; long b; char c; int d __attribute__((aligned(8))); };"
    )
    assert found.offsets("struct s") == {"a": 0, "b": 2, "c": 10, "d": 12}
    assert found.size("struct s") == (16, 2)


def test_pragma_pack_does_not_bound_the_record(c: Make) -> None:
    """``aligned`` on the record itself is above ``#pragma pack``."""
    text = "#pragma pack(1)\nstruct s { int a; } __attribute__((aligned(8)));"
    assert c(text).size("struct s") == (8, 8)


def test_flexible_array(c: Make) -> None:
    """A flexible array counts for alignment, not for size."""
    found = c("struct s { char a; int tail[]; };")
    assert found.offsets("struct s")["tail"] == 4
    assert found.size("struct s") == (4, 4)


def test_anonymous_members(c: Make) -> None:
    """Fields of anonymous members appear under their own names at their place."""
    found = c("struct s { int a; union { char b; struct { short c; long d; }; }; };")
    assert found.offsets("struct s") == {"a": 0, "b": 8, "c": 8, "d": 16}


# --- bit-fields ----------------------------------------------------------------------------------


def test_bit_fields_share_a_unit(c: Make) -> None:
    """Bit-fields follow each other within a unit of their type."""
    found = c("struct s { int a : 3; unsigned b : 5; char c : 4; int d : 20; };")
    assert found.bits("struct s") == {"a": 0, "b": 3, "c": 8, "d": 12}
    assert found.size("struct s") == (4, 4)


def test_bit_fields_do_not_straddle(c: Make) -> None:
    """One that does not fit the rest of its unit begins the next."""
    found = c("struct s { int a : 30; int b : 3; };")
    assert found.bits("struct s") == {"a": 0, "b": 32}
    assert found.record("struct s").fields[1].offset == 4
    assert found.record("struct s").fields[1].bit_offset == 0


def test_packed_bit_fields_straddle(c: Make) -> None:
    """Packed ones do straddle: position is told from the unit of the first bit."""
    found = c("struct s { int a : 30; int b : 3; } __attribute__((packed));")
    assert found.bits("struct s") == {"a": 0, "b": 30}
    assert (found.record("struct s").fields[1].offset, found.size("struct s")) == (0, (5, 1))
    assert found.record("struct s").fields[1].bit_offset == 30


def test_zero_width_ends_the_unit(c: Make) -> None:
    """A bit-field of no width moves the next to a boundary of its type."""
    found = c("struct s { char a : 3; int : 0; char b : 2; };")
    assert found.bits("struct s") == {"a": 0, "b": 32}
    assert found.size("struct s") == (5, 1)


def test_unnamed_bit_fields_align_on_arm_only(c: Make) -> None:
    """AAPCS lets unnamed and zero-width bit-fields align their record, other ABIs do not."""
    text = "struct s { char a; int : 3; char b; };"
    assert c(text).size("struct s") == (3, 1)
    assert c(text, "arm").size("struct s") == (4, 4)


def test_aligned_bit_field(c: Make) -> None:
    """``aligned`` on a bit-field begins it at that boundary."""
    found = c("struct s { int a : 3; int b : 3 __attribute__((aligned(8))); };")
    assert found.bits("struct s") == {"a": 0, "b": 64}
    assert found.size("struct s") == (16, 8)


def test_pragma_pack_lets_bit_fields_straddle(c: Make) -> None:
    """Under ``#pragma pack`` bit-fields are placed without gaps."""
    found = c("#pragma pack(4)\nstruct s { int a : 30; int b : 3; };")
    assert found.bits("struct s") == {"a": 0, "b": 30}
    assert found.size("struct s") == (8, 4)


def test_packed_under_pragma_pack(c: Make) -> None:
    """A packed bit-field under ``#pragma pack(2)`` aligns its record to 2, as in GCC and clang."""
    text = "#pragma pack(2)\nstruct s { int a : 1; } __attribute__((packed));"
    assert c(text).size("struct s") == (2, 2)


def test_bit_fields_of_a_union(c: Make) -> None:
    """In a union each bit-field begins at bit 0."""
    found = c("union u { int a : 3; long b : 40; };")
    assert found.bits("union u") == {"a": 0, "b": 0}
    assert found.size("union u") == (8, 8)


def test_big_endian_positions_are_counted_the_same(c: Make) -> None:
    """Positions count in memory order: the same numbers whatever the machine's endianness."""
    text = "struct s { unsigned a : 3; unsigned b : 13; };"
    assert c(text, "mips").bits("struct s") == c(text).bits("struct s") == {"a": 0, "b": 3}


# --- what has no layout --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("struct s { struct s a; };", "contains itself"),
        ("struct s { struct s a[2]; };", "contains itself"),
        ("struct s { struct t { struct s a; } b; };", "contains itself"),
        ("struct s { int a[sizeof(struct s)]; };", "contains itself"),
        ("struct s { struct unknown a; };", "incomplete struct unknown"),
        ("struct s { enum unknown a; };", "incomplete enum unknown"),
        ("struct s { int a[-1]; };", "array of -1 elements"),
        ("struct s { int a[1ull << 62]; };", "array of 4611686018427387904 elements"),
        ("struct s { char a[1 << 30][1 << 30]; };", "array of 1073741824 elements"),
        ("struct s { int a[1 / 0]; };", "division by zero"),
        ("struct s { int a[n]; };", "unknown name n"),
        ("struct s { int a : 33; };", "bit-field a of 33 bits in a type of 32"),
        ("struct s { int a : -1; };", "bit-field a of -1 bits"),
        ("struct s { _Bool a : 2; };", "bit-field a of 2 bits in a type of 1"),
        ("struct s { float a : 3; };", "of a type that is no integer"),
        ("struct s { struct { int x; } a : 3; };", "of a type that is no integer"),
        ("struct s { void a; };", "without objects"),
        ("struct s { int a; } __attribute__((aligned(3)));", "alignment of 3 bytes"),
        ("struct s { int a __attribute__((aligned(-8))); };", "alignment of -8 bytes"),
        ("struct s { int a __attribute__((aligned(1ll << 60))); };", "alignment of"),
        ("struct s { int a __attribute__((vector_size(12))); };", "vector of 12 bytes"),
        ("struct s { int a __attribute__((vector_size(0))); };", "vector of 0 bytes"),
        ("struct s { int a __attribute__((vector_size(1 << 30))); };", "vector of"),
    ],
)
def test_impossible_records_have_a_reason(c: Make, text: str, reason: str) -> None:
    """A record that cannot be laid out says why; nothing crashes or hangs."""
    with pytest.raises((Incomplete, NoValue, ValueError), match=reason):
        c(text).record("struct s")


def test_no_int128_where_the_machine_has_none(c: Make) -> None:
    """A type that the machine's compilers lack is a reason, not a record of size 0."""
    with pytest.raises(ValueError, match="no __int128 on this machine"):
        c("struct s { __int128 a; };", "i386").record("struct s")
    assert c("struct s { char c; __int128 a; };", "s390x").size("struct s") == (24, 8)


def test_records_may_point_to_themselves(c: Make) -> None:
    """Pointers to a record, also through functions and arrays, need no layout of it."""
    found = c(
        "struct s { struct s *a; struct s **b; struct s (*c)(struct s, struct s *);"
        " struct s *(*d)[3]; };"
    )
    assert found.size("struct s") == (32, 8)
