"""Which of the headers' items are bound, and why the others are not."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from callgate import model, tree
from callgate.abi.value import converted
from callgate.bind.ctext import lack, obstacle
from callgate.bind.parse import Parsed, uses_va_list
from callgate.emit.members import NONE
from callgate.emit.translate import FUNCTIONS, OWN
from callgate.errors import CallgateError
from callgate.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from callgate.bind.request import Request

CALLED = re.compile(rf'\b{FUNCTIONS}(?:\.|\[")(\w+)(?:"\])?\(')  # F["end"] of a keyword
CALL = re.compile(r"[\s(]*([A-Za-z_]\w*)\s*\(")
KEYWORDS = {
    "sizeof", "_Alignof", "__alignof__", "__extension__", "__typeof__", "typeof", "offsetof",
    "__builtin_offsetof",
}  # fmt: skip
NO_CALL = {  # words before a bracket that call nothing, and what they begin (C23 6.4.2)
    "_Generic": "_Generic", "__attribute__": "attribute", "__declspec": "attribute",
    "__asm__": "assembly", "__asm": "assembly", "asm": "assembly", "_Pragma": "pragma",
    "_Static_assert": "declaration", "static_assert": "declaration",
    "_Alignas": "declaration", "alignas": "declaration",
    "while": "statement", "if": "statement", "for": "statement", "switch": "statement",
    "return": "statement",
}  # fmt: skip
PLACE = re.compile(r"__(?:FILE|LINE|DATE|TIME|TIMESTAMP|COUNTER|BASE_FILE|INCLUDE_LEVEL)__")
TYPES = "t"  # M.t is the table of types
VERIFIED = (
    "constants", "addresses", "functions", "variables", "typedefs", "enumerations", "records",
)  # fmt: skip
QUIET = {"empty", "type name"}  # include guards and markers: nothing is missed


@dataclass(slots=True)
class Chosen:
    """The items of one target that are bound."""

    constants: list[model.Constant] = field(default_factory=list)
    addresses: list[model.Address] = field(default_factory=list)
    functions: list[model.Prototype] = field(default_factory=list)
    variables: list[model.Variable] = field(default_factory=list)
    macros: list[model.Macro] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    typedefs: list[model.Typedef] = field(default_factory=list)
    others: dict[str, str] = field(default_factory=dict)  # type's name -> tag or typedef it is
    enumerations: list[model.Enumeration] = field(default_factory=list)
    records: list[model.Record] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)  # name -> why it is not bound

    def without(self, reasons: Mapping[str, str]) -> Chosen:
        """Return what stays of it, each name in ``reasons`` left out for its reason."""
        kept: dict[str, Any] = {
            kind: [item for item in getattr(self, kind) if item.name not in reasons]
            for kind in VERIFIED
        }
        left = {name.rpartition(" ")[2]: reasons[name] for name in sorted(reasons)}
        functions = {item.name for item in kept["functions"]}
        for macro in self.macros:
            if reason := _why_no_macro(macro, functions):
                left[macro.name] = reason
        for name, other in self.aliases.items():
            if other in reasons or other in left:
                left[name] = f"{other} is not bound"
        macros = [item for item in self.macros if item.name not in left]
        aliases = {name: other for name, other in self.aliases.items() if name not in left}
        return replace(self, **kept, macros=macros, aliases=aliases, left=self.left | left)

    def verified(self) -> set[str]:
        """Return the names of what compilers are asked about, and ``without`` can leave out."""
        return {item.name for kind in VERIFIED for item in getattr(self, kind)}


def choose(parsed: Parsed, request: Request) -> Chosen:
    """Return what the request's globs, or its headers, choose of the model."""
    return _Chooser(parsed, request).run()


def check_globs(every: Iterable[Parsed], request: Request) -> None:
    """Raise CallgateError for a glob or a prefix that matches no name of any target."""
    names = {name for parsed in every for name in _names(parsed)}
    for option, globs in (("--include", request.include), ("--exclude", request.exclude)):
        for glob in globs:
            if not any(fnmatchcase(name, glob) for name in names):
                hint = suggest(glob, names) or "it is matched against whole names: 'sqlite3_*'"
                raise CallgateError(f"no name matches {glob!r}", where=option, hint=hint)
    for prefix in request.prefixes:
        if not any(name.startswith(prefix) for name in names):
            near = suggest(prefix, {name[: len(prefix)] for name in names})
            raise CallgateError(f"no name begins with {prefix!r}", where="--prefix", hint=near)


