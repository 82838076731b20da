"""The definitions for editors beside a bound file: closed in themselves, and as the file is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

Bind = Callable[..., Path]
Run = Callable[..., str]
BUILT_IN = {"any", "boolean", "fun", "function", "integer", "number", "string", "table", "value",
            "init", "ffi.cdata", "ffi.ctype"}  # fmt: skip
HEADERS = {"sqlite3": "sqlite3.h", "zlib": "zlib.h", "lua": "luajit-2.1/lua.h"}


@pytest.mark.parametrize("name", HEADERS)
def test_closed(name: str, bind: Bind, lua: Run) -> None:
    """Every type that is named is defined, once; the file is a meta file, and Lua."""
    file = bind(f"/usr/include/{HEADERS[name]}", name=name)
    text = file.with_name(f"{name}.d.lua").read_text()
    assert text.startswith("---@meta")
    defined = re.findall(r"^---@class ([\w.]+)", text, re.MULTILINE)
    assert len(defined) == len(set(defined))
    assert defined[0] == name
    named: set[str] = set()
    for line in re.findall(r"^---@(?:param|field) \S+ (.*)", text, re.MULTILINE):
        named |= set(re.findall(r"[\w.]*\w", re.sub(r" #.*", "", line)))
    for line in re.findall(r"^---@return (.*)", text, re.MULTILINE):
        named |= set(re.findall(r"[\w.]*\w", line))
    assert named - BUILT_IN - set(defined) == set()
    code = f"assert(loadfile({json.dumps(str(file.with_name(f'{name}.d.lua')))})) print 'lua'"
    assert lua(code) == "lua\n"


@pytest.mark.parametrize("name", HEADERS)
def test_complete(name: str, bind: Bind, lua: Run) -> None:
    """Every function and constant of the file is defined, and nothing that it has not."""
    prefix = ["--prefix", "sqlite3_"] if name == "sqlite3" else []
    file = bind(f"/usr/include/{HEADERS[name]}", *prefix, name=name)
    text = file.with_name(f"{name}.d.lua").read_text()
    own, _, rest = text.partition("\nlocal M = {}")
    fields = re.findall(r"^---@field (\w+)", own, re.MULTILINE)
    functions = re.findall(r"^function M\.(\w+)", rest, re.MULTILINE)
    assert len({*fields, *functions}) == len(fields) + len(functions)
    types = re.search(r"^---@class \w+\.types\n((?:---@field .*\n)+)", rest, re.MULTILINE)
    assert types is not None
    names = json.dumps([*fields, *functions])[1:-1]
    kinds = json.dumps(re.findall(r"^---@field (\w+)", types[1], re.MULTILINE))[1:-1]
    # no library is given: what the process does not have is an error of its own
    code = f"""
      local M = require "{name}"
      for _, name in ipairs {{ {names} }} do
        local there, why = pcall(function() return M[name] end)
        assert(there or why:find("is in the headers, but not in", 1, true), why)
      end
      for _, name in ipairs {{ {kinds} }} do assert(M.t[name], name) end
      for name in pairs(M) do print(name) end
    """
    assert set(lua(code).split()) - {*fields, *functions} == set()


def test_annotations(tmp_path: Path, bind: Bind) -> None:
    """Parameters and results say what Lua gives and gets; numbers to ... are explained."""
    (tmp_path / "a.h").write_text(
        "struct s { int n; const char *name; struct s *next; };\n"
        "double work(struct s *s, const char *end, unsigned long long n, void (*f)(int), ...);\n"
        "void quiet(void);\n#define LIMIT 0x10\n#define WIDE 0xffffffffffffffffULL\n"
        '#define NAME "x"\nextern int count;\n'
    )
    text = bind(str(tmp_path / "a.h"), name="a").with_name("a.d.lua").read_text()
    assert (
        "---double work(struct s *, const char *, unsigned long long, void (*)(int), ...)\n---\n"
        "---A Lua number among the ... goes as a double: `M.int(1)`, `M.long(1)` go as C's "
        "integers.\n"
        "---@param s? a.s\n---@param end_? string|ffi.cdata*\n---@param n integer|ffi.cdata*\n"
        "---@param f? function|ffi.cdata*\n---@param ... any\n---@return number\n"
        "function M.work(s, end_, n, f, ...) end\n"
    ) in text
    assert "---void quiet(void)\nfunction M.quiet() end\n" in text
    assert "---@field LIMIT integer # 0x10\n" in text
    assert "---@field WIDE ffi.cdata* # 0xffffffffffffffffULL\n" in text
    assert "---@field s fun(init?: table|ffi.cdata*): a.s\n" in text
    assert "---@field next a.s\n" in text
    assert "---@field count integer # int count\n" in text
