"""What a function looks like to a Lua program: parameters, results and their LuaCATS types.

The definition files for editors (luacats.py) and the reference pages are written from this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callgate.spec.model import ArgumentSpec, CallSpec, Spec

MISSING = re.compile(r"\?$|\|nil$")  # of a type: the parameter may be left out
MESSAGE, ERRNO = ("string", "message"), ("integer", "errno")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a Lua function."""

    name: str  # ex) "flags"
    type: str  # ex) "callgate.c.O"
    optional: bool
    spec: ArgumentSpec


@dataclass(frozen=True, slots=True)
class LuaFunction:
    """A function as Lua sees it."""

    call: CallSpec
    parameters: tuple[Parameter, ...]
    values: tuple[tuple[str, str], ...]  # type and name of what success returns
    returns: tuple[tuple[str, str], ...]  # of every result, failure's included
    overloads: tuple[str, ...]  # further ways to call it, ex) "fun(fd: integer): string?"

    @property
    def names(self) -> str:
        """Return the parameters: ``fd, buf, count``."""
        return ", ".join(item.name for item in self.parameters)

    @property
    def usage(self) -> str:
        """Return the parameters with brackets around what may be left out: ``path[, mode]``."""
        text = ""
        for item in self.parameters:
            shown = f"{', ' if text else ''}{item.name}"
            text += f"[{shown}]" if item.optional else shown
        return text


def lua_function(call: CallSpec, spec: Spec) -> LuaFunction:
    """Return the Lua side of a call, declared or inferred."""
    row = spec.annotations.get("functions", {}).get(call.name, {})
    parameters = tuple(_parameter(arg, row, spec) for arg in call.args)
    if "returns" in row:
        values = tuple(_named(text) for text in row["returns"])
    elif call.behaviour and call.returns == "true":
        values = (("any", "result"),)  # written by hand, and no row says what it is
    else:
        values = (_value(call, spec),)
    returns = values if call.returns == "always" else _with_failure(values)
    return LuaFunction(call, parameters, values, returns, tuple(row.get("overloads", ())))


def _named(text: str) -> tuple[str, str]:
    """Return ``integer count`` as type and name."""
    kind, _, name = text.rpartition(" ")
    return kind, name


def _parameter(arg: ArgumentSpec, row: dict[str, Any], spec: Spec) -> Parameter:
    text = row.get("params", {}).get(arg.name) or _type(arg, spec)
    plain = MISSING.sub("", text)
    return Parameter(arg.name, plain, plain != text or arg.default is not None, arg)


def _type(arg: ArgumentSpec, spec: Spec) -> str:
    """Return the type of what a caller passes for an argument."""
    kind = spec.kinds[arg.kind]
    if kind.extra == "group":
        return f"callgate.c.{arg.extra}{'?' if arg.kind == 'flags' else ''}"
    if kind.extra == "type":
        own = type_name(arg.extra or "", spec)
        return f"{own}?" if arg.kind == "out" else kind.lua.replace("ffi.cdata*", own)
    return kind.lua


def type_name(name: str, spec: Spec) -> str:
    """Return the class of a type: a friendly one's own, plain cdata for all others."""
    return f"callgate.t.{name}" if name in spec.types else "ffi.cdata*"


def _value(call: CallSpec, spec: Spec) -> tuple[str, str]:
    """Return type and name of what a call returns when it succeeds."""
    by_name = {arg.name: arg for arg in call.args}
    if call.returns == "fd":
        return f"callgate.fd{'.' + call.returned if call.returned else ''}", "fd"
    if call.returns == "argument" and call.returned in by_name:
        return type_name(by_name[call.returned].extra or "", spec), call.returned
    if any(arg.kind == "bytes" for arg in call.args):
        return "integer|string", "count"
    name = {"true": "ok", "number": "result", "long": "result", "always": "result"}
    return spec.results[call.returns].lua, name[call.returns]


def _with_failure(values: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the results of success and failure: ``T|nil, string?, integer?``.

    A further value stands where failure has its message or number. It is ``T|any``: a union with
    string would have editors warn of ``local r, w = assert(S.pipe())``, where it is a ``T``.
    """
    if not values:
        return (("nil", "never"), MESSAGE, ERRNO)
    first, *others = values
    out = [(or_nil(first[0]), first[1])]
    for index, failure in enumerate((MESSAGE, ERRNO)):
        if index < len(others):
            kind, name = others[index]
            plain = MISSING.sub("", kind)
            out.append((plain if plain == "any" else f"{plain}|any", name))
        else:
            out.append((f"{failure[0]}?", failure[1]))
    out += [(or_nil(kind), name) for kind, name in others[2:]]
    return tuple(out)


def or_nil(kind: str) -> str:
    """Return a type that may also be nil."""
    if kind in {"any", "nil"} or MISSING.search(kind):
        return kind
    return f"{kind}|nil" if re.search(r"[|: ]", kind) else f"{kind}?"