def _names(parsed: Parsed) -> set[str]:
    abi, scope = parsed.abi, parsed.layout.scope
    tags = {tag for _, tag in scope.records} | set(scope.enumerations)
    items: list[_Located] = [*abi.constants, *abi.prototypes, *abi.variables, *abi.macros]
    items += abi.unevaluated
    return tags | {item.name for item in items} | set(scope.typedefs)


class _Chooser:
    def __init__(self, parsed: Parsed, request: Request) -> None:
        self._parsed = parsed
        self._request = request
        self._out = Chosen()

    def run(self) -> Chosen:
        abi, out = self._parsed.abi, self._out
        self._functions()
        addresses = {item.name for item in self._parsed.addresses}
        out.addresses = [item for item in self._parsed.addresses if self._wants(item)]
        for item in abi.constants:
            if not item.primary or item.name in addresses or not self._wants(item):
                continue
            if why := _why_no_constant(item):
                out.left[item.name] = why
            else:
                out.constants.append(item)
        for variable in abi.variables:
            if not self._wants(variable) or self._is_taken(variable.name):
                continue
            if reason := self._hides(variable.name):
                out.left[variable.name] = reason
            else:
                self._variable(variable)
        self._variables_without_layout()
        self._macros()
        self._types()
        for failure in self._parsed.unit.failures:
            where, sources = failure.where, self._parsed.sources
            if sources.is_own(where.header):
                shown = replace(where, header=sources.shown(where.header))
                out.left[str(shown)] = failure.message
        return out

    def _functions(self) -> None:
        layout = self._parsed.layout
        for item in self._parsed.abi.prototypes:
            if not self._wants(item) or self._is_taken(item.name):
                continue
            reason = self._hides(item.name) or obstacle(item.type)
            if item.inline:
                reason = "an inline function: its code is in the header"
            elif uses_va_list(layout, layout.scope.functions[item.name].type):
                reason = "takes a va_list, which Lua cannot make"
            if reason:
                self._out.left[item.name] = reason
            else:
                self._out.functions.append(item)

    def _variable(self, item: model.Variable) -> None:
        """Take a variable; one that is static is its value, if that is constant and a number."""
        layout, out = self._parsed.layout, self._out
        declared = layout.scope.variables[item.name]
        if not declared.static:
            if reason := lack(item.type):
                out.left[item.name] = reason
            else:
                out.variables.append(item)
            return
        kind = item.type
        out.left[item.name] = "a static variable: no library has it"
        if not item.const or declared.initial is None or not isinstance(kind, model.Scalar):
            return
        with suppress(*NONE):
            value = converted(layout.evaluator.value(declared.initial), kind).number
            of = "float" if isinstance(value, float) else "macro"
            out.constants.append(
                model.Constant(item.name, value, kind.size, kind.signed, of, item.location)
            )
            del out.left[item.name]

    def _variables_without_layout(self) -> None:
        layout, known = self._parsed.layout, {item.name for item in self._parsed.abi.variables}
        for item in layout.scope.variables.values():
            if item.name in known or not self._matches(item.name, item.where.header):
                continue
            try:
                layout.type(item.type)
            except NONE as error:
                self._out.left[item.name] = f"its type has no layout: {error}"

    def _macros(self) -> None:
        functions = {item.name for item in self._out.functions}
        for item in self._parsed.abi.macros:
            if not item.primary or item.name in functions or not self._wants(item):
                continue
            reason = _why_no_macro(item, functions)
            if reason is None and not self._is_taken(item.name):
                self._out.macros.append(item)
            elif reason not in QUIET and reason is not None:
                self._out.left.setdefault(item.name, reason)
        others = {item.name for item in self._out.variables}
        others |= {item.name for item in self._out.macros}
        self._aliases(functions | others | {item.name for item in self._out.constants})

    def _aliases(self, bound: set[str]) -> None:
        """Take the macros that are other names; note those that have no value at all."""
        out, types = self._out, set(self._parsed.layout.scope.typedefs)
        for item in self._parsed.abi.unevaluated:
            if not self._wants(item):
                continue
            other = self._parsed.aliases.get(item.name, "")
            if other in bound:
                out.aliases[item.name] = other
            elif other in types:
                out.others[item.name] = other
            elif other in out.left:
                out.left.setdefault(item.name, f"{other} is not bound: {out.left[other]}")
            elif item.reason not in QUIET and item.body not in {"typedef", "{...}"}:
                out.left.setdefault(item.name, self._beginning(item.body) or item.reason)

    def _beginning(self, body: str) -> str:
        """Return what a macro's text begins with that is not translated, "" where that is not told.

        Headers may want others before them, which declare what it calls.
        """
        found = CALL.match(body)
        name = found[1] if found else ""
        if name in NO_CALL:
            return NO_CALL[name]
        if name.startswith(OWN) and name not in KEYWORDS:
            return f"calls {name}, which is the compiler's own"
        scope = self._parsed.layout.scope
        macros = {item.name for item in self._parsed.abi.macros}
        if not name or name in macros or name in scope.functions or name in scope.typedefs:
            return ""
        if name in scope.variables or name in KEYWORDS:
            return ""
        return f"calls {name}, which no header declares; --first HEADER includes one that does"

    def _types(self) -> None:
        abi, out, layout = self._parsed.abi, self._out, self._parsed.layout
        known = {item.name for item in abi.typedefs}
        for item in abi.typedefs:
            if not item.primary or not self._wants(item):
                continue
            if uses_va_list(layout, layout.scope.typedefs[item.name].type):
                out.left[item.name] = "takes a va_list, which Lua cannot make"
            elif reason := self._hides(item.name) or lack(item.type):
                out.left[item.name] = reason
            else:
                out.typedefs.append(item)
        for name, typedef in layout.scope.typedefs.items():
            other = meant_by(typedef)
            if name not in known and other and self._matches(name, typedef.where.header):
                out.others[name] = other
        out.enumerations = [item for item in abi.enumerations if item.name and self._wants(item)]
        out.records = [item for item in abi.records if item.primary and self._wants(item)]

    def _hides(self, name: str) -> str | None:
        """Return why nobody can name what a function or a type takes; None where all can."""
        tag = self._parsed.hidden.get(name)
        if tag is None:
            return None
        return f"no header declares {tag} before it; --first HEADER includes one that does"

    def _is_taken(self, name: str) -> bool:
        if name == TYPES:
            self._out.left[name] = "M.t is the table of types"
        return name == TYPES

    def _wants(self, item: _Located) -> bool:
        return self._matches(item.name.rpartition(" ")[2], item.location.header)

    def _matches(self, name: str, header: str) -> bool:
        if any(fnmatchcase(name, glob) for glob in self._request.exclude):
            return False
        if self._request.include:
            return any(fnmatchcase(name, glob) for glob in self._request.include)
        return self._parsed.sources.has(name, header)


def _why_no_constant(item: model.Constant) -> str:
    """Return why a constant is not bound, "" where it is."""
    if PLACE.search(item.text):
        return "another value at every place"
    if isinstance(item.value, int) and not -(1 << 63) <= item.value < 1 << 64:
        return "does not fit into 64 bits"
    return ""


def _why_no_macro(item: model.Macro, functions: set[str]) -> str | None:
    """Return why a function-like macro is no Lua function; None where it is one."""
    if item.lua is None:
        return item.reason or "no translation"
    lost = set(CALLED.findall(item.lua)) - functions
    return f"calls {min(lost)}, which is not bound" if lost else None


def meant_by(item: tree.Typedef) -> str:
    """Return the tag ("struct sqlite3") or typedef that a typedef names; "" for other types."""
    kind = item.type
    while isinstance(kind, tree.Qualified | tree.Attributed):
        kind = kind.type
    if isinstance(kind, tree.Tagged):
        return f"{kind.kind} {kind.tag}"
    return kind.name if isinstance(kind, tree.TypedefName) else ""


_Located = (
    model.Constant | model.Prototype | model.Variable | model.Macro | model.Typedef
    | model.Enumeration | model.Record | model.Unevaluated | model.Address
)  # fmt: skip
