"""Random calls of everything the library has, with random values: no crash, no internal error.

$CALLGATE_FUZZ_SECONDS says how long, $CALLGATE_FUZZ_SEED from where (a number, or "random"), and
$CALLGATE_FUZZ_CASES ("5 17") which cases to try again with that seed.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from .misuse import MODES, Fuzzer, unable

SECONDS = float(os.environ.get("CALLGATE_FUZZ_SECONDS", "20"))
SEED = os.environ.get("CALLGATE_FUZZ_SEED", "1")
CASES = os.environ.get("CALLGATE_FUZZ_CASES", "").split()


@pytest.fixture
def fuzzer(tmp_path: Path) -> Fuzzer:
    """Return a fuzzer with the seed that is asked for."""
    reason = unable()
    if reason:
        pytest.skip(f"no namespaces here: {reason}")
    return Fuzzer(random.getrandbits(31) if SEED == "random" else int(SEED), tmp_path)  # noqa: S311


@pytest.mark.slow
def test_misuse(fuzzer: Fuzzer) -> None:
    """Whatever one passes, a call returns, fails, or says in the library's words what is wrong."""
    if CASES:
        found = [one for mode in MODES for one in fuzzer.run(mode, *CASES).findings]
    else:
        found = fuzzer.search(SECONDS)
    again = f"CALLGATE_FUZZ_SEED={fuzzer.seed} CALLGATE_FUZZ_CASES=... tries single cases again"
    assert not found, "\n".join([again, *map(str, found)])
