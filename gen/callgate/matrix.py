"""The matrix: each target, how it is generated, verified and run. One table feeds everybody.

It joins headers/targets.toml and headers/runs.toml; `callgate targets --json`, `callgate test
--all`, the README's table and the workflow of GitHub Actions are views of it.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from callgate.emit.environment import render
from callgate.errors import CallgateError
from callgate.machines.table import load_runs
from callgate.targets import load_targets

if TYPE_CHECKING:
    from pathlib import Path

    from callgate.machines.model import Run
    from callgate.targets import Target

WORKFLOW = ".github/workflows/targets.yml"
README = "README.md"
TABLE = re.compile(r"(<!-- targets: [^\n]*-->\n).*?(<!-- end of targets -->)", re.DOTALL)
TIERS = {"native": "native", "user": "qemu-user", "system": "qemu-system"}


@dataclass(frozen=True, slots=True)
class Row:
    """One target and its runs."""

    target: Target
    runs: tuple[Run, ...]

    @property
    def setup(self) -> tuple[str, ...]:
        """The command that makes its headers, where they are not fetched; () where they are."""
        kind, _, arch = self.target.sysroot.partition(":")
        return ("headers", f"build-{kind}", "--arch", arch) if kind else ()

    @property
    def ran(self) -> str:
        """Where its library is run, in words: ``native (bookworm, trixie), qemu-system``."""
        found: dict[str, list[str]] = {}
        for run in self.runs:
            how = run.suite if run.luajit == "package" else run.luajit
            if "luajit2" in run.packages:
                how = f"OpenResty's of {how}"
            found.setdefault(TIERS[run.tier], []).append(how)
        return ", ".join(f"{tier} ({', '.join(hows)})" for tier, hows in found.items())

    def data(self) -> dict[str, Any]:
        """Return the row as JSON has it."""
        return {
            **asdict(self.target),
            "in_library": self.target.in_library,
            "setup": self.setup,
            "runs": [asdict(run) for run in self.runs],
        }


def matrix(data: Path) -> list[Row]:
    """Return the rows in the order of the target table; ``data`` is the folder headers/."""
    targets = load_targets(data / "targets.toml")
    runs = load_runs(data / "runs.toml", targets)
    return [
        Row(target, tuple(run for run in runs.values() if run.target == name))
        for name, target in targets.items()
    ]


def workflow(rows: list[Row]) -> str:
    """Return the workflow of GitHub Actions: the project's tests, and a job for each target."""
    return render("workflow.yml.j2", rows=rows)


def markdown(rows: list[Row]) -> str:
    """Return the README's table."""
    lines = ["| target | C library | runs on |", "|---|---|---|"]
    for row in rows:
        ran = row.ran or ("" if row.target.in_library else "types and constants, for `bind`")
        lines.append(f"| {row.target.name} | {row.target.libc} | {ran or 'compilers only'} |")
    return "\n".join([*lines, ""])


def files(rows: list[Row], root: Path) -> dict[str, str]:
    """Return the generated files of a checkout and what they should hold.

    Raises CallgateError when the README has lost the marks of its table.
    """
    readme = (root / README).read_text(encoding="utf-8")
    if not TABLE.search(readme):
        raise CallgateError(
            "no marks of the table of targets",
            where=README,
            hint="it stands between <!-- targets: ... --> and <!-- end of targets -->",
        )
    text = TABLE.sub(lambda found: found[1] + markdown(rows) + found[2], readme)
    return {WORKFLOW: workflow(rows), README: text}
