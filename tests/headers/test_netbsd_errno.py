"""The errors of the emulated lua(4) are those of NetBSD's own header."""

from __future__ import annotations

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from callgate import luajit

ROOT = Path(__file__).resolve().parents[2]
ERRNO = ROOT / "gen" / "callgate" / "runtime" / "lua4" / "errno.lua"

PRINT = """
package.preload["callgate.errors"] = function() return {} end
for name, row in pairs(dofile(arg[1]).rows) do print(name, row[1], row[2]) end
"""


def netbsd() -> dict[str, tuple[str, str]]:
    """Return name -> number and words of the bundle's sys/errno.h; strerror(3) says the same."""
    package = find_spec("ziglang")
    assert package is not None
    assert package.origin is not None
    header = Path(package.origin).parent / "lib/libc/include/generic-netbsd/sys/errno.h"
    row = re.compile(r"^#define\s+(E\w+)\s+(\d+)\s+/\* (.*?) \*/$", re.MULTILINE)
    return {name: (number, words) for name, number, words in row.findall(header.read_text())}


def test_rows(tmp_path: Path) -> None:
    """Every error has NetBSD's number and words."""
    script = tmp_path / "print.lua"
    script.write_text(PRINT)
    done = subprocess.run(
        [*luajit.interpreter(), str(script), str(ERRNO)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    expected = netbsd()
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) > 20
    assert {name: (number, words) for name, number, words in rows} == {
        name: expected[name] for name, _, _ in rows
    }
