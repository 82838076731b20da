"""callgate.state where a process of its own is needed: its end, its memory, its machine code."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from callgate import luajit, machinecode, paths

CYCLES = int(os.environ.get("CALLGATE_STATE_CYCLES", "5000"))  # 1000000 takes some minutes


def run(code: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run a program on the library under test."""
    script = tmp_path / "program.lua"
    script.write_text(code, encoding="utf-8")
    library = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
    return subprocess.run(
        [*luajit.interpreter(), str(script)],
        env=luajit.environment(library),
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )


@pytest.mark.parametrize("end", ["", "os.exit(0)", "os.exit(0, true)"])
@pytest.mark.parametrize("compiles", ["true", "false"])
def test_end(compiles: str, end: str, tmp_path: Path) -> None:
    """A program ends well while threads of its states still run, compiled or not."""
    done = run(
        f"""
        local state = require "callgate.state"
        for i = 1, 2 do
          local st = assert(state.create(i == 1 and "named" or nil, {{ jit = {compiles} }}))
          st:script "return function() while true do end end"
          assert(st:thread())
        end
        io.write "started"
        io.stdout:flush()
        {end}
        """,
        tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "started", "")


# What the process has by now, as proc(5) tells it: "VmRSS" in memory, "VmSize" mapped.
KILOBYTES = """
  local function kilobytes(what)
    collectgarbage()
    for line in io.lines "/proc/self/status" do
      local found = line:match("^" .. what .. ":%s*(%d+)")
      if found then return tonumber(found) end
    end
  end
"""


