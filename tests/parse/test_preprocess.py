"""Tests of callgate.parse.preprocess."""

from __future__ import annotations

import pytest

from callgate.errors import CallgateError
from callgate.parse.preprocess import MAX_DEPTH, Split, Splitter


def split(text: str) -> Split:
    """Return what ``text`` consists of; paths in line markers are header names."""
    return Splitter("own", str).split(text)


def test_places() -> None:
    """A chunk knows header, line and column of each of its lines, through line markers."""
    found = split('# 1 "a.h" 1\nint a; struct s\n# 7 "a.h"\n  {int x;};\n# 3 "b.h" 1\n\nint b;\n')
    assert [chunk.text for chunk in found.chunks] == ["int a;", " struct s\n{int x;};", "int b;"]
    assert [(line.header, line.number, line.column) for line in found.chunks[1].lines] == [
        ("a.h", 1, 7),
        ("a.h", 7, 3),
    ]
    assert found.chunks[2].lines[0].number == 4
    assert found.headers == ["a.h", "b.h"]


def test_one_source_line_in_two_output_lines() -> None:
    """A line marker within a declaration does not glue the words around it together."""
    found = split('# 4 "a.h"\nint\n# 4 "a.h"\nx;\n')
    assert found.chunks[0].text == "int\nx;"


@pytest.mark.parametrize(
    "head",
    [
        "static inline int f(int x) ",
        "int f(void) __attribute__((aligned(8)))\n",
        "struct s f(struct s *p)",
        'int f(void) __asm__("g")',
    ],
)
def test_function_bodies_are_dropped(head: str) -> None:
    """Of a function definition only the head is kept, with a semicolon in place of the body."""
    found = split(f'# 1 "a.h"\n{head}{{ if (1) {{ return "}}"[0]; }} }}\nint after;\n')
    assert found.chunks[0].text == f"{head.rstrip()};" if head.endswith("\n") else f"{head};"
    assert found.chunks[0].has_body
    assert found.chunks[1].text == "int after;"


@pytest.mark.parametrize(
    "text",
    [
        "struct __attribute__((aligned(8))) { int x; } y;",
        "struct __attribute__((packed)) s { int x; };",
        "int a[] = { sizeof(int) };",
        "enum e { A = (1) };",
        "typedef union { int x; struct { int y; }; } u;",
    ],
)
def test_records_are_no_functions(text: str) -> None:
    """A brace that opens a record, an enum or an initializer opens no body."""
    (chunk,) = split(f'# 1 "a.h"\n{text}\n').chunks
    assert (chunk.text, chunk.has_body) == (text, False)


@pytest.mark.parametrize(
    ("before", "pack"),
    [
        ("#pragma pack(1)", 1),
        ("#pragma pack(1)\n#pragma pack()", 0),
        ("#pragma pack(push, 2)", 2),
        ("#pragma pack(push)\n#pragma pack(4)\n#pragma pack(pop)", 0),
        ("#pragma pack(1)\n#pragma pack(push, 2)\n#pragma pack(pop)", 1),
        ("#pragma pack(push, r, 4)\n#pragma pack(push, 2)\n#pragma pack(pop, r)", 0),
        ("#pragma pack(push, r, 4)\n#pragma pack(push, s, 2)\n#pragma pack(pop, s)", 4),
        ("#pragma pack(4)\n#pragma pack(pop, nowhere)", 4),
        ("#pragma pack(4)\n#pragma pack(pop)", 4),
        ("#pragma pack(push, 8)\n#pragma pack(pop, 2)", 2),
    ],
)
def test_pragma_pack(before: str, pack: int) -> None:
    """The packing in force is kept with each record: pushes, pops and labels as GCC has them."""
    (chunk,) = split(f'# 1 "a.h"\n{before}\nstruct s {{ int x; }};\n').chunks
    assert chunk.pack == pack


def test_pragma_pack_holds_at_the_closing_brace() -> None:
    """A pragma within a record holds for it, one after its brace does not."""
    text = "struct s {\n#pragma pack(1)\nint x; }\n#pragma pack(2)\ny;\n"
    assert split(f'# 1 "a.h"\n{text}').chunks[0].pack == 1


