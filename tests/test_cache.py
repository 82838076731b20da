"""Tests of callgate.cache."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest

from callgate import cache, tree

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
    """What was stored is loaded as an equal value, from its own file only."""
    cache.store(tmp_path / "kept/name.pickle", UNIT, kept=1)
    assert cache.load(tmp_path / "kept/name.pickle") == UNIT
    assert cache.load(tmp_path / "kept/other.pickle") is None


def test_identity_is_kept() -> None:
    """A node that stands in two places is still one node: layouts go by identity."""
    record = tree.Record("struct", None, ())
    first, second = cache.loads(cache.dumps((record, tree.Pointer(record))))
    assert second.target is first


@pytest.mark.parametrize("damage", ["nothing", "rubbish", "shorter", "one bit"])
def test_damaged(tmp_path: Path, damage: str) -> None:
    """A damaged or foreign file counts as none, even when its pickle could be read."""
    path = tmp_path / "name.pickle"
    cache.store(path, UNIT, kept=1)
    whole = path.read_bytes()
    place = whole.index(b"message")
    broken = {
        "nothing": b"",
        "rubbish": b"rubbish",
        "shorter": whole[:-9],
        "one bit": whole[:place] + b"n" + whole[place + 1 :],
    }
    path.write_bytes(broken[damage])
    assert cache.load(path) is None


def test_old_files_go(tmp_path: Path) -> None:
    """Files unused for longest are dropped, those in use are kept."""
    for number in range(5):
        cache.store(tmp_path / f"{number}.pickle", UNIT, kept=9)
        os.utime(tmp_path / f"{number}.pickle", (number, number))
    assert cache.load(tmp_path / "1.pickle") == UNIT  # used now
    cache.store(tmp_path / "new.pickle", UNIT, kept=3)
    assert {path.stem for path in tmp_path.glob("*.pickle")} == {"1", "4", "new"}


def test_collector_is_left_as_it_was() -> None:
    """The cycle collector runs again afterwards, also after an error."""
    with pytest.raises(ValueError, match="stop"), cache.no_collection():
        assert not gc.isenabled()
        raise ValueError("stop")
    assert gc.isenabled()
