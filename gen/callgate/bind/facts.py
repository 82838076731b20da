"""One target's chosen items as the Lua text of a bound file: by section and name."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from callgate import tree
from callgate.bind.ctext import DeclarationWriter
from callgate.bind.select import meant_by
from callgate.emit.literals import LUA_KEYWORDS, lua_key, lua_literal, lua_string
from callgate.emit.members import NONE
from callgate.model import Function, Pointer, Record, RecordName, Scalar

if TYPE_CHECKING:
    from callgate.bind.parse import Parsed
    from callgate.bind.request import Request
    from callgate.bind.select import Chosen
    from callgate.emit.ctext import Accessor, RecordText
    from callgate.model import TypeRef

Section = dict[str, str]  # name -> Lua text
SECTIONS = (
    "constants", "addresses", "functions", "symbols", "variables", "aliases", "macros",
    "typedefs", "records", "accessors", "left",
)  # fmt: skip
TAG = re.compile(r"\b(?:struct|union) [A-Za-z_]\w*")
HASH = 10  # hexadecimal digits that tell records of one name apart
# M's own names: casts for the arguments of variadic functions, and the table of types
RESERVED = LUA_KEYWORDS | {"t", "int", "long", "unsigned", "double", "size_t"}


class FactsWriter:
    """Renders what was chosen on one target."""

    def __init__(self, parsed: Parsed, chosen: Chosen, request: Request) -> None:
        """Name the model's records as C names them: an untagged one by its typedef."""
        self._parsed = parsed
        self._chosen = chosen
        self._request = request
        self._known = {self._spell(item.name): item for item in parsed.abi.records if item.primary}
        self._writer = DeclarationWriter(
            self._spell, taken=self._known, big_endian=parsed.target.data_model.big_endian
        )
        self.records: list[Record] = []  # those that the sections have, once they are made

    def sections(self) -> dict[str, Section]:
        """Return every section; raises nothing of its own."""
        chosen, writer = self._chosen, self._writer
        out: dict[str, Section] = {name: {} for name in SECTIONS}
        short = self._short_names()
        for item in chosen.constants:
            out["constants"][short[item.name]] = lua_literal(item)
        for address in chosen.addresses:
            half = 1 << 8 * address.type.size - 1
            # -1 says what is meant, as C's (void *)-1 does
            value = (address.value + half) % (2 * half) - half
            text = f"{writer.type_of(address.type)} = {value}"
            out["addresses"][address.name] = lua_string(text)
        for function in chosen.functions:
            out["functions"][function.name] = lua_string(writer.declaration(function.type))
            if function.label and function.label != function.name:
                out["symbols"][function.name] = lua_string(function.label)
        for variable in chosen.variables:
            out["variables"][variable.name] = lua_string(writer.variable(variable))
        for macro in chosen.macros:
            out["macros"][macro.name] = macro.lua or ""
        for name, other in chosen.aliases.items():
            out["aliases"][name] = lua_string(other)
        self._typedefs(out["typedefs"])
        self._records(out)
        out["left"] = {name: lua_string(reason) for name, reason in chosen.left.items()}
        return out

    def _short_names(self) -> dict[str, str]:
        """Return each constant's name without its prefix, where it stays a name of its own."""
        chosen = self._chosen
        every = (chosen.functions, chosen.macros, chosen.variables, chosen.addresses)
        others = {item.name for kind in every for item in kind} | set(chosen.aliases)
        others |= {self._stripped(name) for name in others}
        names = [item.name for item in self._chosen.constants]
        taken = {*others, *names, *RESERVED}
        found = {}
        for name in names:
            short = self._stripped(name)
            found[name] = name if short in taken else short
            taken.add(found[name])
        return found

    def _stripped(self, name: str) -> str:
        for prefix in self._request.prefixes:
            rest = name.removeprefix(prefix)
            if rest != name and rest and not rest[0].isdigit():
                return rest
        return name

    def _spell(self, name: str) -> str:
        """Return the tag by which the file knows a record."""
        record = self._parsed.abi.record.get(name)
        if " " in name:
            return name
        kind = record.kind if record else "struct"
        while f"{kind} {name}" in self._parsed.abi.record:  # a real tag of the typedef's name
            name += "_t"
        return f"{kind} {name}"

    def _typedefs(self, out: Section) -> None:
        for item in self._chosen.typedefs:
            text = self._typedef(item.type)
            if text is not None:
                out[item.name] = lua_string(text)
        for enumeration in self._chosen.enumerations:
            text = "int" if enumeration.signed else "unsigned int"
            if enumeration.size != 4:  # noqa: PLR2004 - an int's bytes
                text = f"{'' if enumeration.signed else 'u'}int{8 * enumeration.size}_t"
            out[enumeration.name] = lua_string(text)
        for name, other in self._chosen.others.items():
            other_text = self._other(other)
            if other_text is not None:
                out[name] = lua_string(other_text)

    def _typedef(self, kind: TypeRef) -> str | None:
        if isinstance(kind, Record):
            return None  # of no name: nothing refers to it
        if isinstance(kind, Function):  # of which only pointers are ever had
            kind = Pointer(kind, *self._parsed.target.data_model.pointer)
        text = self._writer.type_of(kind)
        if isinstance(kind, Scalar | RecordName) and kind.align != self._align(kind):
            text += f" __attribute__((aligned({kind.align})))"
        return text

    def _align(self, kind: Scalar | RecordName) -> int:
        if isinstance(kind, RecordName):
            return self._parsed.abi.record[kind.name].align if kind.size else kind.align
        return self._parsed.layout.scalars[kind.c_name].align

    def _other(self, name: str) -> str | None:
        """Return the text of another typedef or of a tag; None for what has no name."""
        seen: set[str] = set()
        while " " not in name and name not in seen:
            seen.add(name)
            with suppress(*NONE):
                return self._typedef(self._parsed.layout.type(tree.TypedefName(name)))
            typedef = self._parsed.layout.scope.typedefs.get(name)
            name = meant_by(typedef) if typedef else ""
        return name if " " in name and not name.startswith("enum ") else None

    # --- records ---------------------------------------------------------------------------------

    def _records(self, out: dict[str, Section]) -> None:
        """Add the records chosen and all that any text refers to, each with its hash."""
        wanted = [self._spell(item.name) for item in self._chosen.records]
        for section in ("addresses", "functions", "variables", "typedefs"):
            wanted += (tag for text in out[section].values() for tag in TAG.findall(text))
        wanted += (tag for text in out["macros"].values() for tag in TAG.findall(text))
        texts: dict[str, str] = {}
        accessors: dict[str, RecordText] = {}
        while wanted:
            tag = wanted.pop()
            if tag in texts:
                continue
            record = self._known.get(tag)
            if record is not None:
                self.records.append(record)
            record = record or self._writer.nested.get(tag)
            if record is None:
                texts[tag] = ""
                continue
            rendered = self._writer.render_as(tag, record)
            texts[tag] = rendered.text
            if rendered.accessors:
                accessors[tag] = rendered
            wanted += TAG.findall(rendered.text)
        for tag in sorted(texts):
            body = f"{self._hash(tag, texts)} {texts[tag]}".rstrip()
            out["records"][tag] = f"[[{body}]]"
        for tag, rendered in sorted(accessors.items()):
            out["accessors"][tag] = _accessors(rendered)

    def _hash(self, tag: str, texts: dict[str, str]) -> str:
        """Return a hash of all that a record's layout and members' types depend on.

        Of a record that the headers do not define it is the header that names it first: bindings
        of the same header mean the same by it.
        """
        reached, todo = {tag}, [tag]
        while todo:
            for other in TAG.findall(texts[todo.pop()]):
                if other not in reached:
                    reached.add(other)
                    todo.append(other)
        lines = [f"{name} {texts[name] or self._home(name)}" for name in sorted(reached)]
        return hashlib.sha256("\n".join([tag, *lines]).encode()).hexdigest()[:HASH]

    def _home(self, tag: str) -> str:
        header = self._parsed.first_seen.get(tag) or self._parsed.sources.named[0]
        return self._parsed.sources.shown(header).rpartition("/")[2]


def _accessors(text: RecordText) -> str:
    """Return a table of bit-fields: name -> { bytes, first bit, width, signed }.

    Bits count from the least significant one of the first byte, on big-endian machines from the
    most significant one.
    """
    rows = [
        f"{lua_key(item.name)} = {{ {lua_string(item.unit)}, {item.shift}, {item.width}, "
        f"{_reading(item)} }}"
        for item in text.accessors
    ]
    return "{ " + ", ".join(rows) + " }"


def _reading(item: Accessor) -> str:
    """Return whether a bit-field is signed, as Lua; '"bool"' for one that is true or false."""
    return '"bool"' if item.boolean else "true" if item.signed else "false"
