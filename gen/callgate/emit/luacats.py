"""LuaCATS definition files: what lua-language-server is told of the library.

They lie beside it, in output/library, where `require` never looks. Functions, methods, flag names
and the fields of friendly types come from the declared tables; a record's own fields from the
headers of the first architecture that has it. tests/emit/test_language_server.py has a language
server read them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from callgate.emit.environment import render
from callgate.emit.infer import INFERRED, inferred_calls
from callgate.emit.luasig import LuaFunction, Parameter, lua_function, or_nil, type_name
from callgate.emit.machine import Machine
from callgate.model import RecordName, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from callgate.emit.facts import Facts
    from callgate.model import Abi, Record, TypeRef
    from callgate.spec.model import CallSpec, Spec
    from callgate.targets import Target

WORD = 4  # bytes of the widest integer that LuaJIT reads as a Lua number
MEMORY = "ffi.cdata*"  # what any cdata may be passed for
CDATA = "callgate.cdata"  # cdata that the library makes: a MEMORY that may be indexed


@dataclass(frozen=True, slots=True)
class Stub:
    """A function or method as a definition file has it."""

    function: LuaFunction
    parameters: tuple[Parameter, ...]
    returns: tuple[tuple[str, str], ...]
    overloads: tuple[str, ...]

    @property
    def names(self) -> str:
        """Return the parameters: ``fd, buf, count``."""
        return ", ".join(item.name for item in self.parameters)


def _stub(function: LuaFunction, receiver: str = "") -> Stub:
    """Return a call's function, or with a class of descriptors its method.

    What gives a string without a buffer, and a count with one, is two forms.
    """
    parameters = function.parameters[1:] if receiver else function.parameters
    returns = tuple((kind.replace(MEMORY, CDATA), name) for kind, name in function.returns)
    overloads = () if receiver else function.overloads
    place = next((at for at, item in enumerate(parameters) if item.spec.kind == "bytes"), None)
    if place is not None:
        into = parameters[place]
        forms = [f"{item.name}{'?' * item.optional}: {item.type}" for item in parameters]
        forms[place] = f"{into.name}: {MEMORY}"
        forms[:0] = [f"self: {receiver}"] if receiver else []
        results = ", ".join(["integer?", *(kind for kind, _ in returns[1:])])
        overloads = (*overloads, f"fun({', '.join(forms)}): {results}")
        bare = Parameter(into.name, "nil", optional=True, spec=into.spec)
        parameters = (*parameters[:place], bare, *parameters[place + 1 :])
        returns = ((or_nil("string"), "data"), *returns[1:])
    return Stub(function, parameters, returns, overloads)


def emit_luacats(
    every: Sequence[Facts],
    abis: Mapping[str, Abi],
    spec: Spec,
    targets: Mapping[str, Target],
) -> dict[str, str]:
    """Return ``path -> text`` of the definition files."""
    functions = [lua_function(call, spec) for call in all_calls(abis, spec, targets)]
    families: dict[str, list[LuaFunction]] = defaultdict(list)
    for function in functions:
        family = function.call.family
        families["inferred" if family.startswith(INFERRED) else family].append(function)
    groups = group_names(every, spec)
    files = {
        f"calls/{family}.lua": render(
            "luacats_calls.lua.j2",
            family=family,
            functions=[_stub(function) for function in sorted(rows, key=_name)],
        )
        for family, rows in families.items()
    }
    return files | {
        "init.lua": render("luacats_init.lua.j2", kernel=next(iter(abis.values())).kernel),
        "fd.lua": render("luacats_fd.lua.j2", kinds=_kinds(functions)),
        "groups.lua": render("luacats_groups.lua.j2", groups=sorted(groups.items()), spec=spec),
        "types.lua": render(
            "luacats_types.lua.j2",
            types=[_type_row(name, abis, spec) for name in sorted(spec.types)],
            classes=sorted(spec.annotations.get("classes", {}).items()),
        ),
    }


def all_calls(
    abis: Mapping[str, Abi], spec: Spec, targets: Mapping[str, Target]
) -> tuple[CallSpec, ...]:
    """Return declared and inferred calls; an inferred one as the first architecture has it."""
    inferred: dict[str, CallSpec] = {}
    for arch, abi in abis.items():
        for call in inferred_calls(Machine(arch, abi, spec, targets[arch])):
            inferred.setdefault(call.name, call)
    return (*spec.calls, *(inferred[name] for name in sorted(inferred)))


def _name(function: LuaFunction) -> str:
    return function.call.name


def _kinds(functions: Iterable[LuaFunction]) -> list[tuple[str, list[tuple[str, Stub]]]]:
    """Return each kind of descriptor, "" for all, with its methods by name."""
    kinds: dict[str, list[tuple[str, Stub]]] = defaultdict(list)
    for function in functions:
        if function.call.returns == "fd" and function.call.returned:
            kinds[function.call.returned]  # one without methods of its own is a class all the same
        for method in function.call.methods:
            kind, _, name = method.rpartition(":")
            receiver = f"callgate.fd{'.' if kind else ''}{kind}"
            kinds[kind].append((name, _stub(function, receiver)))
    return sorted((kind, sorted(rows, key=lambda row: row[0])) for kind, rows in kinds.items())


# --- groups --------------------------------------------------------------------------------------


def group_names(every: Sequence[Facts], spec: Spec) -> dict[str, list[str]]:
    """Return the names of each group's constants without the prefix, on all targets together."""
    found: dict[str, set[str]] = defaultdict(set)
    for facts in every:
        for (_, header), sections in facts.modules.items():
            numbers = (
                name for name, text in sections.get("constants", {}).items() if text[:1] != '"'
            )
            found[header].update(numbers)
    return {name: sorted(_names(row, found)) for name, row in spec.groups.items()}


