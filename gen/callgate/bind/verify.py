"""The witnesses on a binding: compilers on the model and the texts, LuaJIT on the file."""

from __future__ import annotations

import os
import platform
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from callgate.bind.ctext import DeclarationWriter
from callgate.bind.request import UNIT
from callgate.errors import CallgateError
from callgate.model import Abi, Location, Pointer, Prototype, Typedef, Variable
from callgate.verify import luajit
from callgate.verify.ccode import macro_names
from callgate.verify.compilers import compilers
from callgate.verify.macros import check_macros
from callgate.verify.questions import Question, Sheet, address, declared, questions
from callgate.verify.verification import Disagreement, Tally, compare

if TYPE_CHECKING:
    from pathlib import Path

    from callgate.bind.binding import Binding, Side
    from callgate.targets import Target
    from callgate.verify.compilers import Compiler
    from callgate.verify.memory import Outcome

SHOWN = 20  # disagreements in an error message


def verify(binding: Binding, file: Path, *, jobs: int | None = None) -> Tally:
    """Return how many facts the witnesses agree with.

    ``file`` holds the text that is to be written. Raises CallgateError naming the facts that a
    witness disagrees with, and who said what.
    """
    tally = Tally()
    wrong: list[Disagreement] = []
    with ThreadPoolExecutor(max_workers=jobs or os.cpu_count() or 1) as pool:
        for outcome in pool.map(lambda side: _side(binding, side, file), binding.sides):
            tally.add(outcome[0])
            wrong.extend(outcome[1])
    if wrong:
        lines = [str(item) for item in wrong]
        more = f"\n  and {len(lines) - SHOWN:,} more" if len(lines) > SHOWN else ""
        shown = "\n  ".join(lines[:SHOWN])
        raise CallgateError(
            f"{len(lines):,} facts are not as the witnesses say:\n  {shown}{more}",
            hint="nothing was written; --exclude NAME leaves out what a compiler sees otherwise",
        )
    return tally


def _side(binding: Binding, side: Side, file: Path) -> Outcome:
    """Return what all witnesses of one target say."""
    target = side.parsed.target
    abi = _bound_model(side)
    asked = _questions(side, abi)
    sheet = Sheet(UNIT, None, tuple(asked))
    macros = macro_names(side.parsed.abi)
    tally = Tally()
    wrong: list[Disagreement] = []
    witnesses = compilers(target, side.parsed.sources.tree)
    for compiler in witnesses:
        name = f"{compiler.name} for {target.name}"
        _take(tally, wrong, compare(asked, compiler.answer(sheet, macros), name))
    if runs_here(target, by_abi=binding.request.by_abi):
        batch = luajit.bound_batch(asked)
        answers = luajit.answer(batch, file.parent, file)
        _take(tally, wrong, compare(batch.questions, answers, luajit.NAME))
        _take(tally, wrong, _macros(abi, witnesses[0]))
    return tally, wrong


def runs_here(target: Target, *, by_abi: bool) -> bool:
    """Tell whether this machine's LuaJIT sees the target's part of the file."""
    same = target.arch == platform.machine()
    return same and (by_abi or target.os == platform.system().lower())


def _is_said(item: Disagreement) -> bool:
    """Tell whether the file states the fact: of constants it has the values, not the types."""
    return item.kind not in {"constant", "enumerator"} or item.fact not in {"size", "signed"}


def _take(tally: Tally, wrong: list[Disagreement], outcome: Outcome) -> None:
    tally.add(outcome[0])
    wrong.extend(filter(_is_said, outcome[1]))


def _bound_model(side: Side) -> Abi:
    """Return the model of what is bound and no more."""
    chosen = side.chosen
    return replace(
        side.parsed.abi,
        constants=tuple(chosen.constants),
        records=tuple(side.records),
        enumerations=tuple(chosen.enumerations),
        typedefs=tuple(chosen.typedefs),
        prototypes=(),
        variables=(),
        macros=tuple(item for item in chosen.macros if "F." not in (item.lua or "")),
        syscalls=(),
    )


def _questions(side: Side, abi: Abi) -> list[Question]:
    """Return every question: of the model's facts, and of each declaration's very text."""
    chosen = side.chosen
    writer = DeclarationWriter(lambda name: name, exact=True)
    found = questions(abi)
    told: list[Prototype | Variable | Typedef] = [*chosen.functions, *chosen.variables]
    told += (item for item in chosen.typedefs if isinstance(item.type, Pointer))
    found.extend(declared(item.name, writer.type_of(item.type), item.location) for item in told)
    found.extend(map(address, chosen.addresses))
    return found


def _macros(abi: Abi, compiler: Compiler) -> Outcome:
    """Compare macros' functions with the compiler; one that takes no numbers cannot be asked so."""
    try:
        tally, wrong = check_macros(abi, compiler)
    except CallgateError as error:
        place = Location(UNIT, "", 0)
        failed = Disagreement("unit", "macros", place, "", None, str(error), compiler.name)
        return Tally(), [failed]
    return tally, [item for item in wrong if item.fact]
