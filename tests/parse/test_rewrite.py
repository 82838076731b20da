"""Tests of callgate.parse.rewrite."""

from __future__ import annotations

import pytest

from callgate.parse.rewrite import RewriteError, bare, rewrite, source_position


@pytest.mark.parametrize(
    ("gnu", "c23"),
    [
        ("int x __attribute__((packed));", "int x [[gnu::packed]];"),
        ("int x __attribute((__packed__));", "int x [[gnu::packed]];"),
        ("int x __attribute__ ((a, b(1, 2)));", "int x [[gnu::a, gnu::b(1, 2)]];"),
        ("int x __attribute__(());", "int x ;"),
        (
            'int f(void) __attribute__((deprecated("a, b)")));',
            'int f(void) [[gnu::deprecated("a, b)")]];',
        ),
        ('int f(void) __asm__("" "g");', 'int f(void) [[gnu::asm_label("" "g")]];'),
        ("__extension__ typedef __signed__ char s;", " typedef signed char s;"),
        ("__typeof__(x) y;", "typeof(x) y;"),
        ("__uint128_t x;", "unsigned __int128 x;"),
        ('char s[] = "__const"; __const int c;', 'char s[] = "__const"; const int c;'),
    ],
)
def test_spellings(gnu: str, c23: str) -> None:
    """GNU spellings become those of C23, strings stay as they are."""
    assert rewrite(gnu) == c23


@pytest.mark.parametrize(
    ("gnu", "c23"),
    [
        (
            "static inline __attribute__((unused)) T f(void);",
            "[[gnu::unused]]static inline  T f(void);",
        ),
        ("struct { const __attribute__((x)) T a; };", "struct {[[gnu::x]] const  T a; };"),
        ("void f(const __attribute__((x)) T a);", "void f([[gnu::x]]const  T a);"),
        ("unsigned __attribute__((x)) int a;", "unsigned  int[[gnu::x]] a;"),
        ("T *const __attribute__((x)) p;", "T *[[gnu::x]]const  p;"),
        ("int (__attribute__((x)) *f)(void);", "int ( *[[gnu::x]]f)(void);"),
        ("unsigned a : 3 __attribute__((x)), b : 4;", "unsigned a [[gnu::x]]: 3 , b : 4;"),
        ("struct { int a : 2; int b __attribute__((x)); };",
         "struct { int a : 2; int b [[gnu::x]]; };"),
        ("enum { A = b ? 1 : 2, C __attribute__((x)) };", "enum { A = b ? 1 : 2, C [[gnu::x]] };"),
        ("__attribute__((x)) const T *f(void);", "[[gnu::x]] const T *f(void);"),
        ("__attribute__((x)) extern const struct s *f(void);",
         "[[gnu::x]] extern const struct s *f(void);"),
        ("void f(__attribute__((x)) const T *a);", "void f([[gnu::x]] const T *a);"),
        ("__attribute__((x)) const int a;", " const int[[gnu::x]] a;"),
        ("struct s {} __attribute__((x)) const v;", "struct s {}  const[[gnu::x]] v;"),
    ],
)  # fmt: skip
def test_places(gnu: str, c23: str) -> None:
    """Attributes move to where the C23 grammar has them, and no further."""
    assert rewrite(gnu) == c23


def test_lines_stay() -> None:
    """Rewriting keeps the number of lines, also within an attribute."""
    text = "int x\n __attribute__((\naligned(\n8)))\n;"
    assert rewrite(text).count("\n") == text.count("\n")


def test_bare() -> None:
    """A bare head has neither attributes nor labels."""
    assert bare('int f(void) __asm__("g") __attribute__((aligned(8))) ') == "int f(void)"


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("int x __attribute__;", 6),
        ("int x __attribute__((packed);", 6),
        ("int __attribute__(packed) x;", 4),
        ('int f(void) asm "g";', 12),
    ],
)
def test_broken_attribute(text: str, offset: int) -> None:
    """An attribute or label without its parentheses is an error at its place."""
    with pytest.raises(RewriteError) as caught:
        rewrite(text)
    assert caught.value.offset == offset


def test_source_position() -> None:
    """A place in the rewritten text leads back to the original's, whatever was moved before it."""
    text = "static inline __attribute__((unused)) __signed__ char f(__const int *wrong);"
    offset = rewrite(text).index("wrong")
    assert source_position(text, offset) == text.index("wrong")
