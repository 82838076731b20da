"""callgate doctor."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

CALLGATE = [sys.executable, "-P", "-m", "callgate"]


def _callgate(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CALLGATE, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_all_there() -> None:
    """Where the required things are there the status is 0, and their versions are shown."""
    done = _callgate("doctor", "--json")
    found = {row["name"]: row for row in json.loads(done.stdout)}
    assert done.returncode == 0
    assert found["Python"]["found"].startswith(sys.version.split()[0])
    assert found["ziglang"]["found"] == "0.17.0"
    assert {row["needed"] for row in found.values()} == {"yes", "tests", "no"}


def test_lacking(tmp_path: Path) -> None:
    """What is lacking is followed by the command that mends it."""
    done = _callgate("doctor", PATH=str(tmp_path))
    assert done.returncode == 0, "the embedded LuaJIT is enough to generate"
    assert re.search(r"strace is needed by callgate test: .*install -y strace", done.stdout)
    assert re.search(r"clang would help: .*apt-get install -y clang", done.stdout)
    assert re.search(r"embedded LuaJIT +runs the library +yes +lupa\.luajit21", done.stdout)
    assert max(map(len, done.stdout.split("strace is")[0].splitlines())) <= 80


def test_cache(tmp_path: Path) -> None:
    """A cache that cannot be written is lacking, and the status is 1."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = _callgate("doctor", CALLGATE_CACHE=str(blocked / "cache"))
    assert done.returncode == 1
    assert "cache is needed" in done.stdout
    assert "CALLGATE_CACHE" in done.stdout
