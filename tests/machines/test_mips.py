"""The floating-point mark of LuaJIT's program for 32-bit mips."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from callgate.machines.mips import FP_DOUBLE, PT_MIPS_ABIFLAGS, mark_fp32
from callgate.machines.model import Lacking

if TYPE_CHECKING:
    from pathlib import Path

FPXX = 5  # Val_GNU_MIPS_ABI_FP_XX
HEADER, ENTRY, FLAGS = 52, 32, 24  # sizes


def elf(order: str, *kinds: int) -> bytes:
    """Return a program with these program headers; each leads to ABI flags of its own."""
    ident = b"\x7fELF\x01" + (b"\x02" if order == ">" else b"\x01") + bytes(10)
    head = struct.pack(
        f"{order}HHIIIIIHHHHHH", 2, 8, 1, 0, HEADER, 0, 0, HEADER, ENTRY, len(kinds), 0, 0, 0
    )
    flags = HEADER + ENTRY * len(kinds)
    entries = [
        struct.pack(f"{order}8I", kind, flags + FLAGS * n, *[0] * 6) for n, kind in enumerate(kinds)
    ]
    return ident + head + b"".join(entries) + (bytes(7) + bytes([FPXX]) + bytes(16)) * len(kinds)


@pytest.mark.parametrize("order", "<>")
def test_marked(tmp_path: Path, order: str) -> None:
    """Only the flags that the right header leads to change, and only their floating-point ABI."""
    program = tmp_path / "luajit"
    before = elf(order, 1, PT_MIPS_ABIFLAGS, 2)
    program.write_bytes(before)
    program.chmod(0o755)
    mark_fp32(program)
    after = program.read_bytes()
    place = HEADER + 3 * ENTRY + FLAGS + 7
    assert after == before[:place] + bytes([FP_DOUBLE]) + before[place + 1 :]
    assert program.stat().st_mode & 0o777 == 0o755
    mark_fp32(program)
    assert program.read_bytes() == after


def test_other_program(tmp_path: Path) -> None:
    """What is no 32-bit program is an error that names it."""
    program = tmp_path / "luajit"
    program.write_bytes(b"\x7fELF\x02")
    with pytest.raises(Lacking, match="luajit: not a 32-bit ELF"):
        mark_fp32(program)
