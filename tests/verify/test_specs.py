"""Running the Lua specs and reading what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgate import paths
from callgate.errors import CallgateError
from callgate.verify.specs import FOLDER, RUNNER, SpecRun, run_specs, spec_folder

TESTS = Path(__file__).parent.parent
GOOD = "local t = ... t.it('works', function() t.ok(true) end)"
BAD = "local t = ... t.it('fails', function() t.ok(false) end)"
SKIPPED = "local t = ... t.it('waits', function() t.skip 'no device' end)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder for specs, with the runner in it."""
    (tmp_path / RUNNER).write_text((TESTS / "lua" / RUNNER).read_text())
    return tmp_path


def test_outcomes(folder: Path) -> None:
    """Passed, failed and skipped tests are told apart, below subfolders too."""
    (folder / "sub").mkdir()
    (folder / "a_spec.lua").write_text(GOOD)
    (folder / "b_spec.lua").write_text(BAD)
    (folder / "sub/c_spec.lua").write_text(SKIPPED)
    seen = []
    done = run_specs(folder, folder, lambda *numbers: seen.append(numbers))
    assert done == SpecRun(1, ("c_spec.lua: waits: no device",), ("b_spec.lua: fails",))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_crash(folder: Path) -> None:
    """A spec that ends its process is a failure, though no test of it has failed."""
    (folder / "a_spec.lua").write_text("os.exit(9)")
    (failed,) = run_specs(folder, folder).failed
    assert failed.startswith("a_spec.lua: exit status 9")


def test_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The specs are the checkout's; an installed package has none, and says so."""
    assert spec_folder() == TESTS.parent / FOLDER
    monkeypatch.setattr(paths, "checkout", lambda: None)
    with pytest.raises(CallgateError, match="there are no Lua specs here"):
        spec_folder()
