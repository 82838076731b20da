"""All witnesses together: what is wrong, excluded, unused, remembered and saved."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from callgate.pipeline import Parsed
from callgate.report import Reporter
from callgate.verify import luajit
from callgate.verify.run import runs_here, verify_library

if TYPE_CHECKING:
    from pathlib import Path

    from tests.verify.conftest import Small

    from callgate.headers.trees import HeaderTree
    from callgate.model import Abi
    from callgate.verify.verification import Verification


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CALLGATE_CACHE", str(tmp_path / "remembered"))


def verify(small: Small, library: Path, abi: Abi | None = None, **options: bool) -> Verification:
    """Verify the small target's library."""
    report = Reporter(quiet=True, stream=io.StringIO())
    parsed = Parsed(abi or small.abi, (), "key")
    return verify_library(small.target, parsed, small.tree, library, report, **options)


def shifted(small: Small) -> Abi:
    """Return the model with one constant off by one."""
    first, *rest = small.abi.constants
    return replace(small.abi, constants=(replace(first, value=1), *rest))


def exclude(small: Small, **keys: str) -> None:
    """Write a row of exclusions.toml."""
    values = {"name": "T_BIT", "reason": "this test makes it wrong", **keys}
    text = "\n".join(f'{key} = "{value}"' for key, value in values.items())
    path = small.tree.data / "exclusions.toml"
    path.write_text(f"{path.read_text()}[[exclusion]]\n{text}\n")


class TestVerifyLibrary:
    """verify_library()."""

    def test_clean(self, small: Small, library: Path) -> None:
        """All witnesses agree with a right model and its library, and the counts are saved."""
        outcome = verify(small, library)
        assert outcome.problems() == []
        assert {"clang", "luajit"} <= set(outcome.witnesses)
        assert all(outcome.checked(name) > 50 for name in outcome.witnesses)
        saved = json.loads((library / "verified.json").read_text())
        assert saved["checked"] == outcome.checked("clang") + outcome.checked("luajit")
        assert saved["witnesses"] == ["clang", "luajit"]

    def test_wrong(self, small: Small, library: Path) -> None:
        """Every witness that disagrees is named, and nothing is saved."""
        outcome = verify(small, library, shifted(small))
        assert {item.witness for item in outcome.disagreements} == set(outcome.witnesses)
        assert {item.name for item in outcome.disagreements} == {"T_BIT"}
        assert not outcome.clean
        assert not (library / "verified.json").exists()

    def test_excluded(self, small: Small, library: Path) -> None:
        """What a row excludes is counted as excluded, and the outcome is clean."""
        exclude(small, kind="constant")
        exclude(small, kind="name", witness="luajit")
        outcome = verify(small, library, shifted(small))
        assert outcome.problems() == []
        assert outcome.excluded() == len(outcome.witnesses) + 1

    def test_unused_exclusion(self, small: Small, library: Path) -> None:
        """A row that excludes nothing makes the run fail."""
        exclude(small, kind="constant")
        outcome = verify(small, library)
        assert outcome.problems() == ["headers/exclusions.toml: unused: constant T_BIT"]
        assert not outcome.clean

    def test_unused_with_other_headers(self, small: Small, library: Path) -> None:
        """Rows are written for the bundle's headers, so those of a sysroot may not use them."""
        exclude(small, kind="constant")
        other: HeaderTree = replace(small.tree, name="/some/sysroot")
        outcome = verify(replace(small, tree=other), library)
        assert outcome.clean

    def test_remembered(self, small: Small, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A clean outcome is not asked for again while nothing changes, unless asked afresh."""
        first = verify(small, library)
        (library / "verified.json").unlink()
        monkeypatch.setattr(luajit, "batches", lambda *_: pytest.fail("asked again"))
        again = verify(small, library)
        assert again.cached
        assert again == replace(first, cached=True)
        assert (library / "verified.json").exists()
        with pytest.raises(pytest.fail.Exception, match="asked again"):
            verify(small, library, fresh=True)

    def test_changed_library(self, small: Small, library: Path) -> None:
        """A library that has changed since is asked again."""
        verify(small, library)
        path = library / "callgate/numbers/x64.lua"
        path.write_text(path.read_text().replace("second = 7", "second = 9"))
        names = {item.name for item in verify(small, library).disagreements}
        assert names == {"second"}

    def test_damaged_memory(self, small: Small, library: Path, tmp_path: Path) -> None:
        """A damaged cache file counts as none."""
        verify(small, library)
        (path,) = (tmp_path / "remembered/verified").glob("*.pickle")
        path.write_bytes(b"\x80")
        assert not verify(small, library).cached

    def test_call_without_row(self, small: Small, library: Path) -> None:
        """A call that asm/unistd.h numbers and the kernel's table lacks is named."""
        path = small.headers / "asm/unistd.h"
        path.write_text(path.read_text() + "#define __NR_new 8\n")
        (item,) = verify(small, library).disagreements
        assert (item.kind, item.name, item.witness) == ("system call", "new", "clang")
        assert "the kernel's table has no such row" in str(item)

    def test_row_without_call(self, small: Small, library: Path) -> None:
        """A call of the kernel's table that asm/unistd.h does not number is named."""
        small.write("asm/unistd.h", "#define __NR_first 0\n")
        found = verify(small, library).disagreements
        assert {(item.kind, item.name) for item in found} == {("system call", "second")}
        assert "luajit" not in {item.witness for item in found}

    def test_headers_do_not_compile(self, small: Small, library: Path) -> None:
        """A unit that does not compile is a disagreement of each compiler, not the end."""
        small.write("t/small.h", "int = 3;\n")
        outcome = verify(small, library)
        assert {(item.kind, item.name) for item in outcome.disagreements} == {("unit", "uapi")}
        assert outcome.checked("luajit") > 50

    def test_foreign_machine(
        self, small: Small, library: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """On a machine that cannot run the target it is said that LuaJIT was not asked."""
        target = replace(small.target, arch="sparc64")
        assert not runs_here(target)
        outcome = verify_library(
            target, Parsed(small.abi, (), "key"), small.tree, library, Reporter(quiet=True)
        )
        assert "luajit" not in outcome.witnesses
        assert "LuaJIT was not asked" in capsys.readouterr().err
