"""Random calls of everything the library has, with random values: no crash, no internal error.

$CALLGATE_FUZZ_SECONDS says how long (without it the same cases are tried on every machine, slow or
fast), $CALLGATE_FUZZ_SEED from where (a number, or "random"), and $CALLGATE_FUZZ_CASES ("5 17")
which cases to try again with that seed.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from .misuse import MODES, Fuzzer, Outcome, unable

SECONDS = float(os.environ.get("CALLGATE_FUZZ_SECONDS", "0"))
USUAL = 3000  # cases; 10 to 20 s
USUAL_SECONDS = 240.0
SEED = os.environ.get("CALLGATE_FUZZ_SEED", "1")
CASES = os.environ.get("CALLGATE_FUZZ_CASES", "").split()


@pytest.fixture
def fuzzer(tmp_path: Path) -> Fuzzer:
    """Return a fuzzer with the seed that is asked for."""
    reason = unable()
    if reason:
        pytest.skip(f"no namespaces here: {reason}")
    return Fuzzer(random.getrandbits(31) if SEED == "random" else int(SEED), tmp_path)


@pytest.mark.slow
def test_misuse(fuzzer: Fuzzer) -> None:
    """Whatever one passes, a call returns, fails, or says in the library's words what is wrong."""
    if CASES:
        found = [one for mode in MODES for one in fuzzer.again(mode, *CASES)]
    elif SECONDS:
        found = fuzzer.search(SECONDS)
    else:
        found = fuzzer.search(USUAL_SECONDS, cases=USUAL)
    again = f"CALLGATE_FUZZ_SEED={fuzzer.seed} CALLGATE_FUZZ_CASES=... tries single cases again"
    assert not found, "\n".join([again, *map(str, found)])


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        ("internal", "speaks of internals: cannot convert 'nil' to 'int'"),
        ("nameless", "does not name function and argument"),
        ("silent", "fails without message and errno: nil, no errno, nil"),
        ("overrun", "wrote outside the memory that it got"),
        ("changed", 'changed the Lua string "a string"'),
    ],
)
def test_finding(fuzzer: Fuzzer, planted: str, expected: str) -> None:
    """Each sort of defect is found where there is one."""
    (found,) = fuzzer.run("on", planted).findings
    assert found.call == f"{planted}(memory)"
    assert expected in found.what


def test_crash(fuzzer: Fuzzer) -> None:
    """A call that crashes is found, and named."""
    outcome = fuzzer.run("on", "crash")
    assert (outcome.died, outcome.finished) == ("signal 11", False)
    assert fuzzer.now() == "crash(memory)"
    (found,) = fuzzer.again("on", "crash")
    assert (found.call, found.what) == ("crash(memory)", "died of signal 11")


@pytest.mark.slow
def test_hang(fuzzer: Fuzzer) -> None:
    """A call that never returns is found, though no kernel waits for anything."""
    assert fuzzer.run("off", "hang").died == "a call that does not return"


def test_shrinking(fuzzer: Fuzzer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the cases before a crash those remain that it takes; none where it does not come again."""

    def run(_mode: str, *cases: str) -> Outcome:
        dies = {"3", "17", "90"} <= set(cases)
        return Outcome(90, not dies, "signal 11" if dies else "", ())

    monkeypatch.setattr(fuzzer, "run", run)
    assert fuzzer.shrink("on", "signal 11", list(range(1, 91))) == [3, 17, 90]
    assert fuzzer.shrink("on", "signal 11", list(range(4, 91))) == []
