"""Tests of callgate.parse.declarations: where GNU C attributes end, and what else is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate import tree
from callgate.parse.declarations import DeclarationParser, canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    One = Callable[[str], tree.Declaration]
    ParsesText = Callable[[str], tuple[list[tree.Declaration], list[tree.Failure]]]

INT = tree.Basic("int")
PACKED = tree.Attribute("packed")
ALIGNED_8 = tree.Attribute("aligned", tree.Number("8"))


def record(declaration: tree.Declaration) -> tree.Record:
    """Return the record that a declaration defines."""
    kind = declaration.type
    assert isinstance(kind, tree.Record)
    return kind


class TestTypes:
    """Types and declarators."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("int x;", INT),
            ("unsigned x;", tree.Basic("unsigned int")),
            ("long unsigned int long x;", tree.Basic("unsigned long long")),
            ("signed char x;", tree.Basic("signed char")),
            ("short int x;", tree.Basic("short")),
            ("unsigned __int128 x;", tree.Basic("unsigned __int128")),
            ("__uint128_t x;", tree.Basic("unsigned __int128")),
            ("long double _Complex x;", tree.Basic("long double _Complex")),
            ("_Bool x;", tree.Basic("_Bool")),
            ("__builtin_va_list x;", tree.Basic("va_list")),
            ("_Float64x x;", tree.Basic("long double")),
            ("const char *x;", tree.Pointer(tree.Qualified(tree.Basic("char"), const=True))),
            ("char *volatile x;", tree.Qualified(tree.Pointer(tree.Basic("char")), volatile=True)),
            ("_Atomic(int) *x;", tree.Pointer(tree.Qualified(INT, atomic=True))),
            ("_Atomic const int x;", tree.Qualified(INT, const=True, atomic=True)),
            ("int *x[3];", tree.Array(tree.Pointer(INT), tree.Number("3"))),
            ("int (*x)[3];", tree.Pointer(tree.Array(INT, tree.Number("3")))),
            ("extern int x[];", tree.Array(INT, None)),
            (
                "int (*x)(void);",
                tree.Pointer(tree.Function(INT, ())),
            ),
            ("struct s *x;", tree.Pointer(tree.Tagged("struct", "s"))),
            ("enum e x;", tree.Tagged("enum", "e")),
            ("__typeof__(int *) x;", tree.TypeOf(tree.Pointer(INT))),
            ("__typeof__(-y) x;", tree.TypeOf(tree.Unary("-", tree.Name("y")))),
            ("typedef int t; t x;", tree.TypedefName("t")),
            ("_Atomic(int) x;", tree.Qualified(INT, atomic=True)),
        ],
    )  # fmt: skip
    def test_type(self, one: One, text: str, expected: tree.Type) -> None:
        """A variable has the type that its declarator spells, in canonical words."""
        assert one(text).type == expected

    @pytest.mark.parametrize(
        ("words", "name"),
        [
            ("long int", "long"),
            ("char", "char"),
            ("unsigned char", "unsigned char"),
            ("long double", "long double"),
            ("signed", "int"),
            ("__int128", "__int128"),
        ],
    )
    def test_canonical(self, words: str, name: str) -> None:
        """A basic type has one spelling, whatever the order of its words."""
        assert canonical(words.split()) == canonical(words.split()[::-1]) == name

    def test_function(self, one: One) -> None:
        """A prototype keeps its parameters' names and types, and that it is variadic."""
        found = one("int f(const char *format, unsigned, ...);")
        assert isinstance(found, tree.FunctionDeclaration)
        assert found.type == tree.Function(
            INT,
            (
                tree.Parameter(
                    "format", tree.Pointer(tree.Qualified(tree.Basic("char"), const=True))
                ),
                tree.Parameter(None, tree.Basic("unsigned int")),
            ),
            variadic=True,
        )
        assert (found.inline, found.asm_label) == (False, None)

    def test_inline_function(self, one: One) -> None:
        """An inline function is a prototype; its body may hold what no parser takes."""
        found = one('static __inline__ int f(int x) { asm volatile("" :: "r"(x)); @ }')
        assert isinstance(found, tree.FunctionDeclaration)
        assert found.inline
        assert found.type.parameters == (tree.Parameter("x", INT),)

    def test_asm_label(self, one: One) -> None:
        """An asm label is kept, its adjacent strings joined."""
        found = one('int f(void) __asm__ ("" "__f64") __attribute__((nothrow));')
        assert isinstance(found, tree.FunctionDeclaration)
        assert found.asm_label == "__f64"

    def test_names_shadow(self, parse: ParsesText) -> None:
        """A typedef name may also name a member and a parameter."""
        found, failures = parse("typedef int t;\nstruct s { t t; };\nvoid f(t t);\n")
        assert failures == []
        assert record(found[1]).fields[0] == tree.Field("t", tree.TypedefName("t"))

    def test_nothing_declared(self, parse: ParsesText) -> None:
        """Static assertions and empty declarations declare nothing, and do not fail."""
        assert parse('_Static_assert(sizeof(int) == 4, "");\n;\n__asm__("nop");\n') == ([], [])


