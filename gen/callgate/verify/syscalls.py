"""The other direction of the system call table: what asm/unistd.h numbers and the table lacks."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from callgate.errors import CallgateError
from callgate.model import Location
from callgate.verify.questions import KERNEL_UNIT
from callgate.verify.verification import Disagreement, Tally

if TYPE_CHECKING:
    from callgate.headers.trees import HeaderTree
    from callgate.model import Abi

HEADER = "asm/unistd.h"
KIND = "system call"
NUMBER = re.compile(r"^#define __((?:ARM_)?)NR_(\w+) +\S", re.MULTILINE)


def unlisted(abi: Abi, tree: HeaderTree, witness: str) -> tuple[Tally, list[Disagreement]]:
    """Compare the names that asm/unistd.h defines with those of the kernel's table.

    ``witness`` is the name of the tree's compiler, whose preprocessor reads the header; the numbers
    themselves are asked of all compilers.
    """
    if not abi.syscalls:
        return Tally(), []
    spec = replace(
        tree.unit(KERNEL_UNIT), prelude="", first=(), discover=(), through={}, alone={},
        excluded={}, include=(HEADER,),
    )  # fmt: skip
    place = Location(KERNEL_UNIT, HEADER, 0)
    tally = Tally()
    try:
        text = tree.preprocess(spec, tree.source(spec))
    except CallgateError as error:
        return tally, [Disagreement("unit", HEADER, place, "", None, str(error), witness)]
    wrong = []
    for name in sorted({"".join(parts) for parts in NUMBER.findall(text)}):
        if name in abi.syscall:
            tally.checked[witness, KIND, place.unit, place.header] += 1
        else:
            answer = "asm/unistd.h numbers it, but the kernel's table has no such row"
            wrong.append(Disagreement(KIND, name, place, "", None, answer, witness))
    return tally, wrong
