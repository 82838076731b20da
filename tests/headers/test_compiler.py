"""Tests of callgate.headers.compiler."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from callgate.errors import CallgateError
from callgate.headers.compiler import LimitError, Limits, first_errors, run_compiler

if TYPE_CHECKING:
    from pathlib import Path


def python(program: str) -> list[str]:
    """Return a command that stands for a compiler."""
    return [sys.executable, "-c", program]


def test_run(tmp_path: Path) -> None:
    """A run has the source on its standard input; status, output and messages come back."""
    program = (
        "import sys; print(sys.stdin.read().upper()); print('oh', file=sys.stderr); sys.exit(3)"
    )
    run = run_compiler(python(program), "text", cache=tmp_path, capture=True, limits=Limits())
    assert (run.status, run.output, run.errors) == (3, "TEXT\n", "oh\n")


def test_zig_cache(tmp_path: Path) -> None:
    """The compiler's own cache is where it was told, and made if need be."""
    cache = tmp_path / "a" / "b"
    program = "import os; print(os.environ['ZIG_LOCAL_CACHE_DIR'], os.environ['LC_ALL'])"
    run = run_compiler(python(program), "", cache=cache, capture=True, limits=Limits())
    assert run.output == f"{cache} C\n"
    assert cache.is_dir()


def test_no_such_compiler(tmp_path: Path) -> None:
    """A compiler that cannot be started is an error that names it."""
    with pytest.raises(CallgateError, match="cannot run the compiler") as caught:
        run_compiler(["/no/such/cc"], "", cache=tmp_path, capture=True, limits=Limits())
    assert caught.value.where == "/no/such/cc"


def test_time_limit(tmp_path: Path) -> None:
    """A run that takes too long is killed, with all that it started."""
    mark = tmp_path / "mark"
    child = f"import time; time.sleep(2); open({str(mark)!r}, 'w')"
    program = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "time.sleep(60)"
    )
    begin = time.monotonic()
    with pytest.raises(LimitError, match="did not finish within 1 s"):
        run_compiler(python(program), "", cache=tmp_path, capture=True, limits=Limits(seconds=1))
    assert time.monotonic() - begin < 20
    time.sleep(max(0.0, begin + 4 - time.monotonic()))
    assert not mark.exists()


def test_output_limit(tmp_path: Path) -> None:
    """A run that writes too much is killed; the error names the place from the line markers."""
    program = "print('# 7 \"a.h\" 1\\nx\\ny')\nwhile True: print('z' * 1000, end='')"
    limits = Limits(output=1 << 20)
    with pytest.raises(LimitError, match="exceeds 1 MB") as caught:
        run_compiler(python(program), "", cache=tmp_path, capture=True, limits=limits)
    assert caught.value.where == "a.h:9"
    assert caught.value.output.startswith(b'# 7 "a.h" 1\nx\n')
    assert len(caught.value.output) <= limits.output


def test_memory_limit(tmp_path: Path) -> None:
    """A run that takes too much memory fails by itself."""
    limits = Limits(memory=1 << 30)
    program = "x = bytearray(2 << 30)"
    run = run_compiler(python(program), "", cache=tmp_path, capture=True, limits=limits)
    assert run.status != 0
    assert "MemoryError" in run.errors


def test_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On an interrupt the compiler is killed, and no descriptor stays open."""
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - plain names

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("callgate.headers.compiler.select.select", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_compiler(
            python("import time; time.sleep(60)"), "", cache=tmp_path, capture=True, limits=Limits()
        )
    monkeypatch.undo()
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - plain names


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a.h:1: warning: w\na.h:2: error: e\n", "a.h:2: error: e"),
        ("usage: cc\n", "usage: cc"),
        ("", "it ended without a message"),
        ("\n".join(f"error {n}" for n in range(9)), "\n  ".join(f"error {n}" for n in range(6))),
    ],
)
def test_first_errors(text: str, shown: str) -> None:
    """Of many messages the first errors are shown."""
    assert first_errors(text) == shown


def test_both_places() -> None:
    """Headers that disagree are both named: a compiler's error and its note."""
    said = (
        "In file included from x.c:1:\n"
        "b.h:36:8: error: redefinition of 'struct s'\n"
        "   36 | struct s { char other; };\n"
        "a.h:3:8: note: originally defined here\n"
        "a.h:9:1: note: expanded from macro 'M'\n"
    )
    assert first_errors(said).split("\n  ") == [
        "b.h:36:8: error: redefinition of 'struct s'",
        "a.h:3:8: note: originally defined here",
    ]
