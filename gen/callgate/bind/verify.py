"""The witnesses on a binding: compilers on the model and the texts, LuaJIT on the file."""

from __future__ import annotations

import os
import platform
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from callgate.bind.ctext import DeclarationWriter, has_unnamed
from callgate.bind.request import UNIT
from callgate.bind.select import CALLED
from callgate.bind.untagged import with_arguments
from callgate.errors import CallgateError
from callgate.model import Abi, Location, Pointer, Prototype, Typedef, Variable
from callgate.report import counted
from callgate.verify import luajit
from callgate.verify.ccode import WORD, macro_names
from callgate.verify.compilers import compilers
from callgate.verify.exclusions import load_exclusions
from callgate.verify.macros import check_macros
from callgate.verify.questions import (
    Declared,
    Member,
    Question,
    Sheet,
    address,
    declared,
    questions,
)
from callgate.verify.verification import Disagreement, Tally, compare

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from pathlib import Path

    from callgate.bind.binding import Binding, Side
    from callgate.targets import Target
    from callgate.verify.compilers import Compiler
    from callgate.verify.memory import Outcome
    from callgate.verify.verification import Answer

SHOWN = 20  # disagreements in an error message
RECORDS = {"record", "field", "bit-field"}
OURS = "clang"  # the bundle's compiler, whose view of the headers the model is


@dataclass(frozen=True, slots=True)
class Verified:
    """What the witnesses say."""

    tally: Tally
    contested: dict[str, str]  # name -> why no compiler, or not every one, sees it as the model

    @property
    def answers(self) -> int:
        """How many agree."""
        return sum(self.tally.checked.values())


def verify(binding: Binding, file: Path, *, jobs: int | None = None) -> Verified:
    """Ask the witnesses about the binding, whose text is in ``file``.

    Raises CallgateError naming the facts that a witness disagrees with, and who said what.
    """
    tally = Tally()
    wrong: list[Disagreement] = []
    with ThreadPoolExecutor(max_workers=jobs or os.cpu_count() or 1) as pool:
        for outcome in pool.map(lambda side: _side(binding, side, file), binding.sides):
            tally.add(outcome[0])
            wrong.extend(outcome[1])
    contested = _contested(
        wrong, {name for side in binding.sides for name in side.chosen.verified()}
    )
    left = [item for item in wrong if _outermost(item.name) not in contested]
    if left:
        lines = [str(item) for item in left[:SHOWN]]
        names = dict.fromkeys(_outermost(item.name) for item in left)
        shown = dict.fromkeys(_outermost(item.name) for item in left[:SHOWN])
        if others := [name for name in names if name not in shown]:
            lines.append(f"and also of {', '.join(others)}")
        text = "\n  ".join(lines)
        raise CallgateError(
            f"{counted(len(left), 'fact')} not as the witnesses say:\n  {text}",
            hint="nothing was written; --exclude NAME leaves out what a compiler sees otherwise",
        )
    return Verified(tally, contested)


def _contested(wrong: Sequence[Disagreement], chosen: Container[str]) -> dict[str, str]:
    """Return what is the compiler's own, as headers ask which one it is, or is nobody's.

    These are constants of which another has another value, and functions, types and variables that
    it does not see, or sees otherwise, but for records: what refers to them would have to go, too;
    and constants that nobody can use, as the header that they want is not included, or that took
    more than a double to calculate. What is there only because others refer to it is none of these.
    """
    others = {
        _outermost(item.name): "compilers see it differently"
        for item in wrong
        if _is_others(item) and (item.kind not in RECORDS or not item.fact)
    }
    ours = [item for item in wrong if not _is_others(item)]
    for item in ours:
        others.pop(_outermost(item.name), None)
    unusable = {
        item.name: f"the compiler does not take it: {str(item.answer).removeprefix('rejected: ')}"
        for item in filter(_is_unusable, ours)
    }
    unusable |= {
        item.name: "a long double that a double does not hold"
        for item in ours
        if item.kind == "float" and item.fact == "value" and item.witness.startswith(OURS)
    }
    return {name: why for name, why in (others | unusable).items() if name in chosen}


def _outermost(name: str) -> str:
    """Return the name itself, of a member the record's."""
    return name.partition(".")[0]


def _is_unusable(item: Disagreement) -> bool:
    """Tell whether our own compiler refuses a constant."""
    return item.kind == "constant" and not item.fact and item.witness.startswith(OURS)


def _is_others(item: Disagreement) -> bool:
    return not item.witness.startswith(OURS) and item.witness != luajit.NAME


