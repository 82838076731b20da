"""Types of members that are reached from an argument: known when all records agree."""

from __future__ import annotations

import re

import pytest

from callgate import model, paths
from callgate.abi.layout import Layout
from callgate.abi.scope import Scope
from callgate.emit.members import Members
from callgate.parse.declarations import DeclarationParser
from callgate.parse.preprocess import Splitter
from callgate.targets import load_targets

TARGET = load_targets(paths.data_dir("headers") / "targets.toml")["x86_64-linux-gnu"]
DECLARATIONS = """
struct one { unsigned int length; unsigned char data[4]; struct { long deep; } inner; };
struct two { unsigned int length; short data[4]; struct one *next; union { char tag; }; };
typedef struct { double weight; unsigned only : 3; } three;
"""


def member(text: str) -> model.TypeRef | None:
    """Return the type of an expression whose argument is ``p``."""
    split = Splitter("test", str).split(f'# 1 "t.h"\n{DECLARATIONS}')
    parser = DeclarationParser("test")
    declarations = [item for chunk in split.chunks for item in parser.parse(chunk)[0]]
    expression = parser.expression(re.sub(r"\bp\b", "__callgate_0_", text))
    assert expression is not None
    return Members(Layout(Scope.of(declarations), TARGET.data_model)).type_of(expression)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("p->length", "unsigned int"),  # both records agree
        ("(p).length", "unsigned int"),
        ("p->inner.deep", "long"),
        ("p->next->length", "unsigned int"),
        ("p->next->data[2]", "unsigned char"),
        ("p->tag", "char"),  # of an anonymous union
        ("p->weight", "double"),  # of a record without a tag
        ("((struct two *)p)->data[1]", "short"),
        ("*((char *)p)", "char"),
    ],
)
def test_known(text: str, name: str) -> None:
    """The member's name, or a cast, tells the record and with it the type."""
    found = member(text)
    assert isinstance(found, model.Scalar)
    assert found.c_name == name


@pytest.mark.parametrize(
    "text", ["p->data[0]", "p->missing", "p[0]", "*p", "p->length.x", "p->next->missing"]
)
def test_unknown(text: str) -> None:
    """Records that disagree, members that none has, and plain elements have no known type."""
    assert member(text) is None
