"""Reading the spec tables: strict, with errors that name the file, the row and the nearest key."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from callgate.errors import CallgateError
from callgate.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.resources.abc import Traversable

ARGUMENT = re.compile(r"(\w+)\s*:\s*([\w?]+)(?:\s+([\w.+]+))?(?:\s*\+\s*([\w, ]+?))?(?:\s*=\s*(.+))?")
TABLES = {"kinds.toml", "groups.toml", "types.toml"}
CALL_KEYS = {
    "doc", "man", "call", "args", "pass", "returns", "method", "behaviour", "symbol",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ArgumentSpec:
    """One Lua argument: ``flags: flags O + cloexec = 0``."""

    name: str  # ex) "flags"
    kind: str  # ex) "flags": a row of kinds.toml
    extra: str | None = None  # ex) "O": the group, type or argument that the kind asks for
    added: str | None = None  # ex) "cloexec": flags set unless "~cloexec" turns them off
    default: str | None = None  # ex) "0": a Lua expression for when it is nil


@dataclass(frozen=True, slots=True)
class CallSpec:
    """One row: a Lua function."""

    name: str  # ex) "pread"
    family: str  # ex) "files": the table's file
    doc: str
    man: str  # ex) "pread(2)"
    call: str  # ex) "pread64": the kernel's name
    args: tuple[ArgumentSpec, ...] = ()
    passed: tuple[str, ...] = ()  # what goes to the kernel, in its order: arguments or Lua
    returns: str = "true"
    returned: str | None = None  # the fd's kind, or the argument that is returned
    methods: tuple[str, ...] = ()  # names under which it is a descriptor's method
    behaviour: str | None = None  # ex) "directories": written in Lua there
    symbol: str | None = None  # a libc symbol to call instead of the number


@dataclass(frozen=True, slots=True)
class Spec:
    """All tables."""

    calls: tuple[CallSpec, ...]
    groups: Mapping[str, Mapping[str, Any]]
    types: Mapping[str, Mapping[str, Any]]
    kinds: Mapping[str, Mapping[str, Any]]  # of arguments
    results: Mapping[str, Mapping[str, Any]]
    letters: Mapping[str, str] = field(default_factory=dict)  # C type -> letter
    long_results: frozenset[str] = frozenset()


def load_spec(folder: Traversable | None = None) -> Spec:
    """Load the package's tables, or those of another folder.

    Raises CallgateError with the file and row of what is wrong.
    """
    folder = folder or resources.files("callgate") / "spec"
    files = {item.name: item for item in folder.iterdir() if item.name.endswith(".toml")}
    kinds = _read(files["kinds.toml"])
    groups = _read(files["groups.toml"])
    types = _read(files["types.toml"])
    calls: list[CallSpec] = []
    for name in sorted(set(files) - TABLES):
        family = name.removesuffix(".toml")
        for row, values in _read(files[name]).items():
            calls.append(_call(row, values, family, f"spec/{name}: [{row}]", kinds, groups, types))
    seen: dict[str, CallSpec] = {}
    for call in calls:
        if call.name in seen:
            where = f"spec/{call.family}.toml: [{call.name}]"
            raise CallgateError(f"already declared in spec/{seen[call.name].family}.toml", where=where)
        seen[call.name] = call
    letters = {name: letter for letter, names in kinds["c_types"].items() for name in names}
    longs = frozenset(kinds["results_by_call"]["l"])
    return Spec(tuple(calls), groups, types, kinds["arguments"], kinds["results"], letters, longs)


def _read(path: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CallgateError(str(error), where=f"spec/{path.name}") from error


def _call(
    name: str,
    row: Mapping[str, Any],
    family: str,
    where: str,
    kinds: Mapping[str, Any],
    groups: Mapping[str, Any],
    types: Mapping[str, Any],
) -> CallSpec:
    for key in row:
        _check(key, CALL_KEYS, "key", where)
    if "doc" not in row:
        raise CallgateError("no doc: say in one line what the call does", where=where)
    args = tuple(_argument(text, where, kinds["arguments"]) for text in row.get("args", ()))
    names = [arg.name for arg in args]
    for arg in args:
        extra = kinds["arguments"][arg.kind].get("extra")
        known: Iterable[str] = {"group": groups, "type": types, "argument": names}.get(extra or "", ())
        if extra and extra != "type":
            _check(arg.extra or "", known, extra, f"{where} {arg.name}")
        elif extra and not arg.extra:
            raise CallgateError(f"kind {arg.kind!r} needs the name of a type", where=f"{where} {arg.name}")
    returns, _, returned = row.get("returns", "true").partition(" ")
    _check(returns, kinds["results"], "result", where)
    if returns == "argument":
        _check(returned, names, "argument", where)
    default = (args[0].name,) if args and args[0].kind in {"fd", "dirfd"} else ()
    methods = row.get("method", _method_names(name) if default else [])
    return CallSpec(
        name,
        family,
        row["doc"],
        row.get("man", f"{name}(2)"),
        row.get("call", name),
        args,
        tuple(row.get("pass", names)),
        returns,
        returned or None,
        tuple(methods),
        row.get("behaviour"),
        row.get("symbol"),
    )


def _method_names(name: str) -> list[str]:
    """Return the call's own name and, where it starts with f, the one without (fsync -> sync)."""
    plain = name[1:] if name.startswith("f") and len(name) > 2 else ""  # noqa: PLR2004
    return [name, plain] if plain else [name]


def _argument(text: str, where: str, kinds: Mapping[str, Any]) -> ArgumentSpec:
    found = ARGUMENT.fullmatch(text.strip())
    if found is None:
        raise CallgateError(
            f"cannot read the argument {text!r}",
            where=where,
            hint='write "name: kind", "name: kind EXTRA", "name: kind EXTRA + flags" or "... = default"',
        )
    _check(found[2], kinds, "kind", f"{where} {found[1]}")
    return ArgumentSpec(found[1], found[2], found[3], found[4], found[5])


def _check(word: str, known: Iterable[str], what: str, where: str) -> None:
    known = list(known)
    if word not in known:
        near = suggest(word, known)
        raise CallgateError(
            f"unknown {what} {word!r}", where=where, hint=near or f"known: {', '.join(sorted(known))}"
        )
