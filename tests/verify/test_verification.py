"""Comparing answers with the model, and saying what came of it."""

from __future__ import annotations

import math

import pytest

from callgate.errors import CallgateError
from callgate.model import Location
from callgate.verify.exclusions import Exclusion
from callgate.verify.questions import Question
from callgate.verify.verification import Answer, Disagreement, Tally, Verification, compare

PLACE = Location("uapi", "linux/a.h", 3)
QUESTION = Question("constant", "A", PLACE, ("value", "size"), (-1, 4))
KEY = ("gcc", "constant", "uapi", "linux/a.h")


def differing(expected: object, answer: object) -> bool:
    """Tell whether an answer about one fact differs."""
    question = Question("constant", "A", PLACE, ("value",), (expected,))  # type: ignore[arg-type]
    return bool(compare([question], [(answer,)], "gcc")[1])  # type: ignore[list-item]


class TestCompare:
    """compare()."""

    def test_counts(self) -> None:
        """Every fact that is agreed upon counts."""
        tally, wrong = compare([QUESTION, QUESTION], [(-1, 4), (-1, 8)], "gcc")
        assert tally.checked == {KEY: 3}
        assert [(item.fact, item.expected, item.answer) for item in wrong] == [("size", 4, 8)]

    def test_no_answer(self) -> None:
        """A question that a witness rejects is one disagreement, and none of its facts counts."""
        tally, wrong = compare([QUESTION], ["rejected: no such name"], "gcc")
        assert tally.checked.total() == 0
        assert [str(item) for item in wrong] == [
            "linux/a.h:3: constant A: gcc: rejected: no such name"
        ]

    @pytest.mark.parametrize(
        ("place", "start"),
        [(Location("uapi", "a.h", 0), "a.h: unit"), (Location("uapi", "", 0), "unit")],
    )
    def test_place(self, place: Location, start: str) -> None:
        """What has no line, or no header, is named without."""
        item = Disagreement("unit", "uapi", place, "", None, "broken", "gcc")
        assert str(item) == f"{start} uapi: gcc: broken"

    def test_negative(self) -> None:
        """A negative number is the same as its 64 bits."""
        assert not differing(-1, 2**64 - 1)
        assert differing(-1, 2**32 - 1)

    def test_not_a_number(self) -> None:
        """NaN agrees with NaN, and with nothing else."""
        assert not differing(math.nan, math.nan)
        assert differing(math.nan, 1.0)

    def test_kinds(self) -> None:
        """A string never agrees with a number."""
        assert differing("1", 1)
        assert differing(1, "1")

    def test_message(self) -> None:
        """A disagreement says where, what, and both values; large ones in hexadecimal too."""
        answers: list[Answer] = [(0x12345678, 4)]
        (item,) = compare([QUESTION], answers, "gcc")[1]
        assert str(item) == (
            "linux/a.h:3: constant A: value: the model has -1, gcc 305419896 (0x12345678)"
        )


def verification(*wrong: Disagreement, unused: tuple[Exclusion, ...] = ()) -> Verification:
    """Return an outcome."""
    tally = compare([QUESTION], [(-1, 4)], "gcc")[0]
    return Verification("t", "7.2.0", ("gcc",), ("gcc",), tally, wrong, unused)


class TestVerification:
    """Verification."""

    def test_clean(self) -> None:
        """Without disagreements it is clean, and raises nothing."""
        outcome = verification()
        assert outcome.clean
        assert outcome.checked() == outcome.checked("gcc") == 2
        assert outcome.checked("clang") == outcome.excluded() == 0
        outcome.raise_if_wrong()

    def test_unused_exclusion(self) -> None:
        """An exclusion that excludes nothing is an error."""
        outcome = verification(unused=(Exclusion("field", "x", "no reason any more"),))
        assert not outcome.clean
        with pytest.raises(CallgateError, match="unused: field x"):
            outcome.raise_if_wrong()

    def test_many_disagreements(self) -> None:
        """The error shows the first disagreements and counts the others."""
        wrong = [Disagreement("field", f"f{n}", PLACE, "size", 1, 2, "gcc") for n in range(30)]
        with pytest.raises(CallgateError, match="t: 30 facts") as caught:
            verification(*wrong).raise_if_wrong()
        assert "field f19: size: the model has 1, gcc 2\n  and 10 more" in str(caught.value)

    def test_tally_adds_up(self) -> None:
        """Tallies of several tasks make one."""
        total = Tally()
        for _ in range(2):
            total.add(compare([QUESTION], [(-1, 4)], "gcc")[0])
        assert total.checked == {KEY: 4}
