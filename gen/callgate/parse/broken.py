"""A unit's preprocessed text, without the headers that the preprocessor does not take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callgate.errors import CallgateError
from callgate.headers.compiler import first_errors
from callgate.tree import Failure, Where

if TYPE_CHECKING:
    from callgate.headers.trees import HeaderTree
    from callgate.headers.units import UnitSpec

ROUNDS = 20  # broken headers left out before the unit as a whole fails
# The unit's own text is standard input; compilers name it "<stdin>" or "...stdin.c".
OWN_LINE = re.compile(r"stdin(?:\.c|>):(\d+)")
ERROR = re.compile(r"^(.+?):(\d+):(?:(\d+):)? (?:fatal )?error: (.*)$", re.MULTILINE)
INCLUDE = re.compile(r"#include <(.+)>")


def preprocess_whole(headers: HeaderTree, spec: UnitSpec) -> tuple[str, str, list[Failure]]:
    """Return the unit's source, its preprocessed text, and a failure for each header left out.

    Raises CallgateError when the unit's own text is broken, or too many headers are.
    """
    failures: list[Failure] = []
    without: set[str] = set()
    for _ in range(ROUNDS):
        source = headers.source(spec, frozenset(without))
        run = headers.try_preprocess(spec, source)
        if run.status == 0:
            return source, run.output, failures
        broken = _with_errors(headers, spec, source, run.errors)
        if not ERROR.search(run.errors):
            broken = _crashing(headers, spec, without)
        if not broken.keys() - without:
            raise CallgateError(
                f"preprocessing failed:\n  {first_errors(run.errors)}",
                where=f"{headers.target.name}, unit {spec.name}",
                hint=f"the unit's own text, headers/{spec.prelude}, is at fault",
            )
        failures += broken.values()
        without |= broken.keys()
    raise CallgateError(
        f"more than {ROUNDS} broken headers, the last: {failures[-1].message}",
        where=str(failures[-1].where),
        hint="is the tree complete? `make headers_install` writes a whole one",
    )


def _with_errors(
    headers: HeaderTree, spec: UnitSpec, source: str, errors: str
) -> dict[str, Failure]:
    """Return the headers that the unit includes and in which the compiler found errors."""
    lines = source.split("\n")
    found: dict[str, Failure] = {}
    begin = 0
    for error in ERROR.finditer(errors):
        own = OWN_LINE.search(errors, begin, error.end())  # of the "included from" lines before it
        begin = error.end()
        include = INCLUDE.fullmatch(lines[int(own[1]) - 1]) if own else None
        if include and include[1] not in found:
            at = headers.header_of(error[1])
            at = include[1] if at.startswith("<") else at
            where = Where(spec.name, at, int(error[2]), int(error[3] or 1))
            found[include[1]] = _left_out(include[1], where, error[4])
    return found


def _crashing(headers: HeaderTree, spec: UnitSpec, without: set[str]) -> dict[str, Failure]:
    """Return the header with which the compiler begins to fail without a message, by halving."""
    names = [name for name in headers.headers(spec) if name not in without]

    def works(count: int) -> bool:
        source = headers.source(spec, frozenset(without | set(names[count:])))
        run = headers.try_preprocess(spec, source)
        return run.status == 0 or ERROR.search(run.errors) is not None

    if not works(0):
        return {}
    low, high = 0, len(names)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if works(middle) else (low, middle)
    name = names[high - 1]
    return {name: _left_out(name, Where(spec.name, name, 1), "the compiler crashes on it")}


def _left_out(header: str, where: Where, why: str) -> Failure:
    message = f"{why}; {header} is left out as a whole"
    return Failure(where, message, f"#include <{header}>")