class TestRecords:
    """Structs, unions and enums."""

    def test_members(self, one: One) -> None:
        """Bit-fields, flexible arrays and anonymous members are kept as written."""
        found = record(
            one("struct s { unsigned a : 3, : 0; union { int b; struct { int c; }; }; char d[]; };")
        )
        unsigned = tree.Basic("unsigned int")
        assert found.fields[0] == tree.Field("a", unsigned, tree.Number("3"))
        assert found.fields[1] == tree.Field(None, unsigned, tree.Number("0"))
        inner = found.fields[2].type
        assert isinstance(inner, tree.Record)
        assert (found.fields[2].name, inner.kind, inner.tag) == (None, "union", None)
        assert found.fields[3] == tree.Field("d", tree.Array(tree.Basic("char"), None))

    def test_stray_semicolon(self, one: One) -> None:
        """A semicolon that declares nothing among the members is passed over."""
        assert [item.name for item in record(one("struct s { int a;; int b; };")).fields] == [
            "a",
            "b",
        ]

    def test_empty(self, one: One) -> None:
        """An empty struct and a zero-length array are GNU C, and kept."""
        assert record(one("struct s {};")).fields == ()
        array = record(one("struct t { int a[0]; };")).fields[0].type
        assert array == tree.Array(INT, tree.Number("0"))

    def test_nested_tag(self, one: One) -> None:
        """A tagged record within another stays in its place, with a place of its own."""
        found = record(one("struct a {\n  struct b { int x; } m;\n};"))
        inner = found.fields[0].type
        assert isinstance(inner, tree.Record)
        assert (inner.tag, str(inner.where)) == ("b", "x.h:2:10")

    def test_enum(self, one: One) -> None:
        """Enumerators keep their expressions and places."""
        kind = one("enum e {\n A,\n B = A + 5,\n C __attribute__((deprecated))\n};").type
        assert isinstance(kind, tree.Enumeration)
        five = tree.Binary("+", tree.Name("A"), tree.Number("5"))
        assert [(item.name, item.value) for item in kind.enumerators] == [
            ("A", None), ("B", five), ("C", None),
        ]  # fmt: skip
        assert [str(item.where) for item in kind.enumerators] == ["x.h:2:2", "x.h:3:2", "x.h:4:2"]

    def test_forward(self, one: One) -> None:
        """A declared tag is not a definition."""
        assert one("struct s;").type == tree.Tagged("struct", "s")

    def test_second_declarator_refers_to_the_first(self, parse: ParsesText) -> None:
        """One specifier defines its record once, whatever number of declarators follows it."""
        (first, second), failures = parse("typedef struct s { int x; } t, *p;\n")
        assert failures == []
        assert record(first).tag == "s"
        assert second.type == tree.Pointer(tree.Tagged("struct", "s"))

    def test_second_declarator_of_an_untagged_record(self, parse: ParsesText) -> None:
        """An untagged record is the same object in every declarator."""
        (first, second), _ = parse("typedef struct { int x; } __attribute__((packed)) t, *p;\n")
        assert isinstance(second.type, tree.Pointer)
        assert second.type.target is first.type
        assert record(first).attributes == (PACKED,)

    def test_pack(self, parse: ParsesText) -> None:
        """The packing in force stands in the record and in those within it."""
        found, _ = parse("#pragma pack(push, 1)\nstruct s { struct { int x; } m; };\n")
        inner = record(found[0]).fields[0].type
        assert isinstance(inner, tree.Record)
        assert (record(found[0]).pack, inner.pack) == (1, 1)


