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
from callgate.model import Abi, Constant, Macro, Record, RecordName, Scalar, Typedef, TypeRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from callgate.targets import Target

VOLUME_SIZE = 700  # names per index volume: one loads in about 0.1 ms
HEX_HINT = re.compile(r"0[xX]|<<|_IO|\bBIT\b")  # written as bits: shown as bits
CAST_RECORD = re.compile(r'(?<=[" ])(?:struct|union) \w+(?= \*")')  # ex) "struct cmsghdr *"
EXACT = 2**53  # beyond it a Lua number (a double) cannot hold every integer


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


def library_unit(unit: str) -> str:
    """Return the library's folder for a unit: ``uapi`` for the kernel's headers, else ``libc``."""
    return "libc" if unit.partition(":")[0] == "libc" else "uapi"


def module_path(unit: str, header: str) -> str:
    """Return ``uapi/linux/fcntl.lua`` for ``linux/fcntl.h``; other dots would mislead require."""
    stem = header.removesuffix(".h").replace(".", "_")
    return f"{unit}/{stem}.lua"


class RecordNames:
    """The Lua library's names of records: one name, one layout.

    The chosen definition keeps C's name; another header's different one gets its unit as a suffix:
    glibc's ``struct stat`` is ``struct stat__libc``.
    """

    def __init__(self, abi: Abi) -> None:
        """Name every record of the model."""
        self._spelled: dict[tuple[str, int], str] = {}
        self._by_unit: dict[tuple[str, str], str] = {}
        self._primary: dict[str, str] = {}
        taken = {self.plain(record) for record in abi.records if " " in record.name}
        used: set[str] = set()
        for record in sorted(abi.records, key=lambda item: not item.primary):
            name = self.plain(record)
            if " " not in record.name:  # a typedef's name must not meet a real tag
                while name in taken or name in used:
                    name += "_t"
            if not record.primary:
                stem, number = f"{name}__{library_unit(record.location.unit)}", 1
                name = stem
                while name in used or name in taken:
                    number += 1
                    name = f"{stem}{number}"
            else:
                self._primary[record.name] = name
            used.add(name)
            self._by_unit.setdefault((record.location.unit, record.name), name)
            self._spelled[record.name, id(record)] = name

    def of(self, record: Record) -> str:
        """Return the library's name of this very definition: ``struct stat__libc``."""
        return self._spelled[record.name, id(record)]

    def spell(self, name: str, unit: str) -> str:
        """Return the name of the record that ``name`` means within ``unit``."""
        found = self._by_unit.get((unit, name)) or self._primary.get(name)
        return found or (name if " " in name else f"struct {name}")

    @staticmethod
    def plain(record: Record) -> str:
        """Return ``struct NAME`` whether NAME is a tag or a typedef of an untagged record."""
        return record.name if " " in record.name else f"{record.kind} {record.name}"


def lua_literal(constant: Constant) -> str:
    """Return the Lua literal of a constant's value; ULL or LL where a Lua number is not exact."""
    value = constant.value
    if isinstance(value, str):
        return lua_string(value)
    if isinstance(value, float):
        return repr(value)
    hexadecimal = value >= 0 and HEX_HINT.search(constant.text) is not None
    digits = f"0x{value:x}" if hexadecimal else str(value)
    if -EXACT <= value <= EXACT:
        return digits
    return f"{digits}LL" if constant.signed else f"{digits}ULL"


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


LUA_KEYWORDS = frozenset({
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
    "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
})  # fmt: skip


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
