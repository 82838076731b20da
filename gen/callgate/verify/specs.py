"""The Lua specs as witnesses: the library in use, against the kernel of this machine."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import luajit, paths
from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = "tests/lua"
RUNNER = "runner.lua"
SECONDS = 120  # for one file: a hanging system call must not hang the run
RESULT = re.compile(r"^(ok|not ok) \d+ - (.*?)(?: # SKIP (.*))?$")


@dataclass(frozen=True, slots=True)
class SpecRun:
    """The outcome of all spec files; each text names the file and the test."""

    passed: int
    skipped: tuple[str, ...]
    failed: tuple[str, ...]


def spec_folder() -> Path:
    """Return the checkout's folder of specs; raises CallgateError where there is no checkout."""
    root = paths.checkout()
    if root is None or not (root / FOLDER / RUNNER).is_file():
        raise CallgateError(
            "there are no Lua specs here",
            where="--run",
            hint=f"a checkout has them in {FOLDER}",
        )
    return root / FOLDER


def run_specs(
    library: Path,
    folder: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> SpecRun:
    """Run each spec below ``folder`` in a LuaJIT of its own, with the library below ``library``."""
    specs = sorted(folder.rglob("*_spec.lua"))
    passed, skipped, failed = 0, [], []
    for number, spec in enumerate(specs, 1):
        for outcome, test, reason in _run(library, spec, folder / RUNNER):
            name = f"{spec.name}: {test}"
            if outcome != "ok":
                failed.append(name)
            elif reason:
                skipped.append(f"{name}: {reason}")
            else:
                passed += 1
        progress(number, len(specs))
    return SpecRun(passed, tuple(skipped), tuple(failed))


def _run(library: Path, spec: Path, runner: Path) -> list[tuple[str, str, str]]:
    """Return outcome, name and reason to skip of each test of one file."""
    with tempfile.TemporaryDirectory(prefix="callgate-") as scratch:
        try:
            done = subprocess.run(
                [*luajit.interpreter(), str(runner), str(spec)],
                env={**luajit.environment(library), "CALLGATE_TEST_TMP": scratch},
                cwd=scratch,
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return [("not ok", f"it did not end within {SECONDS} s", "")]
    lines = map(RESULT.match, done.stdout.splitlines())
    found = [(line[1], line[2], line[3] or "") for line in lines if line]
    if done.returncode != 0 and all(outcome == "ok" for outcome, _, _ in found):
        found.append(("not ok", f"exit status {done.returncode}: {done.stderr.strip()}", ""))
    return found
