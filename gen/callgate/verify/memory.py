"""What was asked of a compiler before: targets of one machine share their kernel headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callgate.verify.verification import Disagreement, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from callgate.verify.compilers import Compiler
    from callgate.verify.questions import Sheet

Outcome = tuple[Tally, list[Disagreement]]


class Memory:
    """Remembers the outcomes of the kernel's sheets.

    The same questions about the same headers have the same answers on targets that differ only in
    C library and float ABI: where a header looked at these, the model's facts, and with them the
    questions, would differ as well.
    """

    def __init__(self) -> None:
        """Nothing has been asked."""
        self._known: list[tuple[Compiler, Sheet, Outcome]] = []

    def outcome(
        self, compiler: Compiler, sheet: Sheet, ask: Callable[[Compiler, Sheet], Outcome]
    ) -> Outcome:
        """Return what came of asking ``compiler`` now, or a like one before."""
        if compiler.tree.unit(sheet.unit).of != "kernel":
            return ask(compiler, sheet)
        for other, its, outcome in self._known:
            if _are_alike(other, compiler) and its == sheet:
                return outcome
        found = ask(compiler, sheet)
        self._known.append((compiler, sheet, found))
        return found


def _are_alike(one: Compiler, two: Compiler) -> bool:
    a, b = one.tree, two.tree
    return (one.name, a.name, a.version, a.target.arch, a.target.data_model, a.kernel_dirs) == (
        two.name, b.name, b.version, b.target.arch, b.target.data_model, b.kernel_dirs,
    )  # fmt: skip