def test_macros() -> None:
    """Every definition is kept with its place, parameters and body, also when it is repeated."""
    found = split(
        '# 5 "a.h"\n#define A (1 << 2)\n#define F(x,y) x ## y\n#define V(f, ...) f(__VA_ARGS__)\n'
        '#define W(a...) a\n#define E\n# 1 "b.h"\n#define A 2\n'
    )
    shown = [(item.name, item.parameters, item.body, item.variadic) for item in found.macros]
    assert shown == [
        ("A", None, "(1 << 2)", False),
        ("F", ("x", "y"), "x ## y", False),
        ("V", ("f", "__VA_ARGS__"), "f(__VA_ARGS__)", True),
        ("W", ("a",), "a", True),
        ("E", None, "", False),
        ("A", None, "2", False),
    ]
    assert str(found.macros[1].where) == "a.h:6:1"
    assert found.in_force["A"] == 5


def test_undef() -> None:
    """A name that is undefined is in force no more; its own header's definition is withdrawn."""
    found = split('# 1 "a.h"\n#define A 1\n#define B 1\n#undef A\n# 1 "b.h"\n#undef B\n')
    assert found.in_force == {}
    assert found.withdrawn == {0}


def test_own_text_defines_nothing() -> None:
    """Macros of the unit's own text are not kept, nor is it a header."""
    found = split('# 1 "<prelude>"\n#define A 1\nint x;\n')
    assert (found.macros, found.headers, len(found.chunks)) == ([], [], 1)


def test_unbalanced_header_costs_no_other() -> None:
    """What a header leaves open is reported with its place, and ends where the header ends."""
    found = split('# 1 "a.h" 1\n\n struct s { int x;\n# 9 "<prelude>" 2\n# 1 "b.h" 1\nint y;\n')
    (failure,) = found.failures
    assert str(failure.where) == "a.h:2:1"
    assert "expected ';' or a closing bracket" in failure.message
    assert failure.text == "struct s { int x;"
    assert [chunk.text for chunk in found.chunks] == ["int y;"]


def test_stray_bracket() -> None:
    """A closing bracket without an opening one is reported at its column."""
    found = split('# 3 "a.h"\nint x; ) int y;\n')
    (failure,) = found.failures
    assert (str(failure.where), failure.message) == ("a.h:3:8", "')' without its opening bracket")
    assert [chunk.text.strip() for chunk in found.chunks] == ["int x;", "int y;"]


def test_too_deep() -> None:
    """A million nested parentheses are one failure, and what follows is parsed."""
    deep = 1_000_000
    found = split(f'# 3 "a.h"\nint x[{"(" * deep}1{")" * deep}];\nint y;\n')
    (failure,) = found.failures
    assert failure.message == f"brackets nested deeper than {MAX_DEPTH}"
    assert failure.where.column == len("int x[") + MAX_DEPTH
    assert [chunk.text for chunk in found.chunks] == ["int y;"]


def test_too_long() -> None:
    """A declaration of more than a million characters is one failure; the next is parsed."""
    found = split('# 3 "a.h"\nint ' + "x,\n" * 600_000 + "y;\nint z;\n")
    (failure,) = found.failures
    assert "longer than 1,048,576 characters" in failure.message
    assert [chunk.text for chunk in found.chunks] == ["int z;"]


def test_too_many() -> None:
    """After a thousand failures the unit as a whole fails, with the place of the last."""
    with pytest.raises(CallgateError, match="more than 1,000 broken declarations") as caught:
        split('# 1 "a.h"\n' + "}\n" * 5000)
    assert caught.value.where == "a.h:1001:1"


@pytest.mark.parametrize(
    ("text", "message"),
    [("int x;\n", "declarations"), ("#define A\n", "macros")],
)
def test_too_much(text: str, message: str) -> None:
    """More declarations or macros than any real unit has end the run, before memory does."""
    with pytest.raises(CallgateError, match=f"more than 300,000 {message}"):
        split('# 1 "a.h"\n' + text * 300_002)
