"""Declared semantics as values: what spec/*.toml say, read and checked, nothing resolved yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callgate.model import Argument
    from callgate.spec.inference import Inference


# Types of operations that are no records.
SCALARS = frozenset(
    {
        "int", "uint", "long", "uint64", "uint16", "uint8",
        "string", "name", "path", "data", "bytes",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """What an argument can be: a row of kinds.toml."""

    name: str  # ex) "flags"
    convert: str  # the function of runtime/args.lua
    lua: str  # the type that a caller passes, in LuaCATS terms
    extra: str | None = None  # the word after the kind: "group", "type", "argument" or "size"
    letter: str | None = None  # of the C argument where the C type does not decide it


@dataclass(frozen=True, slots=True)
class Result:
    """What a call can return: a row of kinds.toml."""

    name: str  # ex) "number"
    letter: str  # of the C result: "i", "l"
    lua: str  # in LuaCATS terms


@dataclass(frozen=True, slots=True)
class ArgumentSpec:
    """One Lua argument: ``flags: flags O + cloexec = 0``."""

    name: str  # ex) "flags"
    kind: str  # ex) "flags": a row of kinds.toml
    extra: str | None = None  # ex) "O": the group, type, argument or size that the kind asks for
    added: str | None = None  # ex) "cloexec": flags set unless "~cloexec" turns them off
    default: str | None = None  # ex) "0", "set", '""': for when it is nil


@dataclass(frozen=True, slots=True)
class CallSpec:
    """One row: a Lua function."""

    name: str  # ex) "pread"
    family: str  # ex) "files": the table's file
    doc: str
    man: str  # ex) "pread(2)"
    call: str  # ex) "pread64": the kernel's name
    args: tuple[ArgumentSpec, ...] = ()
    passed: tuple[str, ...] = ()  # to the kernel, in its order: see loader.OPERAND
    returns: str = "true"  # a result of kinds.toml
    returned: str | None = None  # the fd's kind, or the argument that is returned
    methods: tuple[str, ...] = ()  # of descriptors; "timer:settime" of one kind of them alone
    also: tuple[str, ...] = ()  # further names of the same function, ex) ("pread64",)
    behaviour: str | None = None  # ex) "directories": written in Lua, in runtime/behaviour
    symbol: str | None = None  # a function of libc to call instead of the number
    short: str | None = None  # a call of fewer arguments, where registers have 64 bits and it is
    short_passed: tuple[str, ...] = ()  # ... and what it is passed: see passed

    @property
    def where(self) -> str:
        """Return the row's place, for messages: ``spec/files.toml: [pread]``."""
        return f"spec/{self.family}.toml: [{self.name}]"


def method_names(call: str) -> tuple[str, ...]:
    """Return a call's own name and, where it starts with f, the one without: fsync -> sync."""
    plain = call[1:] if call.startswith("f") and len(call) > 2 else ""  # noqa: PLR2004 - "f" alone
    return (call, plain) if plain else (call,)


@dataclass(frozen=True, slots=True)
class Spec:
    """All tables."""

    calls: tuple[CallSpec, ...]
    groups: Mapping[str, Mapping[str, Any]]
    types: Mapping[str, Mapping[str, Any]]
    kinds: Mapping[str, Kind]
    results: Mapping[str, Result]
    letters: Mapping[str, str]  # C type -> letter of runtime/sys.lua
    inference: Inference
    operations: Mapping[str, Mapping[str, str]]  # call -> operation -> its argument and result
    routes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # rows of routes.toml
    wide: Mapping[str, tuple[Argument, ...]] = field(default_factory=dict)  # entry -> wide.toml
    annotations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # annotations/
