"""The definition files for editors: complete, and closed in themselves."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from callgate import luajit, paths
from callgate.library import DEFINITIONS
from callgate.spec.loader import load_spec

SPEC = load_spec()
# What LuaCATS itself knows: its own types, and those of lua-language-server's ffi module.
BUILT_IN = {
    "any", "boolean", "fun", "function", "integer", "nil", "number", "self", "string", "table",
    "true", "false", "ffi.cdata", "ffi.ctype",
}  # fmt: skip
NAMED = re.compile(r"(?<![\w.\"])[a-z]\w*+(?:\.\w++)*+(?!\??:)")
TIME_LIMIT = 60


def output() -> Path:
    """Return the folder of the library under test."""
    return Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """Return the definition files by name."""
    folder = output() / DEFINITIONS
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.lua")}


def run_lua(code: str) -> str:
    """Return what a Lua program prints."""
    done = subprocess.run(
        [*luajit.interpreter(), "-e", code],
        env=luajit.environment(output()),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def described(text: str) -> list[str]:
    """Return the types that the annotations of a file name, without what they are called."""
    found = []
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        rest = re.sub(r'"[^"]*"', "", rest.partition(" #")[0]).removeprefix("(partial) ")
        if word == "---@return":
            rest = rest.rpartition(" ")[0]
        elif word in {"---@param", "---@field"}:
            rest = rest.partition(" ")[2]
        elif word not in {"---@overload", "---@alias", "---@class", "---|"}:
            continue
        found += NAMED.findall(rest)
    return found


def test_types_are_defined(files: dict[str, str]) -> None:
    """Every type that an annotation names is defined, once."""
    everything = "\n".join(files.values())
    defined = re.findall(
        r"^---@(?:class|alias) (?:\(partial\) )?([\w.]+)", everything, re.MULTILINE
    )
    types = [name for name in defined if name != "callgate"]  # every file of calls adds to it
    assert len(set(types)) == len(types)
    named = {name for text in files.values() for name in described(text)}
    assert named - BUILT_IN - set(defined) == set()
    assert len(named) > 100


def test_files_are_lua(files: dict[str, str]) -> None:
    """Every file is a meta file, and Lua that compiles."""
    for name, text in files.items():
        assert text.startswith("---@meta"), name
        run_lua(f"assert(loadfile({json.dumps(str(output() / DEFINITIONS / name))}))")


def test_no_function_twice(files: dict[str, str]) -> None:
    """No function or method is defined twice."""
    for name, text in files.items():
        found = re.findall(r"^function ([\w.:]+)", text, re.MULTILINE)
        assert len(found) == len(set(found)), name


def test_every_call(files: dict[str, str]) -> None:
    """Every function and every method that the library has is defined."""
    code = """
      local index = require "callgate.calls.index"
      local whole = require("callgate.rows").whole
      for _, part in ipairs { whole(index.functions), index.aliases } do
        for name in pairs(part) do print("S." .. name) end
      end
      for name in pairs(whole(index.methods)) do print("Fd:" .. name) end
      for kind, rows in pairs(index.kinds) do
        for name in pairs(rows) do print(kind:gsub("^.", string.upper) .. ":" .. name) end
      end
    """
    elsewhere = ("bound/", "modules/")  # what is no part of S
    own = "\n".join(text for name, text in files.items() if not name.startswith(elsewhere))
    defined = set(re.findall(r"^function ([\w.:]+)", own, re.MULTILINE))
    expected = set(run_lua(code).split())
    assert expected - defined == set()
    assert defined - expected == {"S.errname", "S.strerror", "S.preload", "Fd:close", "Fd:nogc"}


def test_parameters(files: dict[str, str]) -> None:
    """The annotated parameters of every function are those that it has, in their order."""
    for name, text in files.items():
        for block in re.findall(r"((?:^---.*\n)+)^function [\w.:]+\((.*)\)", text, re.MULTILINE):
            params = re.findall(r"^---@param (\w+|\.\.\.)", block[0], re.MULTILINE)
            assert ", ".join(params) == block[1], name


def test_accessors() -> None:
    """spec/annotations has exactly the accessors, aliases and methods of each friendly type."""
    code = """
      for name, row in pairs(require("callgate.rows").whole(require "callgate.types.index")) do
        local module = row.module and row.record and require(row.module) or {}
        local names = {}
        for _, part in ipairs { "index", "newindex", "aliases", "methods" } do
          for field in pairs(module[part] or {}) do names[field] = true end
        end
        for field in pairs(names) do print(name .. "." .. field) end
      end
    """
    rows = SPEC.annotations["types"]
    declared = {
        f"{name}.{field}"
        for name, row in rows.items()
        if "record" in SPEC.types[name]
        for field in row.get("fields", ())
    }
    assert declared == set(run_lua(code).split())


def test_names_of_groups(files: dict[str, str]) -> None:
    """Every name that the library takes for an argument is offered."""
    code = """
      local flags = require "callgate.flags"
      for group in pairs(require("callgate.rows").whole(require "callgate.groups")) do
        local also = require("callgate.groups")[group].also
        local other = {}
        for _, name in ipairs(also and flags.names(flags.group(also)) or {}) do other[name] = true end
        for _, name in ipairs(flags.names(flags.group(group))) do
          if not other[name] and flags.lookup(flags.group(group), name) then print(group .. "." .. name) end
        end
      end
    """  # noqa: E501 - Lua
    offered = set()
    for name, names in re.findall(
        r"^---@alias callgate\.c\.(\w+) .*\n((?:---\| .*\n)*)", files["groups.lua"], re.MULTILINE
    ):
        offered |= {f"{name}.{item}" for item in re.findall(r'"([^"]+)"', names)}
    taken = set(run_lua(code).split())
    assert taken - offered == set()
    assert len(taken) > 1000
