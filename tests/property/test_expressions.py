"""Random constant expressions: our values against the compilers' own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate import model
from callgate.abi.evaluate import NoValue

from .expression_text import PRELUDE, expressions
from .witness import CLANG_TARGETS, PREFIX, layout_of, witnesses

if TYPE_CHECKING:
    from .witness import Witness

WITNESSES = [f"clang-{name}" for name in CLANG_TARGETS] + ["gcc-x86_64", "gcc-i386"]
MASK = (1 << 64) - 1


def check(texts: list[str], witness: Witness, folder: Path) -> int:
    """Compare value, size and signedness of every text; returns how many have a value."""
    parser, layout = layout_of(PRELUDE, witness.data_model)
    ours: dict[str, tuple[int, int, int, str]] = {}
    lines = [PRELUDE]
    for number, text in enumerate(texts):
        parsed = parser.expression(text)
        assert parsed is not None, text
        try:
            found = layout.evaluator.value(parsed)
        except NoValue as error:
            reason = str(error)
            # What C leaves undefined, and the text is not kept from having.
            if not reason.startswith(("division by zero", "shift by")):
                pytest.fail(f"{text}: {reason}")
            continue
        assert isinstance(found.value, int)
        assert isinstance(found.type, model.Scalar)
        name = f"{PREFIX}{number}"
        ours[name] = (found.value & MASK, found.type.size, int(found.type.signed), text)
        # The sign by the type: of -1 converted to it.
        lines.append(
            f"const unsigned long long {name}[] = {{ (unsigned long long)({text}), sizeof({text}),"
            f" ((__typeof__({text}))-1 < 0) }};"
        )
    data = witness.compile("\n".join([*lines, ""]), folder)
    wrong = [
        f"{fact[3]}: ours {fact[:3]}, {witness.name}'s {data.numbers(name)}"
        for name, fact in ours.items()
        if fact[:3] != data.numbers(name)
    ]
    assert not wrong, "\n".join(wrong)
    return len(ours)


@pytest.mark.parametrize("name", WITNESSES)
def test_expressions_have_the_compilers_values(name: str) -> None:
    """Value, size and signedness of any integer constant expression are the compiler's."""
    witness = witnesses().get(name)
    if witness is None:
        pytest.skip(f"no {name} on this machine")
    with tempfile.TemporaryDirectory(prefix="callgate-") as folder:

        @given(st.lists(expressions, min_size=1, max_size=20))
        def agrees(texts: list[str]) -> None:
            assert check(texts, witness, Path(folder)) <= len(texts)

        agrees()
