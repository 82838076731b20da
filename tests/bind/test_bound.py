"""The library's own bindings: what they say, on which machines, and that they are current."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from callgate import luajit, paths
from callgate.bind.binding import bind as make
from callgate.bind.bound import Bound, load_bound
from callgate.bind.luacats import definitions
from callgate.bind.verify import verify
from callgate.report import Reporter
from callgate.targets import load_targets
from callgate.tools import install_command

Run = Callable[..., str]
TARGETS = load_targets(paths.data_dir("headers") / "targets.toml")
BOUND = {row.name: row for row in load_bound()}
HERE = paths.PACKAGE / "runtime" / "bound"
# amd64's, by NetBSD's sys/lua.h and lua(4)
NETBSD = {
    "LUAINFO": (0xC0106C00, "lua_info", 16),
    "LUACREATE": (0xC0506C01, "lua_create", 80),
    "LUADESTROY": (0xC0506C02, "lua_create", 80),
    "LUAREQUIRE": (0xC0306C03, "lua_require", 48),
    "LUALOAD": (0xC4106C04, "lua_load", 1040),
}


def run(code: str) -> str:
    """Return what a Lua program prints that has the committed bindings."""
    done = subprocess.run(
        [*luajit.interpreter(), "-e", code],
        env=luajit.environment(HERE.parent),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("row", BOUND.values(), ids=BOUND)
def test_current(row: Bound, tmp_path: Path) -> None:
    """The committed file is what `callgate bind --renew` writes; every target's compiler agrees."""
    for folder in row.request.folders:
        if not folder.is_dir():
            pytest.fail(f"{folder} is not here: {install_command([row.package])}")
    binding = make(row.request, row.targets(TARGETS.values()), Reporter(quiet=True))
    file = tmp_path / f"{row.name}.lua"
    file.write_text(binding.text(row.name), encoding="utf-8")
    assert file.read_text() == row.file.read_text(), "run `callgate bind --renew`"
    assert definitions(binding, row.name) == row.file.with_name(f"{row.name}.d.lua").read_text()
    asked = {witness for witness, *_ in verify(binding, file).tally.checked}
    assert {f"clang for {side.parsed.target.name}" for side in binding.sides} <= asked


def test_machines() -> None:
    """LuaJIT's binding is for every architecture of the table, with the same declarations."""
    text = BOUND["luajit"].file.read_text()
    machines = re.search(r'machines = "(.*)"', text)
    assert machines is not None
    linux = {target.luajit_arch for target in TARGETS.values() if target.os == "linux"}
    assert set(machines[1].split()) == linux
    deltas = re.search(r"^  deltas = \{\n(.*?)^  \},", text, re.MULTILINE | re.DOTALL)
    assert deltas is not None
    # macros only: whether a size_t is a Lua number or a 64-bit cdata
    assert set(re.findall(r"^      (\w+) = ", deltas[1], re.MULTILINE)) == {"on", "macro_names"}


def test_state() -> None:
    """LuaJIT's own C API makes a state, runs a program in it, and closes it."""
    code = """
      local lua = require "bound.luajit"
      local ffi = require "ffi"
      local L = lua.luaL_newstate()
      lua.luaL_openlibs(L)
      assert(not lua.luaL_dostring(L, "x = ('ab'):rep(3); return 6 * 7"))
      print(lua.lua_tonumber(L, -1), lua.lua_gettop(L), lua.lua_isnil(L, 5))
      lua.lua_pop(L, 1)
      lua.lua_getglobal(L, "x")
      print(ffi.string(lua.lua_tostring(L, -1)), lua.LUA_GCSETPAUSE, lua.LUA_REGISTRYINDEX)
      assert(lua.luaL_loadstring(L, "error 'no'") == 0)
      assert(lua.lua_pcall(L, 0, 0, 0) == lua.LUA_ERRRUN)
      local pointer = ffi.typeof("$ *", lua.t.lua_State)
      print(ffi.string(lua.lua_tostring(L, -1)), ffi.istype(pointer, L))
      lua.lua_close(L)
      local allocate = ffi.cast(lua.t.lua_Alloc, function() return nil end)
      jit.off(true)
      print(lua.lua_newstate(allocate, nil) == nil)
    """
    assert run(code).splitlines() == [
        "42\t1\tfalse",
        "ababab\t6\t-10000",
        "[string \"error 'no'\"]:1: no\ttrue",
        "true",
    ]


def test_netbsd() -> None:
    """NetBSD's numbers and records are those of amd64 on every 64-bit machine."""
    code = """
      local ffi = require "ffi"
      local lua = require "bound.netbsd_lua"
      for _, name in ipairs { "info", "create", "require", "load" } do
        print("lua_" .. name, ffi.sizeof(lua.t["lua_" .. name]))
      end
      local state = lua.t.lua_state_info
      print(ffi.sizeof(state), ffi.alignof(state), ffi.offsetof(state, "user"), lua.MAX_LUA_NAME)
      for _, name in ipairs { "LUAINFO", "LUACREATE", "LUADESTROY", "LUAREQUIRE", "LUALOAD" } do
        print(name, lua[name])
      end
    """
    lines = [line.split("\t") for line in run(code).splitlines()]
    sizes = {name: size for _, name, size in NETBSD.values()}
    assert {name: int(size) for name, size in lines[:4]} == sizes
    assert lines[4] == ["81", "1", "80", "16"]
    assert {name: int(value) for name, value in lines[5:]} == {
        name: number for name, (number, _, _) in NETBSD.items()
    }


def test_netbsd_of_32_bits() -> None:
    """Of 32-bit machines only LUAINFO differs: its record has two words of four bytes."""
    text = BOUND["netbsd_lua"].file.read_text()
    deltas = dict(re.findall(r'on = "(\d+bit)",\n      constants = \{\n +(\w+ = \w+),\n', text))
    assert deltas == {"64bit": "LUAINFO = 0xc0106c00", "32bit": "LUAINFO = 0xc0086c00"}
    narrow = f"""
      local ffi = require "ffi"
      local abi = ffi.abi
      ffi.abi = function(what) if what == "64bit" then return false end return abi(what) end
      print(("%x"):format(dofile("{BOUND["netbsd_lua"].file}").LUAINFO))
    """
    assert run(narrow) == "c0086c00\n"
