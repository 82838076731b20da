"""Tests of callgate.headers.units and of the committed headers/units.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.errors import CallgateError
from callgate.headers.units import load_units
from callgate.targets import load_targets

if TYPE_CHECKING:
    from pathlib import Path

ROW = """[own]
of = "kernel"
defines = ["A=1"]
discover = ["linux"]
[own.through]
"asm/x_*.h" = "asm/x.h includes them"
[own.alone]
"linux/b.h" = { reason = "it conflicts" }
"linux/e.h" = { beside = "linux/E.h", reason = "it conflicts with that" }
[own.excluded]
"linux/c.h" = { reason = "never" }
"linux/d.h" = { on = "big-endian", reason = "there only" }
"""


def test_rows(tmp_path: Path) -> None:
    """A row becomes a unit with all that it says."""
    path = tmp_path / "units.toml"
    path.write_text(ROW, encoding="utf-8")
    (own,) = load_units(path)
    assert (own.name, own.of, own.discover) == ("own", "kernel", ("linux",))
    assert own.reached_through("asm/x_64.h") == "asm/x.h includes them"
    assert own.reached_through("asm/x.h") is None
    targets = load_targets(paths.data_dir("headers") / "targets.toml")
    for name, also in (("x86_64-linux-gnu", {}), ("s390x-linux-gnu", {"linux/d.h": "there only"})):
        assert own.excluded_on(targets[name], lambda _: True) == {"linux/c.h": "never", **also}


@pytest.mark.parametrize(
    ("there", "alone"),
    [
        ({"linux/b.h", "linux/e.h"}, ["linux/b.h"]),
        ({"linux/e.h", "linux/E.h"}, ["linux/e.h"]),
        ({"linux/E.h"}, []),
    ],
)
def test_alone(tmp_path: Path, there: set[str], alone: list[str]) -> None:
    """A header that conflicts has a unit of its own, in trees that have what it conflicts with."""
    path = tmp_path / "units.toml"
    path.write_text(ROW, encoding="utf-8")
    (row,) = load_units(path)
    own, *others = row.split(lambda header: header in there)
    assert list(own.alone) == alone
    assert [unit.name for unit in others] == [f"own:{header}" for header in alone]
    assert [unit.include for unit in others] == [(header,) for header in alone]
    assert all((unit.defines, unit.discover) == (("A=1",), ()) for unit in others)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[own]\nof = 'other'\n", "of must be"),
        ("[own]\nof = 'libc'\nincluded = []\n", "unknown key 'included'"),
        ("[own]\nof = 'libc'\ninclude = 'a.h'\n", "include: expected tuple"),
        ("[own]\nof = 'libc'\n[own.excluded]\n'a.h' = {}\n", "no reason given"),
        ("[own]\nof = 'libc'\n[own.alone]\n'a.h' = {beside='b.h'}\n", "no reason given"),
        ("[own]\nof = 'libc'\n[own.through]\n'a.h' = 3\n", "no reason given"),
        ("[own]\nof = 'libc'\n[own.excluded]\n'a.h' = {reason='r', on='x'}\n", "on: expected"),
        ("[own\n", "cannot read the unit table"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    """A mistake in the table is named with its row."""
    path = tmp_path / "units.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CallgateError, match=message) as caught:
        load_units(path)
    assert str(path) in (caught.value.where or "")


def test_missing(tmp_path: Path) -> None:
    """A table that is not there is an error with its path."""
    with pytest.raises(CallgateError, match="cannot read the unit table"):
        load_units(tmp_path / "none.toml")


def test_committed() -> None:
    """The committed table has units of Linux, its C libraries and the BSDs, without doubles."""
    units = load_units(paths.data_dir("headers") / "units.toml")
    assert [unit.name for unit in units] == ["uapi", "libc", "netbsd", "freebsd"]
    for unit in units:
        assert len(set(unit.include)) == len(unit.include)
