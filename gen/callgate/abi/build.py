"""Parsed units -> the ABI model of one target."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeGuard, TypeVar

from callgate import model, tree
from callgate.abi.layout import Layout
from callgate.abi.scope import Incomplete, Scope
from callgate.abi.value import NoValue
from callgate.forked import Forked
from callgate.parse.declarations import DeclarationParser
from callgate.parse.macros import ExpressionParser
from callgate.parse.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from callgate.targets import Target

NONE = (NoValue, Incomplete, ValueError, KeyError, OverflowError, RecursionError)
PARALLEL_FROM = 2000  # distinct expansions; below, starting processes costs more than it saves

Item = TypeVar("Item", model.Constant, model.Record, model.Typedef, model.Macro)
Answer = tuple[int | str | float | None, int, bool, str]  # value, size, signed, kind or reason


@dataclass(slots=True)
class Part:
    """What one unit adds to a model, before names are chosen among the units."""

    unit: str
    headers: tuple[str, ...] = ()
    failures: tuple[tree.Failure, ...] = ()
    constants: list[model.Constant] = field(default_factory=list)
    records: list[model.Record] = field(default_factory=list)
    enumerations: list[model.Enumeration] = field(default_factory=list)
    typedefs: list[model.Typedef] = field(default_factory=list)
    prototypes: list[model.Prototype] = field(default_factory=list)
    variables: list[model.Variable] = field(default_factory=list)
    macros: list[model.Macro] = field(default_factory=list)
    unevaluated: list[model.Unevaluated] = field(default_factory=list)


def build_abi(
    target: Target,
    kernel_version: str,
    units: Sequence[tree.Unit],
    syscalls: Sequence[model.Syscall],
    *,
    jobs: int = 2,
) -> model.Abi:
    """Lay out and evaluate everything in ``units``; earlier units win names over later ones."""
    parts = [build_part(unit, unit_layout(unit, target), jobs=jobs) for unit in units]
    return merge(target, kernel_version, parts, syscalls)


def merge(
    target: Target,
    kernel_version: str,
    parts: Sequence[Part],
    syscalls: Sequence[model.Syscall],
) -> model.Abi:
    """Return the model that consists of ``parts``; earlier ones win names over later ones."""
    records = _choose((item for part in parts for item in part.records), _record_fact)
    typedefs = _choose((item for part in parts for item in part.typedefs), lambda item: item.type)
    return model.Abi(
        target.name,
        kernel_version,
        _choose(_in_force(item for part in parts for item in part.constants), _constant_fact),
        records,
        tuple(item for part in parts for item in part.enumerations),
        typedefs,
        tuple(item for part in parts for item in part.prototypes),
        _choose((item for part in parts for item in part.macros), lambda item: item.body),
        tuple(item for part in parts for item in part.unevaluated),
        tuple(syscalls),
        {part.unit: part.headers for part in parts},
        _repeated(parts, (*records, *typedefs)),
        tuple(item for part in parts for item in part.variables),
    )


def _repeated(
    parts: Sequence[Part],
    kept: Iterable[model.Record | model.Typedef],
) -> dict[str, frozenset[str]]:
    here = {(item.location.unit, item.name) for item in kept}
    earlier: set[str] = set()  # headers: what another unit reads again is not a definition more
    out: dict[str, frozenset[str]] = {}
    for part in parts:
        items: list[model.Record | model.Typedef] = [*part.records, *part.typedefs]
        out[part.unit] = frozenset(
            item.name
            for item in items
            if (part.unit, item.name) not in here and item.location.header not in earlier
        )
        earlier.update(part.headers)
    return out


def _in_force(found: Iterable[model.Constant]) -> list[model.Constant]:
    """Put enumerators that a macro of their unit hides behind all others: the macro is meant."""
    constants = list(found)
    macros = {(item.location.unit, item.name) for item in constants if item.kind != "enumerator"}

    def is_hidden(item: model.Constant) -> bool:
        return item.kind == "enumerator" and (item.location.unit, item.name) in macros

    return sorted(constants, key=is_hidden)


def _choose(items: Iterable[Item], fact: Callable[[Item], object]) -> tuple[Item, ...]:
    """Keep the first definition of each name as primary, and later ones that differ as variants."""
    seen: dict[str, list[object]] = {}
    out: list[Item] = []
    for item in items:
        value = fact(item)
        if item.name not in seen:
            seen[item.name] = [value]
            out.append(item)
        elif value not in seen[item.name]:
            seen[item.name].append(value)
            out.append(replace(item, primary=False))
    return tuple(out)


def _constant_fact(item: model.Constant) -> object:
    return (type(item.value), item.value)


def _record_fact(item: model.Record) -> object:
    def plain(kind: model.TypeRef | None) -> object:
        match kind:
            case model.Scalar():
                return (kind.kind, kind.size, kind.align, kind.signed)
            case model.Pointer():
                return "pointer"
            case model.Array():
                return (kind.length, plain(kind.element))
            case model.Record():
                return (kind.kind, kind.size, fields(kind))
            case model.RecordName():
                return (kind.name, kind.size)
        return kind

    def fields(record: model.Record) -> object:
        return tuple(
            (each.name, each.offset, each.bit_offset, each.bit_width, plain(each.type))
            for each in record.fields
        )

    return (item.kind, item.size, item.align, fields(item))


def unit_layout(unit: tree.Unit, target: Target) -> Layout:
    """Return the layout of the unit's types on ``target``."""
    return Layout(Scope.of(unit.declarations), target.data_model)


