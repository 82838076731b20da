"""What `callgate generate` costs: seconds and peak memory, from nothing and with nothing changed.

    ./callgate --version && .venv/bin/python bench/generate.py [TARGET...|--all]

A cache of its own makes the first run one from nothing; the machine's real cache stays as it is.
Memory is that of all processes together, each page counted once (/proc/PID/smaps_rollup, Pss).
With CPU time much beyond `wall x cores`, or much below it, the machine had other work to do.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EVERY = 0.25  # seconds between two looks at the memory


def main() -> None:
    """Measure and print."""
    chosen = sys.argv[1:] or ["x86_64-linux-gnu"]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CALLGATE_CACHE": f"{folder}/cache"}
        command = [str(ROOT / "callgate"), "--quiet", "generate", *chosen, "--out", f"{folder}/out"]
        for label in ("from nothing", "nothing changed"):
            before = cpu_seconds()
            start = time.monotonic()
            peak = watched(command, environment)
            took = time.monotonic() - start
            used = cpu_seconds() - before
            print(f"{label:<16}{took:7.2f} s   CPU {used:7.2f} s   at most {peak / 1024:5.0f} MB")


def watched(command: list[str], environment: dict[str, str]) -> int:
    """Run ``command`` and return the most memory that it and its children had, in kB.

    Exits with the command's status when it fails.
    """
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(memory(number) for number in tree(process.pid)))
        time.sleep(EVERY)
    if process.returncode != 0:
        sys.exit(process.returncode)
    return peak


def tree(root: int) -> set[int]:
    """Return ``root`` and every process that descends from it."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, left = {root}, [root]
    while left:
        children = parents.get(left.pop(), [])
        found.update(children)
        left += children
    return found


def memory(process: int) -> int:
    """Return the kB of memory that are the process's own, and its share of others."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0  # it has ended meanwhile
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def cpu_seconds() -> float:
    """Return the CPU time of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
