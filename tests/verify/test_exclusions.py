"""headers/exclusions.toml: what a row covers, and what is wrong with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.errors import CallgateError
from callgate.model import Location
from callgate.verify.exclusions import PARSE, Exclusion, Exclusions, load_exclusions
from callgate.verify.verification import Disagreement

if TYPE_CHECKING:
    from pathlib import Path

ROW = """
[[exclusion]]
kind = "field"
name = "*"
reason = "four words of reason"
"""
TARGET = "x86_64-linux-gnu"
ITEM = Disagreement(
    "field", "struct a.b", Location("uapi", "linux/a.h", 3), "offset", 4, 8, witness="gcc"
)


def row(**changes: object) -> Exclusion:
    """Return a row for ITEM, but for the changes."""
    values = {"kind": "field", "name": "struct a.*", "reason": "four words of reason", **changes}
    return Exclusion(**values)  # type: ignore[arg-type]


class TestExcuses:
    """Exclusions.excuses()."""

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"fact": "offset"},
            {"witness": "gcc"},
            {"header": "linux/*.h"},
            {"targets": ("arm-*", "x86_64-*")},
            {"witness": "gcc", "before": 13},
        ],
    )
    def test_covers(self, changes: dict[str, object]) -> None:
        """A row covers a disagreement that all its keys fit, and is used by it."""
        table = Exclusions([row(**changes)])
        assert table.excuses(ITEM, TARGET, 12)
        assert table.unused({TARGET: {"gcc": 12}}, [TARGET]) == ()

    @pytest.mark.parametrize(
        "changes",
        [
            {"kind": "record"},
            {"name": "struct b.*"},
            {"fact": "size"},
            {"witness": "clang"},
            {"header": "asm/*.h"},
            {"targets": ("arm-*",)},
            {"witness": "gcc", "before": 12},
        ],
    )
    def test_does_not_cover(self, changes: dict[str, object]) -> None:
        """A row does not cover a disagreement that one of its keys does not fit."""
        assert not Exclusions([row(**changes)]).excuses(ITEM, TARGET, 12)

    def test_unused(self) -> None:
        """A row that excused nothing is unused, one for a witness not asked cannot be judged."""
        rows = [row(), row(witness="gcc"), row(witness="tcc"), row(witness="gcc", before=12)]
        table = Exclusions([*rows, row(kind=PARSE, name="a.h")])
        assert table.unused({TARGET: {"gcc": 12}}, [TARGET]) == (rows[0], rows[1])

    def test_unused_on_targets(self) -> None:
        """A row is judged when all its targets were asked; one that fits no target is unused."""
        everywhere, there, nowhere = row(), row(targets=("arm-*",)), row(targets=("vax-*",))
        table = Exclusions([everywhere, there, nowhere])
        every, asked = [TARGET, "arm-linux-gnueabihf"], {TARGET: {"gcc": 12}}
        assert table.unused(asked, every) == (nowhere,)
        asked["arm-linux-gnueabihf"] = {"gcc": 12}
        assert table.unused(asked, every) == (everywhere, there, nowhere)


class TestCovers:
    """Exclusions.covers()."""

    def test_header(self) -> None:
        """A header that cannot be parsed is covered by a row of kind "parse"."""
        table = Exclusions([row(kind=PARSE, name="linux/a.h", targets=("x86_64-*",))])
        assert table.covers(PARSE, "linux/a.h", TARGET)
        assert not table.covers(PARSE, "linux/b.h", TARGET)
        assert not table.covers(PARSE, "linux/a.h", "arm-linux-gnueabihf")


class TestLoad:
    """load_exclusions()."""

    def load(self, tmp_path: Path, text: str) -> Exclusions:
        """Return the table written in ``text``."""
        path = tmp_path / "exclusions.toml"
        path.write_text(text)
        return load_exclusions(path)

    def test_committed_table(self) -> None:
        """The project's own table can be read."""
        assert load_exclusions(paths.data_dir("headers") / "exclusions.toml").rows

    def test_row(self, tmp_path: Path) -> None:
        """A row's keys are the Exclusion's."""
        table = self.load(tmp_path, ROW.replace('"*"', '"a"') + 'targets = ["x"]\n')
        assert table.rows == (row(name="a", targets=("x",)),)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (ROW.partition("reason")[0], "row 1: no 'reason'"),
            (ROW.replace("four words of reason", "why"), "'why' is no reason"),
            (ROW.replace("field", "x"), "unknown kind 'x'"),
            (ROW + "why = 1\n", "unknown key 'why'"),
            (ROW + "before = 13\n", "name the witness"),
            ("[exclusions]\n", "unknown key 'exclusions'"),
            ("[[", "cannot read the exclusions"),
        ],
    )
    def test_wrong_table(self, tmp_path: Path, text: str, message: str) -> None:
        """A mistake in the table is an error that says where and what."""
        with pytest.raises(CallgateError, match=r"exclusions\.toml") as caught:
            self.load(tmp_path, text)
        assert message in str(caught.value)

    def test_missing_table(self, tmp_path: Path) -> None:
        """Without the table nothing runs."""
        with pytest.raises(CallgateError, match="cannot read the exclusions"):
            load_exclusions(tmp_path / "none.toml")
