"""Which register each argument of a system call goes to, as far as 32-bit machines split them.

The kernel takes a 64-bit argument on a 32-bit machine in two registers. Which half comes first, and
whether the pair must begin at an even register, follows the C calling convention of the machine:
syscall(2), "Architecture-specific requirements".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Sequence

BYTE = 8  # bits
PAIR = 2  # registers


class Part(Enum):
    """What of an argument a register holds."""

    WHOLE = "whole"
    LOW = "low"  # the less significant half
    HIGH = "high"
    PADDING = "padding"  # nothing: zero


@dataclass(frozen=True, slots=True)
class Slot:
    """One register of a call, counted from the first argument's."""

    part: Part
    argument: int | None = None  # index of the argument, None for padding
    signed: bool = False  # how a narrower argument is extended to the register


def slots(
    sizes: Sequence[tuple[int, bool]],
    *,
    registers: int,
    pair_alignment: bool,
    big_endian: bool,
    order: Sequence[int] = (),
) -> tuple[Slot, ...]:
    """Return the registers of a call in order.

    ``sizes`` are (size in bytes, signed) of the arguments as the C prototype has them,
    ``registers`` is the width of one in bits, ``pair_alignment`` tells that pairs begin at an even
    register (arm EABI, mips o32, powerpc 32). ``order`` lists the arguments' indices as the
    machine's entry point takes them where that is not the prototype's: arm's fadvise64_64 takes the
    advice second.

    Raises CallgateError on an argument that is larger than two registers, on a size that is none,
    and on an order that does not name every argument once.
    """
    width = registers // BYTE
    order = order or range(len(sizes))
    if sorted(order) != list(range(len(sizes))):
        raise CallgateError(
            f"the order {list(order)} is not one of {len(sizes)} arguments",
            hint="it names each argument's index once, from 0",
        )
    found: list[Slot] = []
    for index in order:
        size, signed = sizes[index]
        if not 0 < size <= PAIR * width:
            raise CallgateError(
                f"argument {index} has {size} bytes; registers have {width}",
                hint="records are passed to the kernel by address",
            )
        if size <= width:
            found.append(Slot(Part.WHOLE, index, signed))
            continue
        if pair_alignment and len(found) % PAIR:
            found.append(Slot(Part.PADDING))
        # Memory order: a pair of registers that is stored in turn is the 64-bit number.
        halves = (Part.HIGH, Part.LOW) if big_endian else (Part.LOW, Part.HIGH)
        found += [Slot(half, index, signed) for half in halves]
    return tuple(found)
