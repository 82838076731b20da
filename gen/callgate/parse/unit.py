"""A unit of units.toml -> ``tree.Unit``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from callgate import cache, tree
from callgate.errors import CallgateError
from callgate.forked import Forked
from callgate.headers.compiler import LimitError
from callgate.parse import macros
from callgate.parse.broken import OWN_LINE
from callgate.parse.declarations import DeclarationParser
from callgate.parse.memo import Memo
from callgate.parse.preprocess import MAX_FAILURES, SHOWN, Splitter
from callgate.parse.preprocessed import Preprocessed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callgate.headers.trees import HeaderTree
    from callgate.headers.units import UnitSpec

ROUNDS = 20  # with fewer macros each, before the unit as a whole fails


def parse_unit(headers: HeaderTree, spec: UnitSpec, memo: Memo | None = None) -> tree.Unit:
    """Parse one unit; what cannot be parsed is in ``Unit.failures`` and the run goes on.

    ``memo`` has what was parsed before. Raises CallgateError when the unit cannot be preprocessed
    at all, or takes more time or memory than any real one.
    """
    return parse_preprocessed(Preprocessed.of(headers, spec), memo or Memo())


def parse_units(
    headers: HeaderTree, *, jobs: int = 2, memo: Memo | None = None
) -> tuple[tree.Unit, ...]:
    """Parse all units of the tree, two at a time if there are ``jobs`` for it."""
    memo = memo or Memo()
    first, *others = headers.units
    if jobs < 2 or not others:  # noqa: PLR2004 - nothing to run side by side
        return tuple(parse_unit(headers, spec, memo) for spec in headers.units)
    # The first unit, by far the largest, stays in this process and need not be sent back.
    rest = Forked(partial(_parse_others, headers, others, memo))
    unit = parse_unit(headers, first, memo)
    units, fresh = rest.result()
    memo.update(fresh)
    return unit, *units


def _parse_others(
    headers: HeaderTree, specs: list[UnitSpec], memo: Memo
) -> tuple[list[tree.Unit], Mapping[bytes, object]]:
    known = memo.fresh()
    return [parse_unit(headers, spec, memo) for spec in specs], memo.fresh(known)


def parse_preprocessed(given: Preprocessed, memo: Memo) -> tree.Unit:
    """Parse a unit's text, as ``parse_unit`` does."""
    with cache.no_collection():
        return _parse(given, memo)


def _parse(given: Preprocessed, memo: Memo) -> tree.Unit:
    headers, spec = given.headers, given.spec
    split = Splitter(spec.name, headers.header_of).split(given.text)
    failures = [*given.failures, *split.failures]
    parser = DeclarationParser(spec.name, memo=memo)
    declarations: list[tree.Declaration] = []
    for chunk in split.chunks:
        found, failure = parser.parse(chunk)
        declarations.extend(found)
        if failure is not None:
            failures.append(failure)
            if len(failures) > MAX_FAILURES:
                raise CallgateError(
                    f"more than {MAX_FAILURES:,} declarations failed; the last: {failure.message}",
                    where=str(failure.where),
                )
    expanded, runaway = _expand(headers, spec, given.source, macros.definitions(split))
    return tree.Unit(
        spec.name,
        tuple(declarations),
        expanded,
        (*failures, *runaway),
        tuple(split.headers),
    )


def _expand(
    headers: HeaderTree, spec: UnitSpec, source: str, known: macros.Definitions
) -> tuple[tuple[tree.MacroDefinition, ...], list[tree.Failure]]:
    """Return the macros with their expansions, and as failures those that expand without bound."""
    failures: list[tree.Failure] = []
    without: set[str] = set()  # texts that cannot be expanded on a line of their own
    for _ in range(ROUNDS):
        asked = macros.questions(known, without)
        try:
            run = headers.try_preprocess(spec, source + macros.question_text(asked), macros=False)
        except LimitError as error:
            culprits = _longest(asked, error.output)
            if not culprits:
                raise
            without |= culprits
            message = f"the macro's expansion: {error.what}"
            failures += [
                tree.Failure(macro.where, message, macro.body[:SHOWN])
                for macro in known.macros
                if known.asked(macro) in culprits
            ]
            continue
        found = macros.answers(run.output)
        spoilt = _rejected(run.errors, source.count("\n"), len(asked))
        spoilt |= macros.swallowers(found, len(asked))
        if not spoilt:
            if run.status != 0:
                break
            expansions = {asked[number]: text for number, text in found[:-1]}
            return macros.with_expansions(known, expansions), failures
        without.update(asked[number] for number in spoilt)
    raise CallgateError(
        f"the macros cannot be expanded, {len(without)} of them not even alone",
        where=str(failures[-1].where) if failures else f"{headers.target.name}, unit {spec.name}",
        hint="a macro that expands to gigabytes does this, and one that opens a call",
    )


def _rejected(errors: str, before: int, count: int) -> set[int]:
    """Return which of ``count`` lines that follow ``before`` lines of source have errors."""
    numbers = (int(found[1]) - 1 - before for found in OWN_LINE.finditer(errors))
    return {number for number in numbers if 0 <= number < count}


def _longest(asked: list[str], output: bytes) -> set[str]:
    """Return the texts whose expansions fill ``output``, which a limit cut off."""
    found = macros.answers(output.decode("utf-8", errors="replace"))
    sizes = {number: len(text) for number, text in found if number < len(asked)}
    least = min(macros.MAX_EXPANSION, max(sizes.values(), default=0))
    return {asked[number] for number, size in sizes.items() if size >= least > 0}
