"""callgate.devlunatik against the Lua that Lunatik has in the kernel: 5.4, and 5.5 of newer ones.

The device is a terminal whose other end this process serves as Lunatik's driver does: a line is a
chunk, its first result or its error is the answer, as text.
"""

from __future__ import annotations

import os
import subprocess
import threading
import tty
from pathlib import Path

import pytest
from lupa import lua54, lua55

from callgate import luajit, paths

TIME_LIMIT = 60
DRIVER = """
  local runtimes = {}
  package.loaded["lunatik.runner"] = {
    run = function(script, context)
      if runtimes[script] then error(script .. " is already running", 0) end
      runtimes[script] = context or "process"
    end,
    stop = function(script) runtimes[script] = nil end,
    list = function()
      local list = {}
      for script in pairs(runtimes) do list[#list + 1] = script end
      return table.concat(list, ", ")
    end,
  }
  return function(text)
    local chunk, result = load(text)
    if chunk then
      local results = table.pack(pcall(chunk))
      result = results.n > 1 and tostring(results[2]) or ""
    end
    return result
  end
"""
CLIENT = r"""
  local devlunatik = require "callgate.devlunatik"
  local device = assert(devlunatik.open(arg[1]))
  local function show(...)
    local parts = {}
    for i = 1, select("#", ...) do
      local value = select(i, ...)
      parts[i] = type(value) == "string" and ("%q"):format(value) or tostring(value)
    end
    print(table.concat(parts, " "))
  end
  show(device:exec "return _VERSION")
  show(device:exec "return math.maxinteger, math.mininteger, -1, 1 << 53, (1 << 53) + 1")
  show(device:exec "return 1.5, 2^53, 7 // 2, nil, true, nil")
  show(device:exec "return 'a\\0\\r\\n\\255' == arg", #device:exec "return 'a\\0\\r\\n\\255'")
  show(device:exec("local s = 'a\0\127\255' return #s"))
  show(device:exec "goto done do local x <const> = 1 end ::done:: return 'syntax of 5.4'")
  show(device:exec "\n\nerror 'boom'")
  show(device:exec "return = 1")
  show(device:run "a", device:run("b", "softirq"), device:run "a")
  show(device:stop "a", table.concat(device:list(), ","))
  show(device:dostring "return 6 * 7\n")
"""


@pytest.mark.parametrize("version", [lua54, lua55], ids=["5.4", "5.5"])
def test_dialect(version: object, tmp_path: Path) -> None:
    """The kernel's Lua understands what is sent, and its values arrive, 64-bit ones exactly."""
    run = version.LuaRuntime(encoding="latin-1").execute(DRIVER)  # type: ignore[attr-defined]
    master, slave = os.openpty()
    tty.setraw(slave)

    def serve() -> None:
        text = b""
        while piece := os.read(master, 65536):
            text += piece
            while b"\n" in text:
                line, _, text = text.partition(b"\n")
                if line == b"end":
                    return
                os.write(master, run(line.decode("latin-1")).encode("latin-1"))

    server = threading.Thread(target=serve)
    server.start()
    script = tmp_path / "client.lua"
    script.write_text(CLIENT)
    library = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
    try:
        done = subprocess.run(
            [*luajit.interpreter(), str(script), os.ttyname(slave)],
            env=luajit.environment(library),
            capture_output=True,
            text=True,
            check=False,
            timeout=TIME_LIMIT,
        )
    finally:
        os.write(slave, b"end\n")
        server.join()
        os.close(slave)
        os.close(master)
    assert done.returncode == 0, done.stderr
    name = version.__name__.rpartition("lua")[2]  # type: ignore[attr-defined]
    assert done.stdout.splitlines() == [
        f'"Lua {name[0]}.{name[1]}"',
        "9223372036854775807LL -9223372036854775808LL -1 9007199254740992LL 9007199254740993LL",
        "1.5 9.007199254741e+15 3 nil true nil",
        "false 5",
        "4",
        '"syntax of 5.4"',
        'nil "exec:3: boom" 22',
        "nil \"exec:1: unexpected symbol near '='\" 22",
        'true true nil "a is already running" 22',
        'true "b"',
        '"42"',
    ]
