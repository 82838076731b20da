"""LuaCATS definitions of a binding: what lua-language-server is told of the bound file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from callgate import __version__
from callgate.bind.facts import RESERVED
from callgate.emit.environment import render
from callgate.emit.literals import LUA_KEYWORDS, lua_literal
from callgate.emit.luatext import variable_names
from callgate.model import Array, Function, Pointer, RecordName, Scalar, TypeRef

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callgate.bind.binding import Binding

CDATA = "ffi.cdata*"
WORD = 4  # bytes of the widest integer that LuaJIT hands out as a Lua number
CASTS = (
    ("int", "int"), ("unsigned", "unsigned int"), ("long", "long"), ("size_t", "size_t"),
    ("double", "double"),
)  # fmt: skip
SHOWN = 60  # characters of a string's value
HEAD = re.compile(r"function\((.*)\)")


def definitions(binding: Binding, module: str) -> str:
    """Return the definition file's text; ``module`` is the class that the file returns."""
    return _Writer(binding, module).text()


class _Writer:
    """Writes what the binding has on its first target."""

    def __init__(self, binding: Binding, module: str) -> None:
        self._module = module
        self._binding = binding
        self._side = binding.sides[0]
        self._records = {item.name for item in self._side.records}

    def text(self) -> str:
        return render(
            "luacats_bind.lua.j2",
            title=", ".join(f"<{name}>" for name in self._binding.headers),
            version=__version__,
            module=self._module,
            casts=CASTS,
            fields=self._fields(),
            functions=[*self._functions(), *self._macros()],
            types=self._types(),
            records=self._classes(),
        )

    def _short(self, name: str) -> str:
        for prefix in self._binding.request.prefixes:
            rest = name.removeprefix(prefix)
            if rest != name and rest and not rest[0].isdigit() and rest not in RESERVED:
                return rest
        return name

    def _fields(self) -> list[tuple[str, str, str]]:
        chosen = self._side.chosen
        found = []
        for item in chosen.constants:
            kind = "string" if isinstance(item.value, str) else "integer"
            kind = "number" if isinstance(item.value, float) else kind
            value = lua_literal(item)
            kind = CDATA if value.endswith("LL") else kind
            found.append((self._short(item.name), kind, value[:SHOWN]))
        for address in chosen.addresses:
            found.append((self._short(address.name), CDATA, "a pointer"))
        for variable in chosen.variables:
            text = self._side.facts["variables"][variable.name].strip('"')
            declared = text.replace("$", variable.name)
            found.append((self._short(variable.name), self._given(variable.type), declared))
        return found

    def _functions(self) -> list[dict[str, Any]]:
        found = []
        for item in self._side.chosen.functions:
            names = _names([each.name for each in item.type.parameters])
            parameters = [
                (f"{name}?" if _may_be_nil(each.type) else name, self._taken(each.type))
                for name, each in zip(names, item.type.parameters, strict=True)
            ]
            if item.type.variadic:
                parameters.append(("...", "any"))
                names.append("...")
            text = self._side.facts["functions"][item.name].strip('"')
            found.append(
                {
                    "name": self._short(item.name),
                    "text": text.replace("$", item.name),
                    "parameters": parameters,
                    "names": ", ".join(names),
                    "variadic": item.type.variadic,
                    "result": self._given(item.type.result),
                }
            )
        return [row for row in found if row["name"] not in LUA_KEYWORDS]

    def _macros(self) -> list[dict[str, Any]]:
        found = []
        for item in self._side.chosen.macros:
            head = HEAD.match(item.lua or "")
            names = head[1] if head else ""
            found.append(
                {
                    "name": self._short(item.name),
                    "text": f"#define {item.name}({', '.join(item.parameters)})",
                    "parameters": [(name, "any") for name in names.split(", ") if name],
                    "names": names,
                    "variadic": False,
                    "result": "any",
                }
            )
        return found

    def _types(self) -> list[tuple[str, str]]:
        found: dict[str, str] = {}
        for item in self._side.records:
            name = item.name.rpartition(" ")[2]
            found[name] = f"fun(init?: table|{CDATA}): {self._class(item.name)}"
        for name in self._side.facts["typedefs"]:
            plain = name.rpartition(" ")[2]
            typedef = self._side.parsed.abi.typedef.get(name)
            kind = typedef.type if typedef else None
            if isinstance(kind, RecordName) and kind.name in self._records:
                found[plain] = f"fun(init?: table|{CDATA}): {self._class(kind.name)}"
            else:
                found.setdefault(plain, "ffi.ctype*")
        return [(self._short(name), kind) for name, kind in sorted(found.items())]

    def _classes(self) -> list[dict[str, Any]]:
        rows = []
        for item in sorted(self._side.records, key=lambda record: record.name):
            fields = [
                (path, self._given(each.type))
                for path, _, each in item.walk()
                if "." not in path and each.name is not None
            ]
            name = item.name.rpartition(" ")[2]
            rows.append({"name": name, "doc": item.name, "fields": fields})
        return rows

    def _class(self, name: str) -> str:
        return f"{self._module}.{name.rpartition(' ')[2]}"

    def _given(self, kind: TypeRef) -> str:
        """Return the Lua type of what C gives; "" for nothing."""
        if isinstance(kind, Scalar):
            names = {"void": "", "bool": "boolean", "float": "number"}
            whole = "integer" if kind.size <= WORD else f"integer|{CDATA}"
            return names.get(kind.kind, whole)
        target = kind.target if isinstance(kind, Pointer) else kind
        if isinstance(target, RecordName) and target.name in self._records:
            return self._class(target.name)
        return CDATA

    def _taken(self, kind: TypeRef) -> str:
        """Return the Lua type of what C takes."""
        if isinstance(kind, Array):
            return self._given(kind)
        if isinstance(kind, Function):
            return f"function|{CDATA}"
        if not isinstance(kind, Pointer):
            return self._given(kind) or "any"
        target = kind.target
        if isinstance(target, Function):
            return f"function|{CDATA}"
        is_bytes = target is None or (isinstance(target, Scalar) and target.size == 1)
        return f"string|{CDATA}" if kind.const and is_bytes else self._given(kind)


def _may_be_nil(kind: TypeRef) -> bool:
    return isinstance(kind, Pointer)


def _names(given: Sequence[str | None]) -> list[str]:
    """Return names of Lua variables for a prototype's parameters, each once."""
    return variable_names([name or f"a{number}" for number, name in enumerate(given, 1)])
