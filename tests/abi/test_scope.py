"""The names that declarations bring into being."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import C

    Make = Callable[..., C]


def test_nested_definitions_are_visible(c: Make) -> None:
    """Tags and enumerators inside records, typedefs and parameters belong to the whole file."""
    scope = c(
        "struct a { struct b { enum e { E } x; } *y; };"
        "typedef union u { int i; } *t[2];"
        "int f(struct p { int i; } *);"
        "extern __typeof__(struct q { int i; }) v;"
    ).layout.scope
    tags = {("struct", name) for name in "abpq"} | {("union", "u")}
    assert set(scope.records) == tags
    assert set(scope.enumerations) == {"e"}
    assert set(scope.enumerators) == {"E"}


def test_declarations_by_kind(c: Make) -> None:
    """Typedefs, functions and variables are told apart."""
    scope = c("typedef int t; int f(void); extern int v;").layout.scope
    assert (set(scope.typedefs), set(scope.functions), set(scope.variables)) == (
        {"t"},
        {"f"},
        {"v"},
    )


def test_structs_and_unions_have_tags_of_their_own(c: Make) -> None:
    """In this model a struct and a union of one tag do not collide."""
    found = c("struct x { int a; }; union x { long b; };")
    assert (found.size("struct x"), found.size("union x")) == ((4, 4), (8, 8))


def test_the_first_definition_stays(c: Make) -> None:
    """Of two definitions of a tag, a typedef or an enumerator the first is meant by the name."""
    found = c("struct s { int a; }; struct s { long a; }; enum { A = 1 }; enum { A = 2 };")
    assert found.size("struct s") == (4, 4)
    assert found.value("A").value == 1
    assert len(found.layout.scope.order) == 4
