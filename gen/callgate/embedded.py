"""``python -m callgate.embedded [-e CODE] [SCRIPT [ARG...]]``: LuaJIT's command line, on lupa's.

Without arguments the script is read from standard input.
"""

from __future__ import annotations

import os
import signal
import sys

from lupa import luajit21

# As luajit.c does it: `arg` holds the script's name and arguments, which it gets as `...` too; an
# error is reported with its traceback and ends the process with status 1.
DRIVER = b"""
local code, script, arguments = ...
arg = arguments
arg[0] = script or "luajit"

local function run(chunk, message, ...)
  local ok = chunk ~= nil
  if ok then
    ok, message = xpcall(chunk, function(e)
      return debug.traceback(tostring(e), 2)
    end, ...)
  end
  if not ok then
    io.stdout:flush()
    io.stderr:write("luajit: ", message, "\\n")
    os.exit(1)
  end
end

if code then
  local chunk, message = loadstring(code, "=(command line)")
  run(chunk, message)
end
if script or not code then
  local chunk, message = loadfile(script)
  run(chunk, message, unpack(arguments))
end
io.stdout:flush()
"""


def main() -> int:
    """Run the command line; a failing script, or one that calls os.exit, ends the process."""
    # Python's handler would run only after the script; end at once instead
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    words = [os.fsencode(word) for word in sys.argv[1:]]
    code = None
    if words[:1] == [b"-e"]:
        if len(words) == 1:
            sys.stderr.write("luajit: -e needs CODE\n")
            return 1
        code, words = words[1], words[2:]
    script = words.pop(0) if words else None
    if script is None and code is None and sys.stdin.isatty():
        sys.stderr.write("luajit: the embedded LuaJIT has no prompt; give SCRIPT or -e CODE\n")
        return 1
    runtime = luajit21.LuaRuntime(encoding=None, register_builtins=False)
    runtime.execute(DRIVER, code, script, runtime.table(*words))
    return 0


if __name__ == "__main__":
    sys.exit(main())