def _side(binding: Binding, side: Side, file: Path) -> Outcome:
    """Return what all witnesses of one target say."""
    target = side.parsed.target
    tree = side.parsed.sources.tree
    abi = _bound_model(side)
    asked = _questions(side, abi)
    meant = _meant(side)
    sheet = Sheet(UNIT, None, tuple(_in_c(item, meant) for item in asked))
    macros = macro_names(side.parsed.abi)
    known = load_exclusions(tree.data / "exclusions.toml")
    tally = Tally()
    wrong: list[Disagreement] = []
    witnesses = compilers(target, tree)
    for compiler in witnesses:
        name = f"{compiler.name} for {target.name}"
        counts, differing = compare(asked, _answer(compiler, sheet, macros), name)
        tally.add(counts)
        for item in filter(_is_said, differing):
            plain = replace(item, witness=compiler.name)
            if not known.excuses(plain, target.name, compiler.version):
                wrong.append(item)
        if any(map(_is_unusable, wrong)):
            return tally, wrong  # other compilers may refuse the whole unit: it is asked again
    if runs_here(target, by_abi=binding.request.by_abi):
        outcomes = [
            compare(batch.questions, luajit.answer(batch, file.parent, file), luajit.NAME)
            for batch in luajit.bound_batches(asked)
        ]
        for counts, differing in (*outcomes, _macros(abi, witnesses[0])):
            tally.add(counts)
            wrong += filter(_is_said, differing)
    return tally, wrong


def _answer(compiler: Compiler, sheet: Sheet, macros: frozenset[str]) -> list[Answer]:
    try:
        return compiler.answer(sheet, macros)
    except CallgateError as error:
        hint = "the headers must compile by themselves: --first HEADER includes what they want"
        raise CallgateError(error.what, where=compiler.tree.target.name, hint=hint) from error


def runs_here(target: Target, *, by_abi: bool) -> bool:
    """Tell whether this machine's LuaJIT sees the target's part of the file."""
    same = target.arch == platform.machine()
    return same and (by_abi or target.os == platform.system().lower())


def _is_said(item: Disagreement) -> bool:
    """Tell whether the file states the fact: of constants it has the values, not the types."""
    return item.kind not in {"constant", "enumerator"} or item.fact not in {"size", "signed"}


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
        macros=tuple(item for item in chosen.macros if not CALLED.search(item.lua or "")),
        syscalls=(),
    )


def _questions(side: Side, abi: Abi) -> list[Question]:
    """Return every question: of the model's facts, and of each declaration's very text."""
    chosen = side.chosen
    writer = DeclarationWriter(lambda name: name, exact=True)
    found = questions(abi)
    told: list[Prototype | Variable | Typedef] = [*chosen.functions, *chosen.variables]
    told += (item for item in chosen.typedefs if isinstance(item.type, Pointer))
    found.extend(
        declared(item.name, writer.type_of(item.type), item.location)
        for item in told
        if not has_unnamed(item.type)
    )
    found.extend(map(address, chosen.addresses))
    return found


def _meant(side: Side) -> dict[str, str]:
    """Return C's form of the names that we gave to untagged records: of an object that has it.

    By the comma operator it is a value, of a type that is not qualified (C11 6.3.2.1p2).
    """
    writer = DeclarationWriter(lambda name: name, exact=True)
    called = {item.name: item.type for item in side.parsed.abi.prototypes}

    def arguments(function: str) -> str:
        kinds = (Pointer(item.type, 0, 0) for item in called[function].parameters)
        return ", ".join(f"*({writer.type_of(kind)})0" for kind in kinds)

    meant = side.parsed.meant.items()
    return {name: f"__typeof__((0, {with_arguments(place, arguments)}))" for name, place in meant}


def _in_c(question: Question, meant: Mapping[str, str]) -> Question:
    """Return a question without the names that only we have."""

    def told(text: str) -> str:
        return WORD.sub(lambda found: meant.get(found[0], found[0]), text) if meant else text

    subject = question.subject
    if isinstance(subject, Member):
        record = replace(subject.record, name=told(subject.record.name))
        subject = replace(subject, record=record)
    elif isinstance(subject, Declared):
        subject = replace(subject, text=told(subject.text))
    own = meant.get(question.name, question.name)
    return replace(question, name=own, subject=subject)


def _macros(abi: Abi, compiler: Compiler) -> Outcome:
    """Compare macros' functions with the compiler; one that takes no numbers cannot be asked so."""
    try:
        tally, wrong = check_macros(abi, compiler)
    except CallgateError as error:
        place = Location(UNIT, "", 0)
        failed = Disagreement("unit", "macros", place, "", None, str(error), compiler.name)
        return Tally(), [failed]
    return tally, [item for item in wrong if item.fact]
