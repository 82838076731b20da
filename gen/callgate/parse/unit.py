"""A unit of units.toml -> ``tree.Unit``."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from callgate import tree
from callgate.parse import macros
from callgate.parse.declarations import DeclarationParser
from callgate.parse.preprocess import Splitter

if TYPE_CHECKING:
    from callgate.headers.trees import HeaderTree
    from callgate.headers.units import UnitSpec


def parse_unit(headers: HeaderTree, spec: UnitSpec) -> tree.Unit:
    """Parse one unit; what cannot be parsed is in ``Unit.failures`` and the run goes on.

    Raises CallgateError when the unit cannot be preprocessed at all.
    """
    source = headers.source(spec)
    split = Splitter(spec.name, headers.header_of).split(headers.preprocess(spec, source))
    parser = DeclarationParser(spec.name)
    declarations: list[tree.Declaration] = []
    failures = list(split.failures)
    for chunk in split.chunks:
        found, failure = parser.parse(chunk)
        declarations.extend(found)
        if failure is not None:
            failures.append(failure)
    kept = macros.definitions(split)
    asked = source + macros.questions(kept)
    expanded = macros.with_expansions(kept, headers.preprocess(spec, asked, macros=False))
    return tree.Unit(
        spec.name, tuple(declarations), expanded, tuple(failures), tuple(split.headers)
    )


def parse_units(headers: HeaderTree, *, jobs: int = 2) -> tuple[tree.Unit, ...]:
    """Parse all units of the tree, ``jobs`` at a time."""
    specs = headers.units
    if jobs < 2 or len(specs) < 2:  # noqa: PLR2004 - nothing to run side by side
        return tuple(parse_unit(headers, spec) for spec in specs)
    with ProcessPoolExecutor(max_workers=min(jobs, len(specs))) as pool:
        return tuple(pool.map(parse_unit, [headers] * len(specs), specs))
