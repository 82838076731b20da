"""What `callgate generate` costs: seconds and peak memory, from nothing and with nothing changed.

    ./callgate --version && .venv/bin/python bench/generate.py [TARGET]

A cache of its own makes the first run one from nothing; the machine's real cache stays as it is.
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


def main() -> None:
    """Measure and print."""
    target = sys.argv[1] if len(sys.argv) > 1 else "x86_64-linux-gnu"
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CALLGATE_CACHE": f"{folder}/cache"}
        command = [str(ROOT / "callgate"), "--quiet", "generate", target, "--out", f"{folder}/out"]
        for label in ("from nothing", "nothing changed"):
            start = time.monotonic()
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
            took = time.monotonic() - start
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"{label:<16}{took:7.2f} s   largest process so far {peak:5.0f} MB")


if __name__ == "__main__":
    main()
