"""Accepted removals and changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate.errors import CallgateError
from callgate.headers.tombstones import Tombstone, load_tombstones, write_tombstones

if TYPE_CHECKING:
    from pathlib import Path

ROWS = (
    Tombstone("constants", "A", 'it said "no"', "7.3.0", "5", on=("arm", "mips")),
    Tombstone("constants", "A", "again", "7.4.0", "6", "7"),
    Tombstone("records", "struct p", "dropped", "7.3.0", "8/4/2/abcdef"),
)


def test_round_trip(tmp_path: Path) -> None:
    """What is written is read as it was, several rows of a name included."""
    path = tmp_path / "tombstones.toml"
    write_tombstones(reversed(ROWS), path)
    assert load_tombstones(path) == ROWS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[constants.A]]\nkernel = "7.3.0"\nwas = "5"\n', "no reason"),
        ('[[constants.A]]\nwhy = "x"\n', "unknown key 'why'"),
        ('[[typedefs.A]]\nreason = "x"\n', "unknown table 'typedefs'"),
        ("[", "cannot read it"),
    ],
)
def test_wrong_rows(tmp_path: Path, text: str, said: str) -> None:
    """A row without a reason, or with a key that means nothing, is refused."""
    path = tmp_path / "tombstones.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CallgateError, match=said):
        load_tombstones(path)