def build_part(unit: tree.Unit, layout: Layout, *, memo: Memo | None = None, jobs: int = 1) -> Part:
    """Lay out and evaluate everything in ``unit``; ``memo`` has what was parsed before."""
    scope = layout.scope
    out = Part(unit.name, unit.headers, unit.failures)
    _records(scope, layout, out)
    _enumerations(scope, layout, out)
    _typedefs(scope, layout, out)
    _prototypes(scope, layout, out)
    _variables(scope, layout, out)
    _macros(unit, _Evaluation(layout, memo or Memo(), jobs), out)
    return out


def _place(where: tree.Where) -> model.Location:
    return model.Location(where.unit, where.header, where.line)


def _is_shown(where: tree.Where | None) -> TypeGuard[tree.Where]:
    """Tell whether an item stands in a header, not in our own prelude or in the compiler."""
    return where is not None and not where.header.startswith("<")


def _records(scope: Scope, layout: Layout, out: Part) -> None:
    for kind in scope.order:
        if not isinstance(kind, tree.Record) or not _is_shown(kind.where):
            continue
        name = layout.name_of(kind)
        if not name:
            continue
        try:
            out.records.append(layout.record(kind))
        except NONE as error:
            out.unevaluated.append(
                model.Unevaluated(name, "{...}", f"no layout: {error}", _place(kind.where))
            )


def _enumerations(scope: Scope, layout: Layout, out: Part) -> None:
    for kind in scope.order:
        if not isinstance(kind, tree.Enumeration) or not _is_shown(kind.where):
            continue
        names = tuple(item.name for item in kind.enumerators)
        try:
            scalar = layout.enumeration(kind)
        except NONE as error:
            out.unevaluated.append(
                model.Unevaluated(
                    kind.tag or "enum", ", ".join(names), str(error), _place(kind.where)
                )
            )
            continue
        tag = f"enum {kind.tag}" if kind.tag else ""
        out.enumerations.append(
            model.Enumeration(tag, names, scalar.size, scalar.signed, _place(kind.where))
        )
        for item, (value, own) in zip(kind.enumerators, layout.enumerators(kind), strict=True):
            where = _place(item.where or kind.where)
            out.constants.append(
                model.Constant(item.name, value, own.size, own.signed, "enumerator", where)
            )


def _typedefs(scope: Scope, layout: Layout, out: Part) -> None:
    for item in scope.typedefs.values():
        if not _is_shown(item.where):
            continue
        try:
            if layout.is_va_list(item.type):
                raise NoValue("the compiler's own type")
            kind = layout.type(tree.TypedefName(item.name))
        except NONE as error:
            out.unevaluated.append(
                model.Unevaluated(item.name, "typedef", str(error), _place(item.where))
            )
            continue
        out.typedefs.append(model.Typedef(item.name, kind, _place(item.where)))


