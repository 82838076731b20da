"""Random scripts and random sequences of calls of callgate.state, with the JIT compiler on and off.

Without $CALLGATE_FUZZ_SECONDS the same cases are tried on every machine, and no thread is stopped
while it runs, so that no outcome depends on timing. With it random cases are tried for so long,
from $CALLGATE_FUZZ_SEED on, and threads are stopped, too. A part of the cases runs under valgrind.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from callgate import luajit, paths, tools

SECONDS = int(os.environ.get("CALLGATE_FUZZ_SECONDS", "0"))
SEED = os.environ.get("CALLGATE_FUZZ_SEED", "1") if SECONDS else "1"
USUAL = 300  # cases of each mode: a few seconds
WATCHED = 40  # cases under valgrind, likewise
PROGRAM = Path(__file__).with_name("states.lua")
VALGRIND = ("valgrind", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=none")
LOST = re.compile(r"definitely lost: .* in (\d+) blocks")
KEPT = 1  # blocks: the table that all states share, which their threads may use until the end


def run(
    mode: str, last: int, seconds: int, threads: str, *under: str
) -> subprocess.CompletedProcess[str]:
    """Return the program when it has tried its cases; its failure is the test's."""
    library = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
    words = [SEED, "1", str(last), str(seconds), threads]
    done = subprocess.run(
        [*under, *luajit.interpreter(), f"-j{mode}", str(PROGRAM), *words],
        env=luajit.environment(library),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS + 300,
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr}"
    assert " cases; failures " in done.stdout
    return done


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["off", "stopped" if SECONDS else "joined"])
@pytest.mark.parametrize("mode", ["on", "off"])
def test_states(mode: str, threads: str) -> None:
    """Whatever a script does, its state answers, stays within its memory, and can be closed."""
    run(mode, 10**9 if SECONDS else USUAL, SECONDS // 4, threads)


@pytest.mark.slow
def test_memory() -> None:
    """Nothing that was not given is read or written, and nothing is lost, says valgrind."""
    if not any(tool.name == "valgrind" and tools.find(tool) for tool in tools.TOOLS):
        pytest.skip(f"valgrind is not installed: {tools.install_command(['valgrind'])}")
    done = run("off", 10**9 if SECONDS else WATCHED, SECONDS // 4, "off", *VALGRIND)
    lost = LOST.search(done.stderr)
    assert lost, done.stderr
    assert int(lost[1]) <= KEPT, done.stderr
