"""Tests of callgate.parse.memo: what was parsed before is found again, and only where it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate import tree
from callgate.parse import memo as module
from callgate.parse.declarations import DeclarationParser
from callgate.parse.memo import MISSING, Memo, hashed
from callgate.parse.preprocess import Splitter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def parse(
    text: str, memo: Memo, *, unit: str = "own", header: str = "x.h"
) -> list[Sequence[tree.Declaration]]:
    """Return the declarations of each chunk of ``text``."""
    split = Splitter(unit, str).split(f'# 1 "{header}"\n{text}\n')
    parser = DeclarationParser(unit, memo=memo)
    return [parser.parse(chunk)[0] for chunk in split.chunks]


def test_same_text_is_parsed_once() -> None:
    """A declaration that stands in the same place again is the same object."""
    memo = Memo()
    first = parse("typedef int t;\nstruct s { t a; };", memo)
    again = parse("typedef int t;\nstruct s { t a; };", memo)
    assert all(one is other for one, other in zip(first, again, strict=True))


def test_names_go_on() -> None:
    """The names of a declaration that is found count for those that are parsed after it."""
    memo = Memo()
    parse("typedef int t;", memo)
    (_, (variable,)) = parse("typedef int t;\nt a;", memo)
    assert variable == tree.VariableDeclaration(
        "a", tree.TypedefName("t"), tree.Where("own", "x.h", 2, 3)
    )


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("long t;\nint x = sizeof (t);", {}),
        ("\ntypedef long t;\nint x = sizeof (t);", {}),
        ("typedef long t;\nint x = sizeof (t);", {"unit": "other"}),
        ("typedef long t;\nint x = sizeof (t);", {"header": "y.h"}),
    ],
    ids=["a word is no type", "another line", "another unit", "another header"],
)
def test_other_meaning(text: str, options: dict[str, str]) -> None:
    """Where names, lines, header or unit differ, the text is parsed on its own."""
    memo = Memo()
    parse("typedef long t;\nint x = sizeof (t);", memo)
    found = parse(text, memo, **options)
    assert found == parse(text, Memo(), **options)


def test_failures_are_found_too() -> None:
    """What could not be parsed fails again, with the same message."""
    memo = Memo()
    (chunk,) = Splitter("own", str).split('# 1 "x.h"\nunknown a b;\n').chunks
    first = DeclarationParser("own", memo=memo).parse(chunk)
    assert first[1] is not None
    assert DeclarationParser("own", memo=memo).parse(chunk) == first


def test_kept_between_runs(tmp_path: Path) -> None:
    """A later run finds what an earlier one parsed, and only adds what is new."""
    memo = Memo()
    memo.keep(b"a", None)
    memo.save(tmp_path)
    later = Memo.load(tmp_path)
    assert later.find(b"a") is None
    assert later.find(b"b") is MISSING
    assert later.fresh() == {}
    later.keep(b"b", 1)
    assert later.fresh() == {b"b": 1}


def test_damaged_file(tmp_path: Path) -> None:
    """Of a damaged file nothing is taken."""
    memo = Memo()
    memo.keep(b"a", 1)
    memo.save(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert Memo.load(tmp_path).find(b"a") is MISSING


def test_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that has grown too large keeps what the last run used."""
    monkeypatch.setattr(module, "MAX_ENTRIES", 2)
    memo = Memo({b"old": 1, b"used": 2})
    memo.find(b"used")
    memo.find(b"new")
    memo.keep(b"new", 3)
    memo.save(tmp_path)
    later = Memo.load(tmp_path)
    assert [later.find(key) for key in (b"old", b"used", b"new")] == [MISSING, 2, 3]


def test_keys() -> None:
    """A key depends on kind, text and place, and on which words are types or other names."""
    keys = {
        hashed("value", "(t) + 1", {}),
        hashed("value", "(t) + 1", {"t": True}),
        hashed("value", "(t) + 1", {"t": False}),
        hashed("value", "(t) + 2", {}),
        hashed("declaration", "(t) + 1", {}),
        hashed("value", "(t) + 1", {}, "x.h"),
    }
    assert len(keys) == 6
    assert hashed("value", "(t) + 1", {"u": True}) in keys
