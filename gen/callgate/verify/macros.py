"""Function-like macros: their Lua translations against what a C compiler makes of the same calls.

Every translated macro that takes only integers and types is called with a handful of arguments: by
the compiler within constant data, which is read and never run, and by LuaJIT. Calls without a
defined value (a shift by more bits than there are) are left out, as the compiler points them out.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import luajit, paths
from callgate.emit.luatext import parameter_kinds
from callgate.errors import CallgateError
from callgate.headers.compiler import first_errors, run_compiler
from callgate.verify import ccode
from callgate.verify.compilers import ATTEMPTS, BOOL, REJECTED
from callgate.verify.objects import read_objects
from callgate.verify.verification import Disagreement, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from callgate.model import Abi, Macro
    from callgate.verify.compilers import Compiler

KIND = "macro"
OBJECT = "callgate_call_"
UNDEFINED = "!undefined"  # what LuaJIT says of a call that has no value in C
SECONDS = 120  # for LuaJIT; it takes 0.3
ASKED_KINDS = {"integer", "type", "unused"}
# Arguments as both languages spell them. A Lua number is C's long long.
INTEGERS = (
    "0", "1", "2", "3", "7", "12", "31", "0x55", "0xff", "0x1234", "0x80000000", "0xdeadbeef",
    "-1", "-0x12345", "0x123456789abcdefLL", "0x8000000000000005ULL",
)  # fmt: skip
STRIDE = 5  # between the positions in INTEGERS of one call's arguments
TYPE_BYTES = (1, 24, 4096)  # a type is so many bytes to Lua, an array of char to C
# What C leaves undefined is an error here, and each error is reported.
FLAGS = (
    "-g0", "-fno-sanitize=all", "-Wsystem-headers", "-Werror=shift-count-overflow",
    "-Werror=shift-count-negative", "-Werror=div-by-zero",
)  # fmt: skip
CLANG_FLAGS = ("-ferror-limit=0", "-fno-caret-diagnostics")
GCC_FLAGS = ("-fmax-errors=0", "-fno-diagnostics-show-caret")
# Every call is made by the interpreter first and, as its loop is hot by then, compiled in the end.
FRAME = """
jit.opt.start("hotloop=3", "maxtrace=4000")
local M = dofile({path!r})
-- C leaves such shifts undefined, and compilers do not point out all of them.
for _, name in ipairs {{ "shl", "shr" }} do
  local shift = M[name]
  M[name] = function(x, count)
    if count < 0 or count > 63 then
      error("undefined", 0)
    end
    return shift(x, count)
  end
end
local ffi = require "ffi"
local function hexadecimal(char)
  return ("%02x"):format(char:byte())
end
local function text(value)
  if type(value) == "table" then -- a call's own string: errors are strings, too
    return '"' .. value[1]:gsub(".", hexadecimal)
  end
  if type(value) == "cdata" and not tonumber(value) then
    value = ffi.cast("uintptr_t", value) + 0ULL
  end
  if type(value) == "string" then
    return "!" .. value:match "[^\\n]*"
  end
  return type(value) == "number" and ("%.0f"):format(value) or tostring(value)
end
local function show(first, last)
  for i = 1, #first do
    local before, after = text(first[i]), text(last[i])
    print(before == after and after or ("!%s, but %s when compiled"):format(before, after))
  end
end
"""
LOOP = """
do
  local f = {function}
  local rows, first, last = {{ {rows} }}, {{}}, {{}}
  for i = 1, #rows do
    local done, value = pcall(f, unpack(rows[i]))
    first[i] = done and type(value) == "string" and {{ value }} or value
  end
  for _ = 1, 4 do
    for i = 1, #rows do
      local row = rows[i]
      local done, value = pcall(f{arguments})
      last[i] = done and type(value) == "string" and {{ value }} or value
    end
  end
  show(first, last)