def test_cycles(tmp_path: Path) -> None:
    """Creating and closing states, with and without work in them, does not grow the process."""
    done = run(
        f"""
        local state = require "callgate.state"
        {KILOBYTES}
        local function cycle(i)
          local st = assert(state.create(i % 2 == 0 and "x" or nil,
            {{ maxalloc = 2 ^ 20, maxcount = 1e6 }}))
          if i % 16 == 0 then assert(st:exec "return 1") end
          assert(st:close())
        end
        for i = 1, 1000 do cycle(i) end
        local before = kilobytes "VmRSS"
        for i = 1, {CYCLES} do cycle(i) end
        print(kilobytes "VmRSS" - before)
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1024, f"grew by {done.stdout} kilobytes"


# Strings and tables that LuaJIT's allocator maps by themselves, some of which shrink; coroutines.
LARGE = """
  local text = string.rep("x", 300000) .. string.rep("y", 300000)
  local list, named = {}, {}
  for i = 1, 40000 do list[i] = i end
  for i = 40000, 10, -1 do list[i] = nil end
  list.x = 1
  for i = 1, 9000 do named["n" .. i] = i end
  for i = 1, 9000 do named["n" .. i] = nil end
  for i = 1, 50 do named[i .. ""] = 1 end
  for i = 1, 20 do coroutine.wrap(coroutine.yield)(i) end
  return #text
"""


@pytest.mark.parametrize("limits", ["", "maxalloc = 2 ^ 23, maxcount = 1e7"])
def test_all_is_given_back(limits: str, tmp_path: Path) -> None:
    """A closed state leaves no memory mapped, whatever the size of the blocks that it had."""
    done = run(
        f"""
        local state = require "callgate.state"
        {KILOBYTES}
        local function cycle()
          local st = assert(state.create(nil, {{ {limits} }}))
          assert(st:exec [[{LARGE}]] == 600000)
          if st:info().maxalloc > 0 then
            assert(not st:exec "local t = {{}} while true do t[#t + 1] = {{}} end")
          end
          assert(st:close())
        end
        for _ = 1, 50 do cycle() end
        local before = kilobytes "VmSize"
        for _ = 1, 150 do cycle() end
        print(kilobytes "VmSize" - before)
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2048, f"grew by {done.stdout} kilobytes"


@pytest.mark.parametrize("arch", machinecode.PROCESSORS)
def test_committed(arch: str) -> None:
    """The functions still compile to one block of code each, as large as what is committed."""
    table = machinecode.source().with_name("machine_code.lua").read_text(encoding="utf-8")
    rows = table.split(f"  {arch} = {{\n")[1].split("  },\n")[0].split(",\n")
    committed = {row.split()[0]: "".join(row.split('"')[1::2]) for row in rows if row.strip()}
    code = machinecode.compiled(arch)
    assert {name: 2 * len(text) for name, text in code.items()} == {
        name: len(digits) for name, digits in committed.items()
    }
    assert 0 < sum(map(len, code.values())) <= 1024


def test_same(tmp_path: Path) -> None:
    """The machine code that is committed does what a compiler makes of the C source now."""
    arch = {"x86_64": "x64", "aarch64": "arm64", "i686": "x86"}.get(platform.machine())
    if arch is None:
        pytest.skip(f"LuaJIT's name of {platform.machine()} is not known here")
    compiler = shutil.which("cc")
    fresh = machinecode.compiled(arch, (compiler,) if compiler else None)
    done = run(
        f"""
        jit.off() -- the allocator calls back
        local ffi = require "ffi"
        ffi.cdef [[
          typedef struct {{
            size_t used, limit, peak, refused;
            void *(*inner)(void *, void *, size_t, size_t);
            void *arena;
            size_t hard, soft;
            size_t *current;
            size_t top, mask;
            void *L, *pcall;
            void **place;
            uint32_t *pace, *count;
            int status;
          }} control;
        ]]
        local alloc = "void *(*)(control *, void *, size_t, size_t)"
        local committed = require "callgate.state.machine"
        assert(committed.limiter, "no machine code here")
        package.loaded["callgate.state.machine"], require("callgate.shared").machine = nil, nil
        package.loaded["callgate.state.machine_code"] = {{
          [jit.arch] = {{
            limiter = "{fresh["limiter"].hex()}", discard = "{fresh["discard"].hex()}",
          }},
        }}
        local compiled = require "callgate.state.machine"
        assert(compiled.limiter ~= committed.limiter and compiled.discard ~= committed.discard)
        local calls
        local kind = "void *(*)(void *, void *, size_t, size_t)"
        local inner = ffi.cast(kind, function(arena, p, old, size)
          calls[#calls + 1] = tostring(arena) .. tostring(p) .. tostring(old) .. tostring(size)
          return size > 0 and size % 7 ~= 0 and ffi.cast("void *", 4096 + size) or nil
        end)
        local function trace(code)
          local allocate = ffi.cast(alloc, code.limiter)
          local pace, count = ffi.new "uint32_t[1]", ffi.new "uint32_t[1]"
          local c = ffi.new("control",
            {{ limit = 10000, soft = 7000, inner = inner, pace = pace, count = count }})
          local stack = ffi.new("size_t[4]", {{ 4, 8, 16, 2 }})
          local running = ffi.new("size_t[1]", {{ ffi.cast("size_t", stack) }})
          c.current, c.top, c.mask = running, 1, ffi.cast("size_t", -1LL)
          local seed, held, coroutine, paid, unpaid, beyond = 1, {{}}, false, 0, 0, false
          calls = {{}}
          for i = 1, 5000 do
            seed = seed * 16807 % 2147483647
            local at, size = seed % 8, seed % 3 == 0 and 0 or seed % 5000
            local old = held[at] or 0
            if seed % 101 == 0 then size = -1 end
            coroutine = seed % 11 < 5
            c.L = not coroutine and stack or nil
            count[0] = seed % 13 < 6 and 20 or 0
            local before, refused = c.used, c.refused
            local p = allocate(c, ffi.cast("void *", old), old, size)
            local price = math.floor((size - old) / 64)
            if count[0] == 20 then
              assert(price < 16 or c.refused > refused)
            elseif count[0] > 1 then
              paid = paid + 1
              assert(price >= 16 and count[0] == 20 - price)
            elseif count[0] == 1 then
              unpaid = unpaid + (p == nil and c.refused == refused and c.used == before and 1 or 0)
            end
            assert(not coroutine or c.used <= 7000 or c.used <= before)
            beyond = beyond or c.used > 7000
            if p ~= nil then held[at] = size elseif size == 0 then held[at] = 0 end
            calls[#calls + 1] = table.concat({{ tostring(p), tostring(c.used), tostring(c.peak),
              tostring(c.refused), pace[0], count[0] }}, " ")
            assert((stack[1] == stack[2]) == (p == nil and size ~= 0))
            stack[1] = 8
            assert(c.used <= 10000)
          end
          assert(c.refused > 0 and paid > 0 and unpaid > 0 and beyond)
          return table.concat(calls, "\\n")
        end
        assert(trace(compiled) == trace(committed))
        assert(trace(compiled):find " 200 %d+\\n" and trace(compiled):find " 1000 %d+\\n")
        local function ending(code)
          local discard, place = ffi.cast(alloc, code.discard), ffi.new "void *[2]"
          local words, arena = ffi.new("size_t[4]", {{ 4, 8, 16, 4096 }}), ffi.cast("void *", 99)
          local c = ffi.new("control",
            {{ inner = inner, arena = arena, L = words, top = 1, place = place }})
          calls = {{}}
          for _, block in ipairs {{
            {{ 512, 127 }}, {{ 512, 128 }}, {{ 512, 127, 8 }}, {{ 4096, 16 }},
          }} do
            assert(c.place == place and place[0] == nil)
            discard(c, ffi.cast("void *", block[1]), block[2], block[3] or 0)
          end
          assert(c.place == nil and place[0] == ffi.cast("void *", inner) and place[1] == arena)
          assert(#calls == 3) -- only the small block was not freed
          return table.concat(calls, "\\n")
        end
        assert(ending(compiled) == ending(committed))
        print "same"
        """,
        tmp_path,
    )
    assert done.stdout == "same\n", done.stderr
