"""The definition files of modules whose Lua is written by hand: each says what its module has."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from callgate import luajit, paths

FILES = sorted((Path(paths.__file__).parent / "definitions").glob("*.lua"))
TIME_LIMIT = 60
# An expression for an object of each class that has methods; `state` is callgate.state.
OBJECTS = {
    "state": {
        "State": "state.create()",
        "Job": "(function() local s = state.create() "
        "s:script 'return print' return s:thread() end)()",
    },
    "lunatik": {
        "Runtime": "(function() io.open('empty.lua', 'w'):close() "
        "module.path = '.' return module.runtime 'empty' end)()"
    },
    "klua9": {
        "State": "module.kluaL_newstate('a', '')",
        "Lock": "module.kluaL_newstate('b', '').ks_lock",
    },
    "devlunatik": {"Device": "module.open '/dev/null'"},
    "lua4": {"Device": "module.open()"},
    "luactl": {"Client": "module.open '/dev/null'"},
}


def run_lua(code: str, folder: Path) -> set[str]:
    """Return the words that a Lua program prints."""
    library = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
    done = subprocess.run(
        [*luajit.interpreter(), "-e", code],
        env=luajit.environment(library),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_there_are_files() -> None:
    """The modules are those that programs require."""
    assert {"devlunatik", "klua", "klua9", "lua4", "luactl", "lunatik", "state"} <= {
        path.stem for path in FILES
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_functions(path: Path, tmp_path: Path) -> None:
    """Every function of the module is defined, no other, and every method is its objects'."""
    name, text = path.stem, path.read_text(encoding="utf-8")
    assert text.startswith(f"---@meta callgate.{name}\n")
    defined = set(re.findall(rf"^function {name}\.(\w+)", text, re.MULTILINE))
    listing = f"""
      for key, value in pairs(require "callgate.{name}") do
        if type(value) == "function" then print(key) end
      end
    """
    assert defined == run_lua(listing, tmp_path)
    methods = re.findall(r"^function ([A-Z]\w+):(\w+)", text, re.MULTILINE)
    objects = OBJECTS.get(name, {})
    assert {kind for kind, _ in methods} == set(objects)
    for kind, expression in objects.items():
        names = {method for other, method in methods if other == kind}
        asked = ", ".join(f'"{method}"' for method in sorted(names))
        code = f"""
          local state, module = require "callgate.state", require "callgate.{name}"
          local object = assert({expression})
          for _, method in ipairs {{ {asked} }} do
            if type(object[method]) == "function" then print(method) end
          end
        """
        assert run_lua(code, tmp_path) == names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_fields(path: Path, tmp_path: Path) -> None:
    """Every field of the module's own class is one that it has, but for what may be nil."""
    name, text = path.stem, path.read_text(encoding="utf-8")
    block = re.search(rf"^---@class callgate\.{name}\n((?:---.*\n)*)local", text, re.MULTILINE)
    assert block
    fields = set(re.findall(r"^---@field (\w+) ", block[1], re.MULTILINE))
    code = f"""
      for key, value in pairs(require "callgate.{name}") do
        if type(value) ~= "function" then print(key) end
      end
    """
    assert run_lua(code, tmp_path) == fields
