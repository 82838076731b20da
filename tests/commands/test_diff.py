"""callgate diff."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from callgate import cli

if TYPE_CHECKING:
    from pathlib import Path

DUMP = {
    "target": "x86_64-linux-gnu",
    "kernel": "7.2.0",
    "constants": {"A": {"value": 1, "header": "linux/a.h", "line": 1}},
    "records": {},
    "typedefs": {},
    "syscalls": {},
}


@pytest.fixture
def sides(tmp_path: Path) -> tuple[str, str]:
    """Return two dumps that differ in one constant."""
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(DUMP), encoding="utf-8")
    changed = {"A": {"value": 2, "header": "linux/a.h", "line": 1}}
    new.write_text(json.dumps(DUMP | {"constants": changed}), encoding="utf-8")
    return str(old), str(new)


def test_status(sides: tuple[str, str]) -> None:
    """The status is 0 where nothing differs and 1 where something does."""
    old, new = sides
    assert cli.main(["diff", old, old]) == 0
    assert cli.main(["diff", old, new]) == 1
    assert cli.main(["diff", old, new, "--only", "records"]) == 0


def test_text(sides: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """What differs is printed below its header."""
    cli.main(["diff", *sides])
    assert "linux/a.h\n  ~ A 1 -> 2\n" in capsys.readouterr().out


def test_json(sides: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints the changes for programs, with the same status."""
    assert cli.main(["diff", *sides, "--json"]) == 1
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert (change["name"], change["old"], change["new"]) == ("A", {"value": 1}, {"value": 2})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x86_64-linux-gnuu", "x86_64-linux-gnu"], "did you mean x86_64-linux-gnu"),
        (["./nowhere", "x86_64-linux-gnu"], "no such file or folder"),
        (["x86_64-linux-gnu", "i386-linux-gnu", "--target", "x"], "neither A nor B is a folder"),
    ],
)
def test_trouble(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Trouble is status 2, as diff(1) has it, and says what to write instead."""
    assert cli.main(["diff", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_unknown_name(sides: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """A name that neither side has is trouble, and gets the nearest one."""
    assert cli.main(["diff", *sides, "--name", "B"]) == 2
    assert "no name matches 'B' on either side" in capsys.readouterr().err


@pytest.mark.slow
def test_targets(capsys: pytest.CaptureFixture[str]) -> None:
    """Two real targets differ where their architectures do, and mirror each other."""
    found = []
    for pair in (
        ["x86_64-linux-gnu", "aarch64-linux-gnu"],
        ["aarch64-linux-gnu", "x86_64-linux-gnu"],
    ):
        assert cli.main(["diff", *pair, "--json"]) == 1
        changes = json.loads(capsys.readouterr().out)["changes"]
        found.append({(item["kind"], item["name"]): item for item in changes})
    there, back = found
    assert there.keys() == back.keys()
    assert all(item["new"] == back[key]["old"] for key, item in there.items())
    directory = there["constants", "O_DIRECTORY"]
    assert (directory["old"], directory["new"]) == ({"value": 0o200000}, {"value": 0o40000})
    event = there["records", "struct epoll_event"]
    assert (event["what"], event["old"]["size"], event["new"]["size"]) == ("grown", 12, 16)
    assert there["syscalls", "openat"]["old"]["number"] == 257
    assert there["syscalls", "open"]["what"] == "removed"
