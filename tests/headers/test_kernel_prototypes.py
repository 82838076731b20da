"""Declarations of entry points, read from header text."""

from __future__ import annotations

import pytest

from callgate.errors import CallgateError
from callgate.headers.kernel_prototypes import (
    EntryPoint,
    holds,
    read_declaration,
    read_prototypes,
)

HEADER = "include/linux/syscalls.h"


def _read(text: str, *wanted: str) -> list[EntryPoint]:
    return list(read_prototypes(text, HEADER, set(wanted)))


class TestReadDeclaration:
    """read_declaration."""

    @pytest.mark.parametrize(
        ("text", "argument"),
        [
            ("int fd", ("fd", "int")),
            ("int", (None, "int")),
            ("unsigned long", (None, "unsigned long")),
            ("unsigned flags", ("flags", "unsigned")),
            ("qid_t", (None, "qid_t")),
            ("qid_t id", ("id", "qid_t")),
            ("const char __user *path", ("path", "const char *")),
            ("const char __user *", (None, "const char *")),
            ("struct iovec", (None, "struct iovec")),
            ("const struct iovec __user *vec", ("vec", "const struct iovec *")),
            ("struct iocb __user * __user *list", ("list", "struct iocb **")),
            ("const char __user *const __user *argv", ("argv", "const char *const *")),
            ("enum rule_type kind", ("kind", "enum rule_type")),
        ],
    )
    def test_argument(self, text: str, argument: tuple[str | None, str]) -> None:
        """Name and type are told apart, and the kernel's annotations are dropped."""
        assert read_declaration(f"asmlinkage long sys_x({text})", "x.h:1") == (
            "sys_x",
            "long",
            (argument,),
        )

    @pytest.mark.parametrize("text", ["void", ""])
    def test_no_arguments(self, text: str) -> None:
        """An empty list and void are no arguments."""
        assert read_declaration(f"int sys_x({text})", "x.h:1") == ("sys_x", "int", ())

    def test_attribute(self) -> None:
        """Attributes after the arguments are no part of them."""
        text = "void sys_x(int code) __attribute__((noreturn)) __cold"
        assert read_declaration(text, "x.h:1") == ("sys_x", "void", (("code", "int"),))

    @pytest.mark.parametrize(
        "text", ["long sys_x(int (*f)(int))", "long sys_x(int a[2])", "sys_x", "long sys_x(int,)"]
    )
    def test_unreadable(self, text: str) -> None:
        """What is not understood is an error with its place, never left out."""
        with pytest.raises(CallgateError, match=r"expected a .*declaration") as caught:
            read_declaration(text, "x.h:7")
        assert caught.value.where == "x.h:7"


class TestReadPrototypes:
    """read_prototypes."""

    def test_wanted(self) -> None:
        """Only the wanted functions are read, each with its line."""
        text = "long sys_a(int x);\n\nlong other(struct y (*)[3]);\nlong\nsys_b(void);\n"
        assert _read(text, "sys_a", "sys_b") == [
            EntryPoint("sys_a", "long", (("x", "int"),), HEADER, 1, ()),
            EntryPoint("sys_b", "long", (), HEADER, 5, ()),
        ]

    def test_comments_and_macros(self) -> None:
        """Comments and macro bodies hide what looks like a declaration, and keep the lines."""
        text = (
            "/* long sys_a(int x);\n*/ // long sys_a(int);\n"
            "#define F(n) \\\n\tlong sys_a(int n);\nlong sys_a(long x /* seconds */);\n"
        )
        assert _read(text, "sys_a") == [
            EntryPoint("sys_a", "long", (("x", "long"),), HEADER, 5, ())
        ]

    def test_bodies(self) -> None:
        """Records and function bodies before a declaration do not swallow it."""
        text = (
            "struct a { int b; struct { int c; } d; };\nenum e { E1, E2 };\n"
            "static inline int f(int x)\n{ if (x) { return 1; } return 0; }\n"
            "long g(void) { return 0; }\nlong sys_a(void);\n"
        )
        assert [found.line for found in _read(text, "sys_a")] == [6]

    def test_conditions(self) -> None:
        """Each branch of an #if carries its own condition and the negation of those before."""
        text = (
            "#ifndef _X_H\n#define _X_H\n#ifdef __KERNEL__\n"
            "#if defined(A) || \\\n  defined(B)\nlong sys_a(int b);\n"
            "#elif C\nlong sys_a(int c);\n#else\nlong sys_a(int d);\n#endif\n"
            "#ifndef D\nlong sys_b(void);\n#endif\nlong sys_b(int x);\n#endif\n#endif\n"
        )
        either = "defined(A) || defined(B)"
        assert [found.conditions for found in _read(text, "sys_a", "sys_b")] == [
            (either,),
            (f"!({either})", "C"),
            (f"!({either})", "!(C)"),
            ("!D",),
            (),
        ]

    def test_directive_inside(self) -> None:
        """An #if inside a declaration is an error: either branch alone would be wrong."""
        text = "\nlong sys_a(int x,\n#ifdef Y\nint y\n#else\nlong y\n#endif\n);\n"
        with pytest.raises(CallgateError, match="expected a function's declaration") as caught:
            _read(text, "sys_a")
        assert caught.value.where == f"{HEADER}:2"

    @pytest.mark.parametrize("text", ["long f(void) {\n", "long a(void);\n}\n"])
    def test_unbalanced(self, text: str) -> None:
        """Braces that do not match are an error, since declarations could be lost."""
        with pytest.raises(CallgateError, match="braces that do not match"):
            _read(text, "sys_a")


class TestHolds:
    """holds."""

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ("A", True),
            ("B", False),
            ("!A", False),
            ("!B", True),
            ("defined(A)", True),
            ("defined A", True),
            ("!defined(B)", True),
            ("!(A)", False),
            ("!(defined(B))", True),
            ("defined(A) && defined(B)", False),
            ("defined(A) || defined(B)", True),
            ("B || (A && !B)", True),
            ("!(A || B)", False),
            ("BITS_PER_LONG == 32", False),
        ],
    )
    def test_condition(self, condition: str, expected: bool) -> None:
        """A condition is evaluated with exactly the given symbols defined."""
        assert holds(condition, frozenset({"A"})) is expected
