"""spec/wide.toml: where an entry point takes halves, they are where the calling convention says."""

from __future__ import annotations

import re

import pytest

from callgate import paths
from callgate.abi.convention import Part, slots
from callgate.emit.signature import letter, logical
from callgate.headers.kernel import load_kernel
from callgate.spec.loader import load_spec
from callgate.targets import load_targets

HEADERS = paths.data_dir("headers")
TARGETS = load_targets(HEADERS / "targets.toml")
NARROW = ("i386-linux-gnu", "arm-linux-gnueabihf", "mips-linux-gnu", "mipsel-linux-gnu",
          "powerpc-linux-musl")  # fmt: skip
SPEC = load_spec()
WIDE = 8  # bytes


def meaning(register: str, halves: tuple[Part, Part]) -> Part | None:
    """Return what the kernel's own name of a register says that it holds, None for a whole one."""
    if re.fullmatch(r"(reg|r)\d|unused", register):
        return Part.PADDING
    if found := re.search(r"_(lo|low|hi|high)$", register):
        return Part.LOW if found[1].startswith("l") else Part.HIGH
    if found := re.search(r"(?:pos|offset|len|nbytes|mask_)([12])$", register):
        return halves[int(found[1]) - 1]
    return None


@pytest.mark.parametrize("name", NARROW)
def test_halves(name: str) -> None:
    """The kernel's names of the registers agree with what follows from the convention."""
    target = TARGETS[name]
    halves = (Part.HIGH, Part.LOW) if target.data_model.big_endian else (Part.LOW, Part.HIGH)
    split = 0
    for call in load_kernel(HEADERS).syscalls(target.syscall_table, target.syscall_abis):
        whole = logical(call, SPEC)
        if whole == call or not call.arguments:  # mips' pipe is declared without any
            continue
        sizes = [
            (WIDE if letter(item, whole, SPEC) == "q" else WIDE // 2, False)
            for item in whole.arguments
        ]
        found = slots(
            sizes,
            registers=target.registers,
            pair_alignment=target.pair_alignment,
            big_endian=target.data_model.big_endian,
        )
        declared = [meaning(item.name, halves) or Part.WHOLE for item in call.arguments]
        assert declared == [slot.part for slot in found], f"{call.name} ({call.entry})"
        split += 1
    assert split >= (8 if call_is_split(name) else 0)


def call_is_split(name: str) -> bool:
    """Tell whether the machine's kernel has entry points that take halves."""
    return name.startswith(("i386", "powerpc"))


def test_every_row_is_used() -> None:
    """A row for an entry point that no table has is a mistake."""
    kernel = load_kernel(HEADERS)
    entries = {
        call.entry
        for name in NARROW
        for call in kernel.syscalls(TARGETS[name].syscall_table, TARGETS[name].syscall_abis)
    }
    assert set(SPEC.wide) <= entries
