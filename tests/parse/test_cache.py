"""Tests of callgate.parse.cache."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest

from callgate import tree
from callgate.parse import cache

if TYPE_CHECKING:
    from pathlib import Path

WHERE = tree.Where("own", "a.h", 3, 5)
UNIT = tree.Unit(
    "own",
    (tree.Typedef("t", tree.Pointer(tree.Basic("int")), WHERE),),
    (tree.MacroDefinition("A", None, "1", WHERE, expansion="1"),),
    (tree.Failure(WHERE, "message", "text"),),
    ("a.h",),
)


def test_round_trip(tmp_path: Path) -> None:
    """What was stored is loaded as an equal value, under its own name only."""
    cache.store(tmp_path / "kept", "name", UNIT)
    assert cache.load(tmp_path / "kept", "name") == UNIT
    assert cache.load(tmp_path / "kept", "other") is None


def test_identity_is_kept() -> None:
    """A node that stands in two places is still one node: layouts go by identity."""
    record = tree.Record("struct", None, ())
    first, second = cache.loads(cache.dumps((record, tree.Pointer(record))))
    assert second.target is first


@pytest.mark.parametrize("damage", [b"", b"rubbish", cache.dumps(1), cache.dumps(UNIT)[:-9]])
def test_damaged(tmp_path: Path, damage: bytes) -> None:
    """A damaged or foreign file counts as none."""
    (tmp_path / "name.pickle").write_bytes(damage)
    assert cache.load(tmp_path, "name") is None


def test_key() -> None:
    """The key depends on every part, and on where one part ends."""
    assert len({cache.key("a", "b"), cache.key("ab"), cache.key("a"), cache.key("b", "a")}) == 4
    assert cache.key("a", "b") == cache.key("a", "b")


def test_old_units_go(tmp_path: Path) -> None:
    """Units unused for longest are dropped, those in use are kept."""
    for number in range(cache.KEPT + 3):
        cache.store(tmp_path, str(number), UNIT)
        os.utime(tmp_path / f"{number}.pickle", (number, number))
    assert cache.load(tmp_path, "5") == UNIT  # used now
    cache.store(tmp_path, "new", UNIT)
    left = {path.stem for path in tmp_path.glob("*.pickle")}
    assert len(left) == cache.KEPT
    assert {"5", "new"} <= left


def test_collector_is_left_as_it_was() -> None:
    """The cycle collector runs again afterwards, also after an error."""
    with pytest.raises(ValueError, match="stop"), cache.no_collection():
        assert not gc.isenabled()
        raise ValueError("stop")
    assert gc.isenabled()
