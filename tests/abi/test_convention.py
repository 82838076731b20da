"""The registers of system calls; the cases are those of syscall(2) and of glibc's wrappers."""

from __future__ import annotations

from functools import partial

import pytest

from callgate.abi.convention import Part, Slot, slots
from callgate.errors import CallgateError

INT = (4, True)
SIZE = (4, False)
POINTER = (4, False)
OFFSET = (8, True)  # loff_t

ARM = partial(slots, registers=32, pair_alignment=True, big_endian=False)
MIPS = partial(slots, registers=32, pair_alignment=True, big_endian=True)
I386 = partial(slots, registers=32, pair_alignment=False, big_endian=False)
S390 = partial(slots, registers=32, pair_alignment=False, big_endian=True)
X86_64 = partial(slots, registers=64, pair_alignment=False, big_endian=False)

PREAD64 = (INT, POINTER, SIZE, OFFSET)
FTRUNCATE64 = (INT, OFFSET)


def short(found: tuple[Slot, ...]) -> str:
    """Return slots as ``0 1 pad 2lo 2hi``."""
    suffix = {Part.WHOLE: "", Part.LOW: "lo", Part.HIGH: "hi"}
    return " ".join(
        "pad" if item.part is Part.PADDING else f"{item.argument}{suffix[item.part]}"
        for item in found
    )


def test_arm_pread64() -> None:
    """On arm the offset of pread64 leaves out the fourth register to begin at an even one."""
    assert short(ARM(PREAD64)) == "0 1 2 pad 3lo 3hi"


def test_arm_ftruncate64() -> None:
    """On arm the length of ftruncate64 leaves out the second register."""
    assert short(ARM(FTRUNCATE64)) == "0 pad 1lo 1hi"


def test_mips_pread64() -> None:
    """On big-endian mips the higher half comes first."""
    assert short(MIPS(PREAD64)) == "0 1 2 pad 3hi 3lo"


def test_i386_has_no_padding() -> None:
    """On i386 the halves follow immediately, the lower one first."""
    assert short(I386(PREAD64)) == "0 1 2 3lo 3hi"
    assert short(I386(FTRUNCATE64)) == "0 1lo 1hi"


def test_big_endian_without_padding() -> None:
    """The order of the halves does not depend on whether pairs are aligned."""
    assert short(S390(FTRUNCATE64)) == "0 1hi 1lo"


def test_even_pairs_need_no_padding() -> None:
    """A pair that would begin at an even register anyway begins there."""
    assert short(ARM((OFFSET, INT, SIZE, OFFSET))) == "0lo 0hi 1 2 3lo 3hi"


def test_64_bit_machines_pass_every_argument_whole() -> None:
    """Where registers have 64 bits each argument has one."""
    assert short(X86_64((INT, (8, False), (8, False), OFFSET))) == "0 1 2 3"


def test_sign_is_kept() -> None:
    """Each slot tells whether its argument is signed."""
    found = I386((INT, SIZE, OFFSET))
    assert [item.signed for item in found] == [True, False, True, True]


def test_order_of_the_entry_point() -> None:
    """Arm's arm_fadvise64_64 takes the advice second, and so needs six registers, not seven."""
    arguments = (INT, OFFSET, OFFSET, INT)
    assert short(ARM(arguments)) == "0 pad 1lo 1hi 2lo 2hi 3"
    assert short(ARM(arguments, order=(0, 3, 1, 2))) == "0 3 1lo 1hi 2lo 2hi"


def test_no_arguments() -> None:
    """A call without arguments uses no register."""
    assert ARM(()) == ()


@pytest.mark.parametrize("size", [0, -1, 9, 16])
def test_what_fits_no_pair_is_refused(size: int) -> None:
    """An argument without a size, or larger than two registers, is an error that names it."""
    with pytest.raises(CallgateError, match=f"argument 1 has {size} bytes"):
        I386((INT, (size, False)))


@pytest.mark.parametrize("order", [(0,), (0, 0), (1, 2), (0, 1, 2)])
def test_an_order_names_every_argument_once(order: tuple[int, ...]) -> None:
    """An order that leaves out or repeats an argument is an error."""
    with pytest.raises(CallgateError, match="is not one of 2 arguments"):
        I386((INT, INT), order=order)
