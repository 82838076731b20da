"""From a request to the file's text, by way of every target's headers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from callgate import paths
from callgate.bind.emit import emit
from callgate.bind.facts import FactsWriter
from callgate.bind.merge import Facts, Merged, merge
from callgate.bind.parse import Parsed, parse
from callgate.bind.request import Request, find_sources
from callgate.bind.select import Chosen, check_globs, choose
from callgate.parse.memo import Memo
from callgate.pipeline import open_tree
from callgate.report import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from callgate.model import Record
    from callgate.report import Reporter
    from callgate.targets import Target


@dataclass(frozen=True)
class Side:
    """One target of a binding."""

    parsed: Parsed
    chosen: Chosen
    facts: Facts
    records: tuple[Record, ...]  # those chosen, and those that anything chosen refers to

    @classmethod
    def of(cls, parsed: Parsed, chosen: Chosen, request: Request) -> Side:
        """Render what was chosen."""
        writer = FactsWriter(parsed, chosen, request)
        facts = writer.sections()
        return cls(parsed, chosen, facts, tuple(writer.records))

    def without(self, reasons: Mapping[str, str], request: Request) -> Side:
        """Return the side without some names, each left out for its reason."""
        return Side.of(self.parsed, self.chosen.without(reasons), request)


@dataclass(frozen=True)
class Binding:
    """A binding before it is written."""

    request: Request
    sides: tuple[Side, ...]
    merged: Merged
    headers: tuple[str, ...]  # as the file names them

    def text(self, name: str) -> str:
        """Return the Lua file's text, whose errors begin with ``name``.

        It is the same for the same facts, wherever and whenever it is made.
        """
        targets = [side.parsed.target for side in self.sides]
        return emit(name, self.merged, self.request, targets, self.headers)

    def without(self, reasons: Mapping[str, str]) -> Binding:
        """Return the binding without some names, each with a reason."""
        sides = tuple(side.without(reasons, self.request) for side in self.sides)
        return replace(self, sides=sides, merged=_merged(sides, self.request))


def bind(request: Request, targets: Sequence[Target], report: Reporter) -> Binding:
    """Parse the headers for each target; raises CallgateError for all that is wrong with them."""
    request.check()
    memo = Memo.load(paths.cache_dir() / "bound")
    every: list[Parsed] = []
    with report.stage("parse", ", ".join(request.headers)) as stage:
        for target in targets:
            tree = open_tree(target, paths.data_dir("headers"), paths.cache_dir())
            every.append(parse(find_sources(request, tree), memo))
            stage.progress(len(every), len(targets))
        entered = len(every[0].unit.headers)
        stage.detail(f"{counted(entered, 'header')}, {counted(len(every), 'target')}")
    memo.save(paths.cache_dir() / "bound")
    check_globs(every, request)
    sides = tuple(Side.of(parsed, choose(parsed, request), request) for parsed in every)
    sources = every[0].sources
    headers = tuple(sources.shown(name) for name in sources.named)
    return Binding(request, sides, _merged(sides, request), headers)


def _merged(sides: Sequence[Side], request: Request) -> Merged:
    facts = [(side.parsed.target, side.facts) for side in sides]
    return merge(facts, by_abi=request.by_abi)
