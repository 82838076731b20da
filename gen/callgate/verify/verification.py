"""What came of asking: facts counted by witness, kind and header, and where witnesses disagree."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callgate.errors import CallgateError
from callgate.verify.questions import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from callgate.model import Location
    from callgate.verify.exclusions import Exclusion
    from callgate.verify.questions import Question

WORD = 2**64  # integers are compared modulo this; their width and signedness are facts of their own
SHOWN = 20  # disagreements in an error message

Answer = tuple[Value, ...] | str  # one value per fact; a text says why there are none
Key = tuple[str, str, str, str]  # witness, kind, unit, header


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A fact of which a witness says something else than the model."""

    kind: str  # of the question: ex) "field"
    name: str  # ex) "struct stat.st_size"
    location: Location
    fact: str  # ex) "offset"; "" when the witness gave no answer at all
    expected: Value | None
    answer: Value | str
    witness: str  # ex) "gcc 12.2.0"

    def __str__(self) -> str:
        """Return ``asm/stat.h:83: struct stat.st_size: offset: the model has 48, gcc 40``."""
        place = self.location
        where = f"{place}: " if place.line else f"{place.header}: " if place.header else ""
        what = f"{where}{self.kind} {self.name}"
        if not self.fact:
            return f"{what}: {self.witness}: {self.answer}"
        expected, answer = _shown(self.expected), _shown(self.answer)
        return f"{what}: {self.fact}: the model has {expected}, {self.witness} {answer}"


def _shown(value: object) -> str:
    if isinstance(value, int) and abs(value) > 0xFFFF:  # noqa: PLR2004 - where decimal gets hard to read
        return f"{value} (0x{value % WORD:x})"
    return repr(value)


@dataclass(slots=True)
class Tally:
    """Counts of facts; several make one by addition."""

    checked: Counter[Key] = field(default_factory=Counter)  # asked and agreed upon
    excluded: Counter[Key] = field(default_factory=Counter)  # disagreed upon, with a reason

    def add(self, other: Tally) -> None:
        """Add the counts of ``other``."""
        self.checked.update(other.checked)
        self.excluded.update(other.excluded)


def compare(
    asked: Sequence[Question], answers: Iterable[Answer], witness: str
) -> tuple[Tally, list[Disagreement]]:
    """Count the facts on which ``witness`` agrees with the model; return the others one by one."""
    tally, wrong = Tally(), []
    for question, answer in zip(asked, answers, strict=True):
        place = question.location
        key = (witness, question.kind, place.unit, place.header)
        if answer == question.expected:  # nearly always
            tally.checked[key] += len(question.facts)
            continue
        found = list(_differences(question, answer, witness))
        wrong.extend(found)
        tally.checked[key] += 0 if isinstance(answer, str) else len(question.facts) - len(found)
    return tally, wrong


def _differences(question: Question, answer: Answer, witness: str) -> Iterable[Disagreement]:
    head = question.kind, question.name, question.location
    if isinstance(answer, str):
        yield Disagreement(*head, "", None, answer, witness)
        return
    for fact, expected, said in zip(question.facts, question.expected, answer, strict=True):
        if not _equal(expected, said):
            yield Disagreement(*head, fact, expected, said, witness)


def _equal(expected: Value, said: Value) -> bool:
    if isinstance(expected, int) and isinstance(said, int):
        return (expected - said) % WORD == 0
    if isinstance(expected, float) and isinstance(said, float):
        return expected == said or (math.isnan(expected) and math.isnan(said))
    return expected == said


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome for one target."""

    target: str
    kernel: str
    witnesses: tuple[str, ...]  # ex) ("clang", "gcc", "luajit"), in the order of their columns
    always: tuple[str, ...]  # those of them that testify on every machine
    tally: Tally
    disagreements: tuple[Disagreement, ...]
    unused: tuple[Exclusion, ...]  # exclusions that excluded nothing
    cached: bool = False  # nothing has changed since it was clean, so nobody was asked again

    @property
    def clean(self) -> bool:
        """Tell whether the witnesses agree with the model in all that is not excluded."""
        return not self.disagreements and not self.unused

    def checked(self, witness: str | None = None) -> int:
        """Return how many answers agree with the model, of one witness or of all."""
        return _total(self.tally.checked, witness)

    def excluded(self, witness: str | None = None) -> int:
        """Return how many answers are excluded, of one witness or of all."""
        return _total(self.tally.excluded, witness)

    def problems(self) -> list[str]:
        """Return a line for each disagreement and each unused exclusion."""
        lines = [str(item) for item in self.disagreements]
        return lines + [f"headers/exclusions.toml: unused: {item}" for item in self.unused]

    def raise_if_wrong(self) -> None:
        """Raise CallgateError naming the first items that witnesses disagree with."""
        if self.clean:
            return
        lines = self.problems()
        shown = "\n  ".join(lines[:SHOWN])
        more = f"\n  and {len(lines) - SHOWN:,} more" if len(lines) > SHOWN else ""
        raise CallgateError(
            f"{len(lines):,} facts are not as the witnesses say:\n  {shown}{more}",
            where=self.target,
            hint="`callgate verify` lists them; headers/exclusions.toml takes a reason for each",
        )


def _total(counts: Counter[Key], witness: str | None) -> int:
    return sum(count for key, count in counts.items() if witness in (None, key[0]))
