"""Lua literals of constants, keys and names; the exact value or cdata, never a rounded number."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callgate.model import Constant

HEX_HINT = re.compile(r"0[xX]|<<|_IO|\bBIT\b")  # written as bits: shown as bits
EXACT = 2**53  # beyond it a Lua number (a double) cannot hold every integer


def lua_literal(constant: Constant) -> str:
    """Return the Lua literal of a constant's value; ULL or LL where a Lua number is not exact."""
    value = constant.value
    if isinstance(value, str):
        return lua_string(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else _endless(value)
    hexadecimal = value >= 0 and HEX_HINT.search(constant.text) is not None
    digits = f"0x{value:x}" if hexadecimal else str(value)
    if -EXACT <= value <= EXACT:
        return digits
    return f"{digits}LL" if constant.signed else f"{digits}ULL"


def _endless(value: float) -> str:
    if math.isnan(value):
        return "0 / 0"
    return "1 / 0" if value > 0 else "-1 / 0"


def lua_string(value: str) -> str:
    """Return a Lua string literal of latin-1 text; bytes outside ASCII as decimal escapes."""
    escape = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(
        escape.get(char, char if " " <= char <= "~" else f"\\{ord(char):03d}") for char in value
    ) + '"'  # fmt: skip


def lua_key(name: str) -> str:
    """Return a table constructor's key: bare where Lua allows it."""
    if re.fullmatch(r"[A-Za-z_]\w*", name) and name not in LUA_KEYWORDS:
        return name
    return f'["{name}"]'


def lua_field(name: str) -> str:
    """Return a field's name as LuaCATS takes it; ``[string]`` stands for all strings."""
    return name if name.startswith("[") else lua_key(name)


LUA_KEYWORDS = frozenset({
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
    "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
})  # fmt: skip


def wrap(names: list[str], width: int = 100) -> Iterator[str]:
    """Yield lines of space-separated names no longer than ``width`` where possible."""
    line = ""
    for name in names:
        if line and len(line) + 1 + len(name) > width:
            yield line
            line = name
        else:
            line = f"{line} {name}" if line else name
    if line:
        yield line
