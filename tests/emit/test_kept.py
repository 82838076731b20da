"""Facts of C libraries that are kept as data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate.emit.facts import Facts
from callgate.emit.kept import FOLDER, keep, kept_facts
from callgate.errors import CallgateError
from callgate.paths import data_dir

if TYPE_CHECKING:
    from pathlib import Path

FACTS = Facts(
    "arm",
    "uclibc",
    {
        ("libc", "a.h"): {
            "constants": {"A": "0x1", "S": '"x\\n"'},
            "records": {"struct s": "[[{}]]"},
        }
    },
    {"A": ("libc", "a.h"), "struct.s": ("libc", "a.h")},
    frozenset({"B"}),
    {"struct s": 4},
)


def test_round_trip(tmp_path: Path) -> None:
    """What was kept comes back, for the architectures that are asked for."""
    keep(FACTS, tmp_path / "arm.json")
    assert kept_facts(tmp_path, {"arm", "x64"}) == [FACTS]
    assert kept_facts(tmp_path, {"x64"}) == []


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_broken(tmp_path: Path, text: str) -> None:
    """A file that is not whole is named."""
    (tmp_path / "arm.json").write_text(text)
    with pytest.raises(CallgateError, match="cannot read the facts of a C library") as caught:
        kept_facts(tmp_path, {"arm"})
    assert caught.value.where == str(tmp_path / "arm.json")


def test_committed() -> None:
    """The project keeps uClibc-ng's own headers of three architectures, and no kernel header."""
    found = kept_facts(data_dir("headers") / FOLDER, {"x64", "x86", "arm"})
    assert sorted(facts.arch for facts in found) == ["arm", "x64", "x86"]
    for facts in found:
        assert facts.libc == "uclibc"
        assert {unit for unit, _ in facts.modules} == {"libc"}
        assert facts.modules["libc", "bits/uClibc_config.h"]["constants"]["__UCLIBC_MAJOR__"] == "1"
