"""LuaJIT on 32-bit mips: marked as for floating-point registers of any size, its assembly is not.

Linux, and qemu-user like it, picks the register mode of a process from PT_MIPS_ABIFLAGS
(arch/mips/kernel/elf.c: mips_set_personality_fp): a program marked FPXX gets registers of 64 bits
where the processor has them. vm_mips.dasc moves the halves of a double as a pair of registers,
which only the other mode has; in this one math.floor(2.5) is 2.5. Compilers mark the program FPXX
for its C part.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from callgate.machines.model import Lacking

if TYPE_CHECKING:
    from pathlib import Path

PT_MIPS_ABIFLAGS = 0x70000003
FP_DOUBLE = 1  # Val_GNU_MIPS_ABI_FP_DOUBLE: double precision in pairs of 32-bit registers
_FP_ABI = 7  # offset in Elf_Internal_ABIFlags_v0
_PHOFF, _PHENTSIZE, _PHNUM, _DATA = 28, 42, 44, 5  # offsets in Elf32_Ehdr
_BIG_ENDIAN = 2


def mark_fp32(program: Path) -> None:
    """Mark ``program``, an ELF file for o32, as one for registers of 32 bits; raises Lacking."""
    data = bytearray(program.read_bytes())
    if data[:5] != b"\x7fELF\x01":
        raise Lacking("not a 32-bit ELF program", where=str(program), hint="see headers/runs.toml")
    order = ">" if data[_DATA] == _BIG_ENDIAN else "<"
    (start,) = struct.unpack_from(f"{order}I", data, _PHOFF)
    size, count = struct.unpack_from(f"{order}HH", data, _PHENTSIZE)
    for number in range(count):
        kind, offset = struct.unpack_from(f"{order}II", data, start + number * size)
        if kind == PT_MIPS_ABIFLAGS and data[offset + _FP_ABI] != FP_DOUBLE:
            data[offset + _FP_ABI] = FP_DOUBLE
            fresh = program.with_name(f".{program.name}.marked")
            fresh.write_bytes(data)
            fresh.chmod(program.stat().st_mode)
            fresh.replace(program)
