"""Header modules, the index of names and the number table: the facts half of the Lua library."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from callgate import __version__
from callgate.abi.scalars import Scalars
from callgate.emit.ctext import RecordText, RecordWriter
from callgate.emit.environment import render
from callgate.emit.literals import lua_literal
from callgate.emit.names import RecordNames, library_unit
from callgate.model import Abi, Constant, Macro, Record, RecordName, Scalar, Typedef, TypeRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callgate.targets import Target

VOLUME_SIZE = 700  # names per index volume: one loads in about 0.1 ms
CAST_RECORD = re.compile(r'(?<=[" ])(?:struct|union) \w+(?= \*")')  # ex) "struct cmsghdr *"


@dataclass(slots=True)
class _Module:
    """What one header module holds; all lists in the order of the header."""

    constants: list[tuple[str, str]] = field(default_factory=list)  # name, Lua literal
    records: list[tuple[str, RecordText]] = field(default_factory=list)  # "struct x"
    typedefs: list[tuple[str, str]] = field(default_factory=list)  # name, C text
    aliases: list[tuple[str, str]] = field(default_factory=list)  # "struct x", "struct x__libc"
    macros: list[Macro] = field(default_factory=list)


def emit_headers(abi: Abi, target: Target) -> dict[str, str]:
    """Return ``path under output/callgate -> text`` of the header modules and the index."""
    sorter = _Sorter(abi, target)
    sorter.constants()
    sorter.records()
    sorter.typedefs()
    sorter.macros()
    files = {}
    for (unit, header), module in sorted(sorter.modules.items()):
        files[module_path(unit, header)] = render(
            "header.lua.j2",
            header=header,
            unit=unit,
            kernel=abi.kernel,
            module=module,
            accessors=[(name, text.accessors) for name, text in module.records if text.accessors],
        )
    files.update(_emit_index(sorter.tokens))
    return files


class _Sorter:
    """Puts every item of the model into its header's module, and its name into the index."""

    def __init__(self, abi: Abi, target: Target) -> None:
        self._abi = abi
        self._big_endian = target.data_model.big_endian
        self._names = RecordNames(abi)
        self._scalars = Scalars(target.data_model)
        self.modules: dict[tuple[str, str], _Module] = defaultdict(_Module)
        self.tokens: dict[str, tuple[str, str]] = {}  # ex) "struct.stat" -> ("uapi", "asm/stat.h")

    def constants(self) -> None:
        chosen = self._abi.constant
        for item in self._abi.constants:
            if not item.primary and _place(item) == _place(chosen[item.name]):
                continue  # an enumerator that a macro of its own header hides
            self._module(item).constants.append((item.name, lua_literal(item)))
            if item.primary:
                self.tokens[item.name] = _place(item)

    def records(self) -> None:
        for item in self._abi.records:
            spelled = self._names.of(item)
            text = self._writer(item.location.unit).render(item)
            self._module(item).records.append((spelled, text))
            self.tokens[spelled.replace(" ", ".")] = _place(item)
            if not item.primary:
                self._module(item).aliases.append((self._names.plain(item), spelled))

    def typedefs(self) -> None:
        for item in self._abi.typedefs:
            if item.primary and not isinstance(item.type, Record):
                text = self._typedef_text(item.type, item.location.unit)
                if text is not None:
                    self._module(item).typedefs.append((item.name, text))
                    self.tokens[f"typedef.{item.name}"] = _place(item)

    def macros(self) -> None:
        for item in self._abi.macros:
            if item.lua is not None:
                self._module(item).macros.append(replace(item, lua=self._spelled(item)))
                if item.primary:
                    self.tokens[f"macro.{item.name}"] = _place(item)

    def _spelled(self, item: Macro) -> str:
        """Return a macro's Lua with the library's names of the records that it casts to."""

        def spell(found: re.Match[str]) -> str:
            return self._names.spell(found[0], item.location.unit)

        return CAST_RECORD.sub(spell, item.lua or "")

    def _module(self, item: _Placed) -> _Module:
        return self.modules[_place(item)]

    def _writer(self, unit: str) -> RecordWriter:
        return RecordWriter(lambda name: self._names.spell(name, unit), big_endian=self._big_endian)

    def _typedef_text(self, kind: TypeRef, unit: str) -> str | None:
        """Return the C text of a typedef that a Lua program can instantiate, else None."""
        if isinstance(kind, RecordName):
            text = self._names.spell(kind.name, unit) if kind.size else "void"
        else:
            text = self._writer(unit).type_text(kind)
        if text == "void":
            return None
        # The alignment is the typedef's own where it is not that of what it names.
        own = isinstance(kind, Scalar | RecordName) and kind.align != self._align(kind)
        return f"{text} __attribute__((aligned({kind.align})))" if own else text  # type: ignore[union-attr]

    def _align(self, kind: Scalar | RecordName) -> int:
        if isinstance(kind, RecordName):
            return self._abi.record[kind.name].align
        return self._scalars[kind.c_name].align


_Placed = Constant | Record | Typedef | Macro


def _place(item: _Placed) -> tuple[str, str]:
    return library_unit(item.location.unit), item.location.header


def emit_numbers(abi: Abi, target: Target) -> dict[str, str]:
    """Return the system call number table, in the order of the numbers."""
    calls = sorted(abi.syscalls, key=lambda call: (call.number, call.name))
    return {
        "numbers.lua": render(
            "numbers.lua.j2", target=target, kernel=abi.kernel, version=__version__, calls=calls
        )
    }


def module_path(unit: str, header: str) -> str:
    """Return ``uapi/linux/fcntl.lua`` for ``linux/fcntl.h``; other dots would mislead require."""
    stem = header.removesuffix(".h").replace(".", "_")
    return f"{unit}/{stem}.lua"


def _emit_index(tokens: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return the sorted volumes that tell each name's header, and their table of contents."""
    ordered = sorted(tokens)
    files, firsts = {}, []
    for number, start in enumerate(range(0, len(ordered), VOLUME_SIZE)):
        names = ordered[start : start + VOLUME_SIZE]
        firsts.append(names[0])
        groups: dict[str, list[str]] = defaultdict(list)
        for name in names:
            unit, header = tokens[name]
            groups[f"{unit}/{header}"].append(name)
        files[f"index/{number + 1:02d}.lua"] = render(
            "volume.lua.j2", first=names[0], last=names[-1], groups=sorted(groups.items())
        )
    files["index/init.lua"] = render("index.lua.j2", firsts=firsts)
    return files
