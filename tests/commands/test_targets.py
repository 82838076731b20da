"""callgate targets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from callgate import cli

if TYPE_CHECKING:
    import pytest


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints every target with its fields."""
    assert cli.main(["targets", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["x86_64-linux-gnu"]["libc"] == "glibc"
    assert rows["x86_64-linux-gnu"]["data_model"]["pointer"] == [8, 8]


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The table fits 80 columns and names every target unbroken."""
    assert cli.main(["targets"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "x86_64-linux-gnu" in out.split()
