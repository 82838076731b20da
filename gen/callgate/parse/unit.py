"""A unit of units.toml -> ``tree.Unit``."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from callgate import tree
from callgate.errors import CallgateError
from callgate.headers.compiler import LimitError
from callgate.parse import cache, macros
from callgate.parse.broken import OWN_LINE, preprocess_whole
from callgate.parse.declarations import DeclarationParser
from callgate.parse.preprocess import MAX_FAILURES, SHOWN, Splitter

if TYPE_CHECKING:
    from pathlib import Path

    from callgate.headers.trees import HeaderTree
    from callgate.headers.units import UnitSpec

ROUNDS = 20  # with fewer macros each, before the unit as a whole fails


def parse_unit(headers: HeaderTree, spec: UnitSpec, *, kept: Path | None = None) -> tree.Unit:
    """Parse one unit; what cannot be parsed is in ``Unit.failures`` and the run goes on.

    ``kept`` is a folder of units parsed before. Raises CallgateError when the unit cannot be
    preprocessed at all, or takes more time or memory than any real one.
    """
    source, text, failures = preprocess_whole(headers, spec)
    name = cache.key(repr(spec), str(headers.data), source, text)
    unit = cache.load(kept, name) if kept else None
    if unit is None:
        with cache.no_collection():
            unit = _parse(headers, spec, source, text, failures)
        if kept:
            cache.store(kept, name, unit)
    return unit


def parse_units(
    headers: HeaderTree, *, jobs: int = 2, kept: Path | None = None
) -> tuple[tree.Unit, ...]:
    """Parse all units of the tree, ``jobs`` at a time."""
    first, *others = headers.units
    if jobs < 2 or not others:  # noqa: PLR2004 - nothing to run side by side
        return tuple(parse_unit(headers, spec, kept=kept) for spec in headers.units)
    # The first unit, by far the largest, stays in this process and need not be sent back.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(min(jobs - 1, len(others)), mp_context=context) as pool:
        tasks = [pool.submit(_parse_elsewhere, headers, spec, kept) for spec in others]
        unit = parse_unit(headers, first, kept=kept)
        return unit, *(cache.loads(task.result()) for task in tasks)


def _parse_elsewhere(headers: HeaderTree, spec: UnitSpec, kept: Path | None) -> bytes:
    return cache.dumps(parse_unit(headers, spec, kept=kept))


def _parse(
    headers: HeaderTree,
    spec: UnitSpec,
    source: str,
    text: str,
    failures: list[tree.Failure],
) -> tree.Unit:
    split = Splitter(spec.name, headers.header_of).split(text)
    failures = failures + split.failures
    parser = DeclarationParser(spec.name)
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
    expanded, runaway = _expand(headers, spec, source, macros.definitions(split))
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