end
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a macro in both languages."""

    macro: Macro
    c: str  # ex) "MAJOR((long long)0x1234)"
    lua: str  # ex) "0x1234": the arguments


def integer_macros(abi: Abi) -> list[Macro]:
    """Return the translated macros that can be called with integers and types alone."""
    return [
        item
        for item in abi.macros
        if item.lua is not None and ASKED_KINDS.issuperset(parameter_kinds(item.lua))
    ]


def calls(macro: Macro) -> Iterator[Call]:
    """Yield calls with arguments that differ in size, sign and width."""
    kinds = parameter_kinds(macro.lua or "")
    for turn in range(len(INTEGERS) if kinds else 1):
        c, lua = [], []
        for position, kind in enumerate(kinds):
            size = TYPE_BYTES[turn % len(TYPE_BYTES)]
            number = INTEGERS[(turn + position * STRIDE) % len(INTEGERS)]
            c.append(f"char[{size}]" if kind == "type" else _c_integer(number))
            lua.append(str(size) if kind == "type" else number)
        yield Call(macro, f"{macro.name}({', '.join(c)})", ", ".join(lua))


def _c_integer(number: str) -> str:
    return f"({number})" if number.endswith("LL") else f"((long long){number})"


def check_macros(abi: Abi, compiler: Compiler) -> tuple[Tally, list[Disagreement]]:
    """Compare LuaJIT with ``compiler``; each defined call that agrees counts as one fact.

    Raises CallgateError when either cannot be asked.
    """
    tally, wrong = Tally(), []
    for (unit, header), macros in sorted(_places(abi).items()):
        asked = [call for macro in macros for call in calls(macro)]
        pairs = list(map(_about_text, asked, lua_answers(asked)))
        asked = [call for call, _ in pairs]
        answers = zip(pairs, _c_answers(compiler, unit, header, asked), strict=True)
        defined: Counter[str] = Counter()
        rejections: dict[str, str] = {}
        for (call, lua), c in answers:
            place = call.macro.location
            if lua == UNDEFINED:
                continue
            if isinstance(c, str):
                rejections.setdefault(call.macro.name, c)
                continue
            defined[call.macro.name] += 1
            if lua == c:
                tally.checked[compiler.name, KIND, place.unit, place.header] += 1
            else:
                name = f"{call.macro.name}({call.lua})"
                wrong.append(Disagreement(KIND, name, place, "value", lua, c, compiler.name))
        for macro in macros:
            if not defined[macro.name] and macro.name in rejections:
                said = f"rejected: {rejections[macro.name]}"
                wrong.append(
                    Disagreement(KIND, macro.name, macro.location, "", None, said, compiler.name)
                )
    return tally, wrong


def _about_text(call: Call, lua: int | str | bytes) -> tuple[Call, int | str]:
    """Return a call and its value; for a string's, whether C's string is the same one.

    A string's address is no constant before the program is linked.
    """
    if not isinstance(lua, bytes):
        return call, lua
    said = "".join(f"\\{byte:03o}" for byte in lua.partition(b"\0")[0])
    return replace(call, c=f'!__builtin_strcmp({call.c}, "{said}")'), 1


def _places(abi: Abi) -> dict[tuple[str, str], list[Macro]]:
    """Return the macros by unit and, where their name has several meanings, by header."""
    times = Counter((macro.location.unit, macro.name) for macro in abi.macros)
    found: dict[tuple[str, str], list[Macro]] = defaultdict(list)
    for macro in integer_macros(abi):
        place = macro.location
        header = place.header if times[place.unit, macro.name] > 1 else ""
        found[place.unit, header].append(macro)
    return found


# --- C -------------------------------------------------------------------------------------------


def _c_answers(
    compiler: Compiler, unit: str, header: str, asked: Sequence[Call]
) -> list[int | str]:
    """Return each call's value, or why the compiler gives none."""
    tree = compiler.tree
    spec = tree.unit(unit)
    if header:
        spec = replace(
            spec, first=(), discover=(), through={}, alone={}, excluded={}, include=(header,)
        )
    preamble = BOOL + tree.source(spec)
    flags = CLANG_FLAGS if tree.is_clang else GCC_FLAGS
    command = [*tree.command(spec), *flags, *FLAGS, "-c", "-x", "c", "-", "-o"]
    rejected: dict[int, str] = {}
    with tempfile.TemporaryDirectory(prefix="callgate-") as folder:
        output = Path(folder) / "calls.o"
        for _ in range(ATTEMPTS):
            text = _source(preamble, asked, rejected)
            run = run_compiler(
                [*command, str(output)], text, cache=tree.cache, capture=False, limits=tree.limits
            )
            if run.status == 0:
                found = read_objects(output, OBJECT)
                return [
                    rejected.get(index) or _value(found.numbers(f"{OBJECT}{index}"))
                    for index in range(len(asked))
                ]
            new = {int(match[1]) - 1: match[2].strip() for match in REJECTED.finditer(run.errors)}
            if not new.keys() - rejected.keys():
                break
            rejected |= new
    raise CallgateError(
        f"{compiler.name} does not compile the calls of macros:\n  {first_errors(run.errors)}",
        where=f"unit {unit}" + (f", {header} alone" if header else ""),
    )


def _source(preamble: str, asked: Sequence[Call], rejected: dict[int, str]) -> str:
    """Return the unit's text: an object with the value and signedness of each call, one a line."""
    lines = [preamble, f'#line 1 "{ccode.FILE}"']
    for index, call in enumerate(asked):
        facts = f"(unsigned long long)({call.c}), (__typeof__({call.c}))-1 < 1"
        line = f"{ccode.OBJECT} unsigned long long {OBJECT}{index}[] = {{ {facts} }};"
        lines.append("" if index in rejected else line)
    return "\n".join([*lines, ""])


def _value(facts: tuple[int, ...]) -> int:
    value, signed = facts
    return value - 2**64 if signed and value >> 63 else value


# --- Lua -----------------------------------------------------------------------------------------


def lua_answers(asked: Sequence[Call]) -> list[int | str | bytes]:
    """Return what each call gives in LuaJIT, strings as bytes, or its error."""
    lines = [FRAME.format(path=str(paths.PACKAGE / "runtime" / "macro.lua"))]
    for macro, group in groupby(asked, key=lambda call: call.macro):
        rows = ", ".join(f"{{ {call.lua} }}" for call in group)
        count = len(macro.parameters)
        arguments = "".join(f", row[{number + 1}]" for number in range(count))
        lines.append(LOOP.format(function=macro.lua, rows=rows, arguments=arguments))
    with tempfile.TemporaryDirectory(prefix="callgate-") as folder:
        path = Path(folder) / "calls.lua"
        path.write_text("\n".join(lines), encoding="utf-8")
        done = subprocess.run(
            [*luajit.interpreter(), str(path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    answers = done.stdout.splitlines()
    if done.returncode != 0 or len(answers) != len(asked):
        near = asked[min(len(answers), len(asked) - 1)].c
        said = done.stderr.strip() or f"exit status {done.returncode}"
        raise CallgateError(f"LuaJIT broke off at {near}: {said}")
    return [_lua_value(line) for line in answers]


def _lua_value(line: str) -> int | str | bytes:
    if line.startswith('"'):
        return bytes.fromhex(line[1:])
    if line in {"true", "false"}:
        return int(line == "true")
    return line if line.startswith("!") else int(line.removesuffix("LL").removesuffix("U"))
