"""What one target's headers say, as the Lua text of the library: by header, section and name.

Facts of several targets are merged by emit/merge.py; here each stands for itself, small enough that
those of all targets fit into memory, and free of the model, so that processes can hand them over.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.abi.scalars import Scalars
from callgate.emit.ctext import RecordText, RecordWriter
from callgate.emit.environment import render
from callgate.emit.literals import lua_literal, lua_string
from callgate.emit.names import RecordNames, library_unit
from callgate.model import Abi, Constant, Macro, Record, RecordName, Scalar, Typedef, TypeRef

if TYPE_CHECKING:
    from callgate.targets import Target

CAST_RECORD = re.compile(r'(?<=[" ])(?:struct|union) \w+(?= \*")')  # ex) "struct cmsghdr *"

Place = tuple[str, str]  # unit and header, ex) ("uapi", "linux/fs.h")
Section = dict[str, str]  # name -> Lua text, in the order of the header

# Sections of a header module, in the order they are written. Texts are Lua expressions:
#   constants  "O_CREAT" -> "0x40"              records    "struct stat" -> "[[{ ... }]]"
#   aliases    "struct stat" -> the library's   typedefs   "loff_t" -> '"int64_t"'
#   accessors  of lowered bit-fields by record  macros     "major" -> "function(dev) ... end"
SECTIONS = ("constants", "records", "aliases", "typedefs", "accessors", "macros")


@dataclass(frozen=True, slots=True)
class Facts:
    """One target's facts."""

    arch: str  # LuaJIT's name, ex) "x64"
    libc: str  # ex) "glibc"
    modules: dict[Place, dict[str, Section]]
    tokens: dict[str, Place]  # the chosen definition of each name, ex) "struct.stat"
    valueless: frozenset[str]  # object-like macros that have no value
    sizes: dict[str, int]  # of records under the library's names, ex) "struct stat"


def facts(abi: Abi, target: Target, *, kernel: bool = True) -> Facts:
    """Return what the library says about ``target``.

    Without ``kernel`` the kernel's headers are left out: another target of the same architecture
    gives them.
    """
    sorter = _Sorter(abi, target, kernel=kernel)
    sorter.constants()
    sorter.records()
    sorter.typedefs()
    sorter.macros()
    return Facts(
        target.luajit_arch,
        target.libc,
        {place: dict(module) for place, module in sorter.modules.items()},
        sorter.tokens,
        frozenset(item.name for item in abi.unevaluated),
        sorter.sizes,
    )


class _Sorter:
    """Puts every item of the model into its header's module, and its name into the index."""

    def __init__(self, abi: Abi, target: Target, *, kernel: bool) -> None:
        self._abi = abi
        self._kernel = kernel
        self._big_endian = target.data_model.big_endian
        self._names = RecordNames(abi)
        self._scalars = Scalars(target.data_model)
        self.modules: dict[Place, dict[str, Section]] = defaultdict(lambda: defaultdict(dict))
        self.tokens: dict[str, Place] = {}
        self.sizes: dict[str, int] = {}

    def constants(self) -> None:
        chosen = self._abi.constant
        for item in self._abi.constants:
            if not item.primary and _place(item) == _place(chosen[item.name]):
                continue  # an enumerator that a macro of its own header hides
            if not self._wanted(item):
                continue
            self._put(item, "constants", item.name, lua_literal(item))
            if item.primary:
                self.tokens[item.name] = _place(item)

    def records(self) -> None:
        for item in self._abi.records:
            spelled = self._names.of(item)
            if not self._wanted(item):
                continue
            self.tokens[spelled.replace(" ", ".")] = _place(item)
            self.sizes[spelled] = item.size
            text = self._writer(item.location.unit).render(item)
            self._put(item, "records", spelled, f"[[{text.text}]]")
            if text.accessors:
                self._put(item, "accessors", spelled, _accessors(text))
            if not item.primary:
                self._put(item, "aliases", self._names.plain(item), lua_string(spelled))

    def typedefs(self) -> None:
        for item in self._abi.typedefs:
            if self._wanted(item) and item.primary and not isinstance(item.type, Record):
                text = self._typedef_text(item.type, item.location.unit)
                if text is not None:
                    self._put(item, "typedefs", item.name, lua_string(text))
                    self.tokens[f"typedef.{item.name}"] = _place(item)

    def macros(self) -> None:
        for item in self._abi.macros:
            if self._wanted(item) and item.lua is not None:
                self._put(item, "macros", item.name, self._spelled(item))
                if item.primary:
                    self.tokens[f"macro.{item.name}"] = _place(item)

    def _wanted(self, item: _Placed) -> bool:
        return self._kernel or library_unit(item.location.unit) != "uapi"

    def _put(self, item: _Placed, section: str, name: str, text: str) -> None:
        self.modules[_place(item)][section][name] = text

    def _spelled(self, item: Macro) -> str:
        """Return a macro's Lua with the library's names of the records that it casts to."""

        def spell(found: re.Match[str]) -> str:
            return self._names.spell(found[0], item.location.unit)

        return CAST_RECORD.sub(spell, item.lua or "")

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


def _place(item: _Placed) -> Place:
    return library_unit(item.location.unit), item.location.header


def _accessors(text: RecordText) -> str:
    return render("accessors.lua.j2", fields=text.accessors).rstrip("\n")
