"""What `require` costs: milliseconds and Lua heap beyond an empty LuaJIT, Callgate and ljsyscall.

./callgate generate && .venv/bin/python bench/load.py [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
from pathlib import Path

LIBRARY = Path(__file__).resolve().parent.parent / "output"
CODE = """
local ffi = require "ffi"
ffi.cdef [[
typedef struct { long sec, nsec; } bench_time;
int bench_clock(int, bench_time *) __asm__("clock_gettime");
]]
local ts = ffi.new "bench_time"
local function now()
  ffi.C.bench_clock(1, ts)
  return tonumber(ts.sec) * 1e3 + tonumber(ts.nsec) / 1e6
end
now()
collectgarbage() collectgarbage()
local before = collectgarbage "count"
local start = now()
local S = require(NAME)
local took = now() - start
%s
collectgarbage() collectgarbage()
print(("%%.3f %%.1f"):format(took, collectgarbage "count" - before))
"""


def measure(name: str, rounds: int, more: str = "") -> tuple[float, float] | None:
    """Return the median of milliseconds and kilobytes, None where the library is not there."""
    path = f"{LIBRARY}/?.lua;{LIBRARY}/?/init.lua;;"
    times, heap = [], 0.0
    for _ in range(rounds):
        done = subprocess.run(
            ["luajit", "-e", f"NAME = '{name}' {CODE % more}"],
            env={**os.environ, "LUA_PATH": path}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            return None
        took, size = done.stdout.split()
        times.append(float(took))
        heap = float(size)
    return statistics.median(times), heap


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    for label, name, more in (
        ("require callgate", "callgate", ""),
        ("require syscall (ljsyscall)", "syscall", ""),
    ):
        found = measure(name, rounds, more)
        print(
            f"{label:<30}"
            + (f"{found[0]:>8.2f} ms{found[1]:>9.0f} KB" if found else "       not installed")
        )
    touch = "local t = now() local _ = S.%s took = now() - t"
    for label, what in (
        ("one constant afterwards", "SEEK_SET"),
        ("one type afterwards", "t.io_uring_sqe"),
    ):
        found = measure("callgate", rounds, touch % what)
        print(
            f"{label:<30}"
            + (f"{found[0]:>8.2f} ms{found[1]:>9.0f} KB" if found else "       failed")
        )


if __name__ == "__main__":
    main()