def _prototypes(scope: Scope, layout: Layout, out: Part) -> None:
    for item in scope.functions.values():
        if not _is_shown(item.where):
            continue
        try:
            kind = layout.function(item.type)
        except NONE as error:
            out.unevaluated.append(
                model.Unevaluated(item.name, "function", str(error), _place(item.where))
            )
            continue
        out.prototypes.append(
            model.Prototype(item.name, kind, _place(item.where), item.inline, item.asm_label)
        )


def _variables(scope: Scope, layout: Layout, out: Part) -> None:
    for item in scope.variables.values():
        if not _is_shown(item.where):
            continue
        with suppress(*NONE):  # of a type that is not complete: nothing could be said of it
            kind = layout.type(item.type)
            const, _, _ = layout.qualifiers(item.type)
            out.variables.append(model.Variable(item.name, kind, _place(item.where), const))


def _macros(unit: tree.Unit, evaluation: _Evaluation, out: Part) -> None:
    shown = [item for item in unit.macros if _is_shown(item.where)]
    texts = sorted({item.expansion for item in shown if item.parameters is None and item.expansion})
    answers = evaluation.all(texts)
    enumerators = {item.name for item in out.constants}
    for item in shown:
        where = _place(item.where)
        if item.parameters is not None:
            out.macros.append(model.Macro(item.name, item.parameters, item.body, where))
            continue
        if not item.expansion or item.expansion == item.name:
            if item.name not in enumerators:
                reason = "empty" if not item.expansion else "defined as itself"
                out.unevaluated.append(model.Unevaluated(item.name, item.body, reason, where))
            continue
        value, size, signed, kind = answers[item.expansion]
        if value is None:
            out.unevaluated.append(model.Unevaluated(item.name, item.body, kind, where))
        else:
            out.constants.append(
                model.Constant(item.name, value, size, signed, kind, where, item.body)
            )


class _Evaluation:
    """Evaluates expansions, many of them in several processes."""

    def __init__(self, layout: Layout, memo: Memo, jobs: int) -> None:
        declarations = DeclarationParser("macro", layout.scope.typedefs, memo)
        self._expressions = ExpressionParser(declarations)
        self._layout = layout
        self._memo = memo
        self._jobs = jobs

    def all(self, texts: list[str]) -> dict[str, Answer]:
        """Evaluate every distinct expansion, in processes that share what is parsed so far."""
        jobs = self._jobs if len(texts) >= PARALLEL_FROM else 1
        others = [Forked(partial(self._share, texts[first::jobs])) for first in range(1, jobs)]
        answers = {text: self.one(text) for text in texts[::jobs]}
        for other in others:
            found, fresh = other.result()
            answers.update(found)
            self._memo.update(fresh)
        return answers

    def _share(self, texts: list[str]) -> tuple[dict[str, Answer], Mapping[bytes, object]]:
        known = self._memo.fresh()
        return {text: self.one(text) for text in texts}, self._memo.fresh(known)

    def one(self, text: str) -> Answer:  # noqa: PLR0911 - one return per kind of answer
        """Return the value of an expansion, or the reason why it has none."""
        parsed = self._expressions.parse(text)
        if parsed is None:
            return None, 0, False, "not an expression"
        if isinstance(parsed, tree.Type):
            return None, 0, False, "type name"
        if isinstance(parsed, tree.Binary) and parsed.operator == "," and text[0] != "(":
            return None, 0, False, "a list"
        try:
            found = self._layout.evaluator.value(parsed)
        except NONE as error:
            return None, 0, False, str(error) or type(error).__name__
        if isinstance(found.value, bytes):
            return found.value.decode("latin-1"), len(found.value) + 1, False, "string"
        size = getattr(found.type, "size", 0)
        signed = isinstance(found.type, model.Scalar) and found.type.signed
        if isinstance(found.value, float):
            return found.value, size, True, "float"
        return found.value, size, signed, "macro"