class TestAttributes:
    """What an attribute belongs to: GCC manual, "Attribute Syntax"."""

    @pytest.mark.parametrize(
        "text",
        [
            "struct s { int x; } __attribute__((packed));",
            "struct __attribute__((packed)) s { int x; };",
            "typedef struct { int x; } __attribute__((__packed__)) t;",
            "static struct s { int x; } __attribute__((packed)) const v;",
        ],
    )
    def test_record(self, one: One, text: str) -> None:
        """After the keyword or the closing brace it is the record's."""
        kind = one(text).type
        kind = kind.type if isinstance(kind, tree.Qualified) else kind
        assert isinstance(kind, tree.Record)
        assert kind.attributes == (PACKED,)

    def test_enum(self, one: One) -> None:
        """An enum's attributes are the enum's."""
        kind = one("enum e { A } __attribute__((packed));").type
        assert isinstance(kind, tree.Enumeration)
        assert kind.attributes == (PACKED,)

    @pytest.mark.parametrize(
        "member",
        [
            "int x __attribute__((aligned(8)))",
            "__attribute__((aligned(8))) int x",
            "int __attribute__((aligned(8))) x",
            "const __attribute__((aligned(8))) int x",
            "struct t *x __attribute__((aligned(8)))",
            "struct t __attribute__((aligned(8))) *x",
            "struct t * __attribute__((aligned(8))) x",
            "struct t *const __attribute__((aligned(8))) x",
            "int x[4] __attribute__((aligned(8)))",
            "struct { int y; } x __attribute__((aligned(8)))",
            "_Alignas(8) int x",
            "int x : 3 __attribute__((aligned(8)))",
        ],
    )
    def test_member(self, one: One, member: str) -> None:
        """Anywhere else it is the declared member's, also when a pointer's star follows it."""
        (found,) = record(one(f"struct s {{ {member}; }};")).fields
        assert (found.name, found.attributes) == ("x", (ALIGNED_8,))

    def test_anonymous_member(self, one: One) -> None:
        """An anonymous record's attributes after its brace are its own."""
        (found,) = record(one("struct s { struct { int x; } __attribute__((packed)); };")).fields
        assert isinstance(found.type, tree.Record)
        assert (found.attributes, found.type.attributes) == ((), (PACKED,))

    @pytest.mark.parametrize(
        "text",
        [
            "typedef unsigned long long __attribute__((aligned(8))) t;",
            "typedef unsigned long long t __attribute__((aligned(8)));",
            "__attribute__((aligned(8))) typedef unsigned long long t;",
        ],
    )
    def test_typedef(self, one: One, text: str) -> None:
        """A typedef has its alignment, not the type that it names."""
        found = one(text)
        assert isinstance(found, tree.Typedef)
        assert found.type == tree.Basic("unsigned long long")
        assert found.attributes == (ALIGNED_8,)

    @pytest.mark.parametrize(
        ("text", "attribute"),
        [
            (
                "typedef int t __attribute__((mode(__DI__)));",
                tree.Attribute("mode", tree.Name("DI")),
            ),
            (
                "typedef int t __attribute__((__vector_size__(16)));",
                tree.Attribute("vector_size", tree.Number("16")),
            ),
        ],
    )  # fmt: skip
    def test_made_type(self, one: One, text: str, attribute: tree.Attribute) -> None:
        """A mode or a vector size makes another type."""
        found = one(text)
        assert isinstance(found, tree.Typedef)
        assert (found.type, found.attributes) == (tree.Attributed(INT, (attribute,)), ())

    def test_array_of_vectors(self, one: One) -> None:
        """A vector size acts on the element of an array."""
        kind = one("int v[4] __attribute__((vector_size(16)));").type
        assert isinstance(kind, tree.Array)
        assert isinstance(kind.element, tree.Attributed)

    def test_arguments(self, one: One) -> None:
        """An alignment may be an expression, or missing; others lose their arguments."""
        text = (
            "struct s { int a __attribute__((aligned(sizeof(long) * 2)));"
            ' int b __attribute__((aligned, deprecated("no")));};'
        )
        first, second = record(one(text)).fields
        assert first.attributes[0].argument == tree.Binary(
            "*", tree.SizeOf(tree.Basic("long")), tree.Number("2")
        )
        assert second.attributes == (tree.Attribute("aligned"), tree.Attribute("deprecated"))

    def test_alignas_of_a_type(self, one: One) -> None:
        """``_Alignas(type)`` is the alignment of that type."""
        (found,) = record(one("struct s { _Alignas(long) int x; };")).fields
        long = tree.SizeOf(tree.Basic("long"), align=True)
        assert found.attributes == (tree.Attribute("aligned", long),)


