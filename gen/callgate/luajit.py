"""Running Lua with the library: on the installed LuaJIT, else on the one embedded in lupa."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from callgate import tools
from callgate.errors import CallgateError

if TYPE_CHECKING:
    from pathlib import Path


def interpreter(*, embedded: bool = False) -> list[str]:
    """Return a command that takes LuaJIT's arguments: [-e CODE] [SCRIPT [ARG...]].

    $LUAJIT, else luajit on PATH, else (or where ``embedded`` asks for it) lupa's. Raises
    CallgateError when $LUAJIT names no program.
    """
    program = None if embedded else tools.luajit()
    if program:
        return [program]
    if os.environ.get("LUAJIT") and not embedded:
        raise CallgateError(
            "not a program", where=f"LUAJIT={os.environ['LUAJIT']}", hint="correct or unset LUAJIT"
        )
    return [sys.executable, "-P", "-m", "callgate.embedded"]


def environment(library: Path) -> dict[str, str]:
    """Return this process's environment with LUA_PATH leading to ``library`` first.

    Raises CallgateError for a path that LUA_PATH cannot express.
    """
    folder = str(library.resolve())
    if ";" in folder or "?" in folder:
        hint = "choose a path without ; and ?, which have a meaning in LUA_PATH"
        raise CallgateError("Lua cannot load from here", where=folder, hint=hint)
    rest = os.environ.get("LUA_PATH", ";")  # ";;" stands for LuaJIT's default path
    return {**os.environ, "LUA_PATH": f"{folder}/?.lua;{folder}/?/init.lua;{rest}"}
