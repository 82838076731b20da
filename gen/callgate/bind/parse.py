"""A request's headers on one target -> the ABI model, and what the model has no place for."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import cache, model, tree
from callgate.abi.build import build_part, merge, unit_layout
from callgate.bind import tags
from callgate.bind.parts import parts
from callgate.bind.request import UNIT, Sources
from callgate.bind.untagged import Namer
from callgate.emit.macros import translate_macros
from callgate.emit.members import NONE
from callgate.errors import CallgateError
from callgate.headers.compiler import first_errors
from callgate.parse.declarations import DeclarationParser
from callgate.parse.macros import ExpressionParser
from callgate.parse.preprocessed import Preprocessed
from callgate.parse.unit import parse_preprocessed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from callgate.abi.layout import Layout
    from callgate.headers.trees import HeaderTree
    from callgate.headers.units import UnitSpec
    from callgate.parse.memo import Memo
    from callgate.targets import Target

ERROR = re.compile(r"^(.+?):(\d+):(?:(\d+):)? (?:fatal )?error: (.*)$", re.MULTILINE)
OWN_TEXT = re.compile(r"(?:<stdin>|.*stdin\.c)")
OWN_PLACE = re.compile(r"(?:<stdin>|\S*stdin\.c):\d+:(?:\d+:)? ")
DEPTH = 12  # of types in types that are searched for a va_list


@dataclass(frozen=True)
class Parsed:
    """The headers on one target."""

    target: Target
    sources: Sources
    abi: model.Abi
    unit: tree.Unit
    layout: Layout
    addresses: tuple[model.Address, ...]
    aliases: dict[str, str]  # macro -> the function, macro, variable or type that it names
    first_seen: dict[str, str]  # tag, ex) "struct sqlite3" -> the header that names it first
    hidden: dict[str, str]  # function or type -> a tag that ends with its own parameters
    meant: dict[str, str]  # name of our own -> the C expression whose type it is


def parse(sources: Sources, memo: Memo) -> Parsed:
    """Parse and lay out the headers; raises CallgateError for what the compiler says is wrong."""
    headers = sources.tree
    spec = headers.unit(UNIT)
    source = headers.source(spec)
    run = headers.try_preprocess(spec, source)
    if run.status != 0:
        raise _refused(run.errors, headers.header_of)
    found = parts(run.output, sources.named, headers.header_of)
    sources = replace(sources, parts=found)
    unit = parse_preprocessed(Preprocessed(headers, spec, source, run.output, ()), memo)
    if any(sources.is_own(failure.where.header) for failure in unit.failures):
        _compile(headers, spec, source)  # is it the header that is wrong, or only beyond us?
    namer = Namer(unit.declarations)
    unit = replace(unit, declarations=namer.run())
    target = headers.target
    with cache.no_collection():
        layout = unit_layout(unit, target)
        part = build_part(unit, layout, memo=memo)
        translate_macros(part, unit, layout, memo, calls=True)
    abi = merge(target, "", [part], ())
    names = _Macros(unit, layout, memo)
    return Parsed(
        target,
        sources,
        abi,
        unit,
        layout,
        tuple(names.addresses()),
        names.aliases(),
        tags.first_seen(unit),
        tags.hidden(unit),
        namer.meant,
    )


def check_headers(sources: Sources) -> None:
    """Raise CallgateError for what the compiler says is wrong in a request's headers."""
    spec = sources.tree.unit(UNIT)
    _compile(sources.tree, spec, sources.tree.source(spec))


def _compile(headers: HeaderTree, spec: UnitSpec, source: str) -> None:
    with tempfile.TemporaryDirectory(prefix="callgate-") as folder:
        run = headers.compile(spec, source, Path(folder) / "unit.o")
    if run.status != 0:
        raise _refused(run.errors, headers.header_of)


def _refused(errors: str, header_of: Callable[[str], str]) -> CallgateError:
    """Return the compiler's message about a header, with the place that it names."""
    found = ERROR.search(errors)
    place = None
    if found and not OWN_TEXT.fullmatch(found[1]):
        place = f"{header_of(found[1])}:{found[2]}"
    missing = re.search(r"'([^']+)' file not found|: ([^ :]+): No such file", errors)
    hint = "--first HEADER includes what they want before them, --define NAME=VALUE defines it"
    if missing:
        hint = f"-I DIR tells where {missing[1] or missing[2]} is, or give the header it belongs to"
    said = OWN_PLACE.sub("where the headers end: ", first_errors(errors))
    return CallgateError(f"the compiler does not take it:\n  {said}", where=place, hint=hint)


class _Macros:
    """What object-like macros are that are no constants."""

    def __init__(self, unit: tree.Unit, layout: Layout, memo: Memo) -> None:
        self._macros = [item for item in unit.macros if item.parameters is None and item.expansion]
        self._functions = {item.name for item in unit.macros if item.parameters is not None}
        self._layout = layout
        declarations = DeclarationParser("macro", layout.scope.typedefs, memo)
        self._expressions = ExpressionParser(declarations)

    def addresses(self) -> Iterator[model.Address]:
        for item in self._macros:
            if ")" not in item.expansion or item.where.header.startswith("<"):
                continue
            parsed = self._expressions.parse(item.expansion)
            if parsed is None or isinstance(parsed, tree.Type):
                continue
            try:
                found = self._layout.evaluator.value(parsed)
            except NONE:
                continue
            if isinstance(found.type, model.Pointer) and isinstance(found.value, int):
                place = model.Location(item.where.unit, item.where.header, item.where.line)
                yield model.Address(item.name, found.type, found.value, place)

    def aliases(self) -> dict[str, str]:
        scope = self._layout.scope
        known = {*scope.functions, *scope.variables, *scope.typedefs, *self._functions}
        return {
            item.name: item.expansion
            for item in self._macros
            if item.expansion in known and item.expansion != item.name
        }


def uses_va_list(layout: Layout, kind: object, depth: int = DEPTH) -> bool:
    """Tell whether a type has a va_list in it, of which Lua cannot make one."""
    parts: tuple[object, ...] = ()
    match kind:
        case tree.Basic():
            return kind.name == "va_list"
        case tree.TypedefName():
            found = layout.scope.typedefs.get(kind.name)
            parts = (found.type,) if found else ()
        case tree.Pointer():
            parts = (kind.target,)
        case tree.Array():
            parts = (kind.element,)
        case tree.Qualified() | tree.Attributed():
            parts = (kind.type,)
        case tree.Function():
            parts = (kind.result, *(item.type for item in kind.parameters))
    return depth > 0 and any(uses_va_list(layout, part, depth - 1) for part in parts)
