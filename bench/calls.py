"""Calls per library as ratios to C: the same loops in C, Callgate and ljsyscall, JIT on and off.

    ./callgate generate && .venv/bin/python bench/calls.py [--rounds N] [NAME...]

Each round runs every variant once, in turn, so that a machine whose speed drifts slows all alike;
the median over the rounds is shown. Needs gcc, luajit and, for its column, Debian's lua-ljsyscall.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIBRARY = HERE.parent / "output"
NAMES = (
    "getppid",
    "read",
    "write",
    "pread",
    "lseek",
    "stat",
    "fstat",
    "fail",
    "clock",
    "socketpair",
    "openclose",
)
COUNTS = {
    "clock": 3_000_000,
    "stat": 200_000,
    "openclose": 200_000,
    "fail": 300_000,
    "socketpair": 200_000,
}
DEFAULT_COUNT = 500_000


def run(command: list[str]) -> float | None:
    """Return the nanoseconds per call that the command prints, None when it cannot run."""
    path = f"{LIBRARY}/?.lua;{LIBRARY}/?/init.lua;;"
    done = subprocess.run(
        command, env={**os.environ, "LUA_PATH": path}, capture_output=True, text=True, check=False
    )
    return float(done.stdout) if done.returncode == 0 else None


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        binary = f"{folder}/calls"
        subprocess.run(["gcc", "-O2", "-o", binary, str(HERE / "calls.c")], check=True)
        script = str(HERE / "calls.lua")
        print(f"{'ns per call':<12}{'C':>9}{'callgate':>10}{'/C':>7}{'ljsyscall':>11}{'/C':>7}"
              f"{'-joff':>9}{'lj -joff':>10}{'ratio':>7}")  # fmt: skip
        for name in options.names or NAMES:
            count = COUNTS.get(name, DEFAULT_COUNT)
            variants = {
                "c": [binary, name, str(count)],
                "ours": ["luajit", script, "callgate", name, str(count)],
                "theirs": ["luajit", script, "syscall", name, str(count)],
                "ours_off": ["luajit", "-joff", script, "callgate", name, str(count // 5)],
                "theirs_off": ["luajit", "-joff", script, "syscall", name, str(count // 5)],
            }
            samples: dict[str, list[float]] = {key: [] for key in variants}
            for _ in range(options.rounds):
                for key, command in variants.items():
                    value = run(command)
                    if value is not None:
                        samples[key].append(value)
            found = {
                key: statistics.median(values) if values else None
                for key, values in samples.items()
            }
            print(row(name, found))


def row(name: str, found: dict[str, float | None]) -> str:
    """Return one line of the table; what could not run shows as a dash."""

    def cell(value: float | None, width: int, digits: int) -> str:
        return f"{value:>{width}.{digits}f}" if value is not None else f"{'-':>{width}}"

    def ratio(one: str, two: str) -> float | None:
        top, bottom = found[one], found[two]
        return top / bottom if top is not None and bottom else None

    cells = [
        cell(found["c"], 9, 1),
        cell(found["ours"], 10, 1),
        cell(ratio("ours", "c"), 7, 2),
        cell(found["theirs"], 11, 1),
        cell(ratio("theirs", "c"), 7, 2),
        cell(found["ours_off"], 9, 1),
        cell(found["theirs_off"], 10, 1),
        cell(ratio("ours_off", "theirs_off"), 7, 2),
    ]
    return f"{name:<12}{''.join(cells)}"


if __name__ == "__main__":
    main()
