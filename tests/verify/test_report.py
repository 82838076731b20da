"""Showing and saving what came of a verification."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from callgate.model import Location
from callgate.report import Reporter
from callgate.verify.report import FILE, data, save, saved, table
from callgate.verify.verification import Disagreement, Tally, Verification

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TALLY = Tally(
    Counter({
        ("clang", "field", "uapi", "linux/a.h"): 1000,
        ("gcc", "field", "uapi", "linux/a.h"): 999,
        ("luajit", "field", "uapi", "linux/a.h"): 10,
        ("luajit", "name", "libc", "stdio.h"): 5,
    }),
    Counter({("gcc", "field", "uapi", "linux/a.h"): 1}),
)  # fmt: skip
WRONG = Disagreement("field", "struct a.b", Location("uapi", "linux/a.h", 3), "size", 4, 8, "gcc")
WITNESSES = ("clang", "gcc", "luajit")
FOUND = Verification("t", "7.2.0", WITNESSES, ("clang", "luajit"), TALLY, (), ())


class TestTable:
    """table()."""

    def test_rows(self) -> None:
        """A row per kind of fact, a column per witness, and the sums."""
        header, rows, footer = table(FOUND)
        assert header == ("kind of fact", "clang", "gcc", "luajit", "excluded")
        assert rows == [("field", "1,000", "999", "10", "1"), ("name", "", "", "5", "")]
        assert footer == ("all", "1,000", "999", "15", "1")

    def test_fits_a_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The table fits into 80 columns."""
        Reporter().print_table(*table(FOUND))
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) > 4
        assert max(map(len, lines)) <= 80


class TestData:
    """data()."""

    def test_disagreement(self) -> None:
        """--json has every disagreement with model's and witness's value, and is not clean."""
        value = json.loads(json.dumps(data(replace(FOUND, disagreements=(WRONG,)))))
        assert value["clean"] is False
        assert value["disagreements"] == [{
            "where": "linux/a.h:3", "unit": "uapi", "kind": "field", "name": "struct a.b",
            "fact": "size", "model": 4, "answer": 8, "witness": "gcc",
        }]  # fmt: skip

    def test_counts(self) -> None:
        """--json has the counts by witness, kind and header."""
        value = data(FOUND)
        assert value["checked"] == 2014
        assert value["witnesses"]["gcc"] == {"checked": 999, "excluded": 1}
        assert value["kinds"]["name"] == {
            "checked": {"clang": 0, "gcc": 0, "luajit": 5}, "excluded": 0,
        }  # fmt: skip
        assert value["headers"]["libc/stdio.h"] == {"luajit": 5}


class TestSave:
    """saved() and save()."""

    def test_same_everywhere(self) -> None:
        """verified.json is the same whether or not a gcc is installed."""
        without = {key: count for key, count in TALLY.checked.items() if key[0] != "gcc"}
        other = replace(
            FOUND, witnesses=("clang", "luajit"), tally=Tally(Counter(without), Counter())
        )
        assert saved(FOUND) == saved(other)
        value = json.loads(saved(FOUND))
        assert (value["checked"], value["excluded"]) == (1015, 0)
        assert value["headers"] == {"libc/stdio.h": 5, "uapi/linux/a.h": 1010}

    def test_untouched(self, tmp_path: Path) -> None:
        """A file that already says so is not written again."""
        save(FOUND, tmp_path)
        before = (tmp_path / FILE).stat()
        save(FOUND, tmp_path)
        assert (tmp_path / FILE).stat().st_ino == before.st_ino
        save(replace(FOUND, kernel="7.3.0"), tmp_path)
        assert json.loads((tmp_path / FILE).read_text())["kernel"] == "7.3.0"