def _names(row: Mapping[str, Any], found: Mapping[str, set[str]]) -> set[str]:
    prefix = row["prefix"]
    names = {
        name
        for header, constants in found.items()
        if any(fnmatchcase(header, pattern) for pattern in row["in"])
        for name in constants
        if name.startswith(prefix) and name != prefix and name not in row.get("except", ())
    }
    short = {name.removeprefix(prefix) for name in names}
    named = {name.removeprefix(prefix) for name in row.get("names", ())}
    return short | named | set(row.get("aliases", ()))


# --- types ---------------------------------------------------------------------------------------


def _type_row(name: str, abis: Mapping[str, Abi], spec: Spec) -> dict[str, Any]:
    """Return what the template needs of a friendly type."""
    row = spec.annotations.get("types", {}).get(name, {})
    record: str = spec.types[name].get("record", "")
    fields = dict(row.get("fields", {}))
    for abi in abis.values():
        if record in abi.record:
            fields = {**_record_fields(abi.record[record], spec), **fields}
            break
    prefix = spec.types[name].get("prefix")
    if prefix is not None:
        short = {
            field.removeprefix(prefix): kind
            for field, kind in fields.items()
            if field.startswith(prefix)
        }
        fields = {**short, **fields}
    return {
        "name": name,
        "record": record,
        "new": row.get("new", []),
        "fields": sorted(fields.items()),
    }


def _record_fields(record: Record, spec: Spec) -> dict[str, str]:
    friendly = {
        row["record"]: type_name(name, spec)
        for name, row in reversed(list(spec.types.items()))
        if "record" in row
    }
    return {
        path: _field_type(item.type, friendly)
        for path, _, item in record.walk()
        if "." not in path and item.name is not None
    }


def _field_type(kind: TypeRef, friendly: Mapping[str, str]) -> str:
    """Return the Lua type that reading a field gives, and writing it takes."""
    if isinstance(kind, Scalar):
        if kind.kind == "bool":
            return "boolean"
        if kind.kind == "float":
            return "number"
        return "integer" if kind.size <= WORD else f"integer|{MEMORY}"
    either = f"{CDATA}|{MEMORY}"  # what is read from it, what may be written to it
    return friendly.get(kind.name, either) if isinstance(kind, RecordName) else either
