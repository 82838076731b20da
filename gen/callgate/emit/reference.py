"""The reference: a page for each family of calls, from the declared tables and the kernel's.

No headers are read for it: what a page says stands in spec/*.toml and headers/kernel/.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callgate.emit.environment import render
from callgate.emit.infer import INFERRED
from callgate.emit.luacats import all_calls
from callgate.emit.luasig import LuaFunction, Parameter, lua_function
from callgate.emit.machine import Machine
from callgate.model import Abi

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from callgate.headers.kernel import KernelFacts
    from callgate.model import Syscall
    from callgate.spec.model import CallSpec, Spec
    from callgate.targets import Target

SINCE = "kernel/since.toml"  # below headers/
OTHERS = "others"  # the page of what no row declares


@dataclass(frozen=True, slots=True)
class Entry:
    """What a page says of one function."""

    function: LuaFunction
    prototype: str  # the kernel's, ex) "long sys_pread64(unsigned int fd, ...)"
    numbers: tuple[tuple[str, tuple[str, ...]], ...]  # "17" and the architectures that have it
    lacking: tuple[str, ...]  # architectures without the call
    since: str | None  # ex) "5.6"
    words: tuple[tuple[Parameter, str], ...]  # each parameter, and what it is
    example: str | None

    @property
    def methods(self) -> tuple[tuple[str, str], ...]:
        """Return the methods of descriptors: the kind's variable and the name."""
        found = (method.rpartition(":") for method in self.function.call.methods)
        return tuple((kind or "fd", name) for kind, _, name in found)

    @property
    def method_usage(self) -> str:
        """Return the parameters of the methods: those of the function but the first."""
        rest = self.function.parameters[1:]
        return LuaFunction(self.function.call, rest, (), (), ()).usage


def reference(
    spec: Spec, kernel: KernelFacts, targets: Mapping[str, Target], since: Mapping[str, str]
) -> dict[str, str]:
    """Return ``name -> text`` of all pages; ``targets`` has one for each architecture."""
    abis = {arch: _calls_alone(target, kernel) for arch, target in targets.items()}
    machines = {
        target.arch: Machine(arch, abis[arch], spec, target) for arch, target in targets.items()
    }
    pages: dict[str, list[Entry]] = defaultdict(list)
    for call in all_calls(abis, spec, targets):
        family = OTHERS if call.family.startswith(INFERRED) else call.family
        pages[family].append(_entry(call, machines, since, spec))
    for entries in pages.values():
        entries.sort(key=lambda entry: entry.function.call.name)
    names = sorted(
        (name, family, entry.function.call.name)
        for family, entries in pages.items()
        for entry in entries
        for name in (entry.function.call.name, *entry.function.call.also)
    )
    files = {
        f"{family}.md": render("reference_calls.md.j2", family=family, entries=entries)
        for family, entries in sorted(pages.items())
    }
    return files | {
        "README.md": render(
            "reference_index.md.j2",
            pages=sorted(pages.items()),
            names=names,
            kernel=kernel.version,
            excluded=sorted(spec.inference.excluded.items()),
        ),
        "operations.md": render(
            "reference_operations.md.j2", operations=dict(sorted(spec.operations.items()))
        ),
        "types.md": render("reference_types.md.j2", types=_types(spec)),
    }


def load_since(headers: Path) -> dict[str, str]:
    """Return the first kernel of each call that headers/kernel/since.toml knows."""
    table = tomllib.loads((headers / SINCE).read_text(encoding="utf-8"))
    return {name: version for version, names in table.items() for name in names}


def architectures(targets: Iterable[Target]) -> dict[str, Target]:
    """Return the library's first target of each architecture, by LuaJIT's name."""
    found: dict[str, Target] = {}
    for target in targets:
        if target.in_library:
            found.setdefault(target.luajit_arch, target)
    return found


def _calls_alone(target: Target, kernel: KernelFacts) -> Abi:
    """Return a model that has the system calls and nothing else."""
    calls = kernel.syscalls(target.syscall_table, target.syscall_abis)
    return Abi(target.name, kernel.version, (), (), (), (), (), (), (), calls)


def _entry(
    call: CallSpec, machines: Mapping[str, Machine], since: Mapping[str, str], spec: Spec
) -> Entry:
    numbers: dict[str, list[str]] = defaultdict(list)
    lacking = []
    shown: Syscall | None = None
    for arch, machine in machines.items():
        found = machine.best(call.call)  # a newer call than the row's, where the library makes one
        if found is None or found.entry is None:
            lacking.append(arch)
            continue
        shown = shown or found
        other = f" ({found.name})" if found.name != call.call else ""
        numbers[f"{found.number}{other}"].append(arch)
    function = lua_function(call, spec)
    row = spec.annotations.get("functions", {}).get(call.name, {})
    return Entry(
        function=function,
        prototype=_prototype(shown) if shown else "",
        numbers=tuple((number, tuple(archs)) for number, archs in numbers.items()),
        lacking=tuple(lacking),
        since=since.get(call.call),
        words=tuple((item, _words(item, spec)) for item in function.parameters),
        example=row.get("example"),
    )


def _prototype(call: Syscall) -> str:
    shown = ", ".join(f"{item.type} {item.name}".replace("* ", "*") for item in call.arguments)
    return f"{call.returns} {call.name}({shown or 'void'})"


def _words(item: Parameter, spec: Spec) -> str:
    """Return what a parameter is, in words; a hand-written function's own type where it has one."""
    arg, call_kind = item.spec, spec.kinds[item.spec.kind]
    own = item.type if item.type not in call_kind.lua else ""
    words: str = spec.annotations["kinds"].get(arg.kind, f"`{call_kind.lua}`")
    text = words.replace("{}", arg.extra or "")
    if own and not own.startswith("callgate.c.") and call_kind.extra != "type":
        text = f"`{own}`"
    if text.startswith(tuple(f"a `{vowel}" for vowel in "aeio")):
        text = f"an{text.removeprefix('a')}"
    if arg.added:
        names = [name.strip() for name in arg.added.split(",")]
        unless = " or ".join(f'"~{name}"' for name in names)
        text += f'; "{arg.added}" {"are" if names[1:] else "is"} set unless {unless} says otherwise'
    if arg.default is not None:
        octal = arg.kind == "mode" and arg.default.isdigit()
        text += f'; by default "0{int(arg.default):o}"' if octal else f"; by default {arg.default}"
    return text


def _types(spec: Spec) -> list[dict[str, Any]]:
    """Return the rows of friendly types: name, record, constructors, fields."""
    rows = []
    for name, row in sorted(spec.types.items()):
        own = spec.annotations["types"].get(name, {})
        fields = sorted(own.get("fields", {}).items())
        rows.append(
            {"name": name, "record": row.get("record"), "new": own.get("new", []), "fields": fields}
        )
    return rows