class TestFailures:
    """What cannot be parsed: where, what was seen, and that the run goes on."""

    @pytest.mark.parametrize(
        ("text", "where", "message"),
        [
            ("  missing_t x;", "x.h:1:3", "unknown type name 'missing_t'"),
            ("int f(int a,\n  missing_t *b);", "x.h:2:3", "unknown type name 'missing_t'"),
            ("int a; struct s { int 3x; };", "x.h:1:23", "unexpected '3'"),
            ("int f(int a, missing_t b);", "x.h:1:14", "unknown type name 'missing_t'"),
            ("int x = ;", "x.h:1:9", "Invalid expression"),
            ("int x @ y;", "x.h:1:7", "Illegal character '@'"),
            ('char *s = "abc;', "x.h:1:11", "Illegal character '\"'"),
            ("\n\nint x __attribute__(packed);", "x.h:3:7", "expected '((' and '))'"),
            ("enum e : short { A };", "x.h:1:1", "fixed underlying type is not supported"),
            ("_BitInt(3) x;", "x.h:1:1", "BitIntType is not supported"),
            ("static __inline__ int f(__signed__ x y);", "x.h:1:38", "unexpected 'y'"),
        ],
    )
    def test_failure(self, parse: ParsesText, text: str, where: str, message: str) -> None:
        """A failure has its header, line and column, and what was seen; the next one is parsed."""
        found, failures = parse(f"{text}\nint after;\n")
        assert [getattr(item, "name", None) for item in found][-1] == "after"
        (failure,) = failures
        assert message in failure.message
        assert str(failure.where) == where
        assert failure.text

    def test_failure_leaves_no_names(self, parse: ParsesText) -> None:
        """A typedef that failed to parse is unknown to what follows."""
        _, failures = parse("typedef int t @;\nt x;\n")
        assert [failure.where.line for failure in failures] == [1, 2]

    @pytest.mark.parametrize(
        "text",
        [
            "int " + "*" * 100_000 + "x;",
            "int x = " + "1+" * 100_000 + "1;",
            "int x = " + "!" * 100_000 + "1;",
            "int x = " + "1?" * 100_000 + "1;",
            "int x" + "[1]" * 100_000 + ";",
            "int x" + "(int)" * 100_000 + ";",
            "enum { " + ",".join(f"e{number}" for number in range(50_000)) + "};",
            "struct { " * 60 + "int " + "(" * 4 + "x" + ")" * 4 + ";" + "} a;" * 59 + "};",
        ],
        ids=[
            "pointers",
            "sums",
            "negations",
            "conditionals",
            "arrays",
            "functions",
            "enumerators",
            "records",
        ],
    )
    def test_size(self, parse: ParsesText, text: str) -> None:
        """However deep or long a declaration is, it is parsed, or a failure, in bounded time."""
        found, failures = parse(f"{text}\nint after;\n")
        assert getattr(found[-1], "name", None) == "after"
        assert len(found) - 1 + len(failures) == 1


class TestExpressionTexts:
    """Expressions and types on their own, as macros give them."""

    def test_expression(self) -> None:
        """Known typedef names make casts."""
        parser = DeclarationParser("own", ["t"])
        assert parser.expression("(t)1") == tree.Cast(tree.TypedefName("t"), tree.Number("1"))
        assert parser.expression("(u)1") is None

    @pytest.mark.parametrize("text", ["1), B = (2", "1) }; int x; enum { C = (1", "", "int", "1 +"])
    def test_no_expression(self, text: str) -> None:
        """What is not one expression gives None, also where it closes what was around it."""
        assert DeclarationParser("own").expression(text) is None

    def test_type_name(self) -> None:
        """A type is told from an expression."""
        parser = DeclarationParser("own", ["t"])
        assert parser.type_name("struct s *") == tree.Pointer(tree.Tagged("struct", "s"))
        assert parser.type_name("t") == tree.TypedefName("t")
        assert parser.type_name("1 + 1") is None

    def test_definitions_in_expressions_are_not_mixed_up(self) -> None:
        """Each record within an expression is read anew, although nodes are freed between."""
        parser = DeclarationParser("own")
        for number in range(50):
            found = parser.expression(f"sizeof(struct {{ int m{number}; }})")
            assert isinstance(found, tree.SizeOf)
            assert isinstance(found.operand, tree.Record)
            assert found.operand.fields[0].name == f"m{number}"
