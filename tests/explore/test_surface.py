"""Surfaces of models and of dumps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from callgate.errors import CallgateError
from callgate.explore.dump import dump
from callgate.explore.surface import Alias, Call, Member, from_dump, read_surface, surface
from callgate.model import (
    Abi,
    Argument,
    Constant,
    Field,
    Location,
    Record,
    Scalar,
    Syscall,
    Typedef,
)

if TYPE_CHECKING:
    from pathlib import Path

WHERE = Location("uapi", "linux/test.h", 7)
INT = Scalar("integer", "int", 4, 4, signed=True)
BITS = Field("flag", INT, 4, bit_offset=3, bit_width=2)
ABI = Abi(
    "x86_64-linux-gnu",
    "7.2.0",
    (Constant("A", 64, 4, signed=True, kind="macro", location=WHERE),),
    (Record("struct p", "struct", 8, 4, (Field("x", INT, 0), BITS), WHERE),),
    (),
    (Typedef("word", Scalar("integer", "int", 4, 4, signed=True, typedef="word"), WHERE),),
    (),
    (),
    (),
    (Syscall("read", 0, "sys_read", "long", (Argument("buf", "char *"),), WHERE),),
)


def test_of_a_model() -> None:
    """A surface has values, fields with their bits, typedefs' texts and prototypes."""
    found = surface(ABI, "here")
    assert (found.name, found.target, found.kernel) == ("here", "x86_64-linux-gnu", "7.2.0")
    assert found.constants["A"].value == 64
    assert found.records["struct p"].fields == (
        Member("x", "int", 0, 4),
        Member("flag", "int", 4, 4, (3, 2)),
    )
    assert found.typedefs == {"word": Alias("typedef int word", 4, "linux/test.h")}
    assert found.syscalls == {"read": Call(0, "long read(char *buf)")}
    assert found.headers == {"linux/test.h", "system calls"}


def test_of_a_file(tmp_path: Path) -> None:
    """What was dumped to a file has the same surface."""
    path = tmp_path / "abi.json"
    path.write_text(json.dumps(dump(ABI)), encoding="utf-8")
    assert read_surface(path) == surface(ABI, str(path))


def test_of_an_earlier_dump() -> None:
    """A dump without typedefs is one that does not know them."""
    value = dump(ABI)
    del value["typedefs"]
    assert from_dump(value, "old").typedefs is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"target": "x", "kernel": "y"}'])
def test_other_files(tmp_path: Path, text: str) -> None:
    """A file that is no dump is named, with the command that makes one."""
    path = tmp_path / "abi.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CallgateError, match=r"abi\.json: not what `callgate dump` writes"):
        read_surface(path)
