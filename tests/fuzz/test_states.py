"""Random scripts and random sequences of calls of callgate.state, with the JIT compiler on and off.

Without $CALLGATE_FUZZ_SECONDS the same cases are tried on every machine, and no thread is stopped
while it runs, so that no outcome depends on timing. With it random cases are tried for so long,
from $CALLGATE_FUZZ_SEED on, and threads are stopped, too.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from callgate import luajit, paths

SECONDS = int(os.environ.get("CALLGATE_FUZZ_SECONDS", "0"))
SEED = os.environ.get("CALLGATE_FUZZ_SEED", "1") if SECONDS else "1"
USUAL = 300  # cases of each mode: a few seconds
PROGRAM = Path(__file__).with_name("states.lua")


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["off", "stopped" if SECONDS else "joined"])
@pytest.mark.parametrize("mode", ["on", "off"])
def test_states(mode: str, threads: str) -> None:
    """Whatever a script does, its state answers, stays within its memory, and can be closed."""
    library = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
    last = 10**9 if SECONDS else USUAL
    words = [SEED, "1", str(last), str(SECONDS // 4), threads]
    done = subprocess.run(
        [*luajit.interpreter(), f"-j{mode}", str(PROGRAM), *words],
        env=luajit.environment(library),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS + 300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " cases; failures " in done.stdout
