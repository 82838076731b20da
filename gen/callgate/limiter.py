"""``python -m callgate.limiter``: the machine code of states' allocator, for every processor.

Compiles runtime/state/limiter.c with zig for each and writes runtime/state/limiter_code.lua, which
is committed: programs that use the library need no compiler.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

from callgate.errors import CallgateError
from callgate.files import atomic_file

# LuaJIT's name of the processor (jit.arch) -> zig's of a target, and more flags for the compiler.
PROCESSORS: dict[str, tuple[str, ...]] = {
    "x64": ("x86_64-linux-gnu", "-fPIC"),
    "x86": ("x86-freestanding-none", "-fno-pic"),
    "arm64": ("aarch64-linux-gnu", "-fPIC"),
    "arm": ("arm-linux-gnueabihf", "-fPIC", "-marm"),
    "riscv64": ("riscv64-linux-gnu", "-fPIC", "-mno-relax"),
    "loongarch64": ("loongarch64-linux-gnu", "-fPIC"),
    "mips": ("mips-linux-gnueabihf", "-fPIC"),
    "mipsel": ("mipsel-linux-gnueabihf", "-fPIC"),
    "mips64el": ("mips64el-linux-gnuabi64", "-fPIC"),
    "ppc": ("powerpc-linux-gnueabihf", "-fPIC"),
    "ppc64le": ("powerpc64le-linux-gnu", "-fPIC", "-O2"),
    "s390x": ("s390x-linux-gnu", "-fPIC"),
}
FLAGS = (
    "-Os", "-fomit-frame-pointer", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
    "-fno-unwind-tables", "-fno-sanitize=all", "-ffunction-sections", "-c",
)  # fmt: skip
SECTION = ".text.limiter"
# A function of the ELFv2 ABI (section 2.3.2.1) has two entries; the first computes the address of
# the module's data, by two instructions that refer to it, and there is none: the second is taken.
GLOBAL_ENTRY = {"ppc64le": 8}
HEAD = """\
-- The machine code of limiter.c, by LuaJIT's name of the processor (jit.arch), in hexadecimals.
-- Made by `python -m callgate.limiter`; not edited by hand.

return {
"""


def source() -> Path:
    """Return the path of the C source."""
    return Path(str(resources.files("callgate") / "runtime" / "state" / "limiter.c"))


def code_of(elf: bytes, skipped: int = 0) -> bytes:
    """Return the allocator's machine code in an object file, without the first ``skipped`` bytes.

    Raises CallgateError if it is not one block of code that can lie anywhere.
    """
    file = ELFFile(io.BytesIO(elf))
    section = file.get_section_by_name(SECTION)
    if section is None:
        raise CallgateError(f"no section {SECTION} in the object file", where=str(source()))
    found = [file.get_section_by_name(kind + SECTION) for kind in (".rel", ".rela")]
    tables = [table for table in found if isinstance(table, RelocationSection)]
    offsets = [row["r_offset"] for table in tables for row in table.iter_relocations()]
    if any(offset >= skipped for offset in offsets):
        raise CallgateError("the machine code refers to other sections", where=str(source()))
    data: bytes = section.data()
    return data[skipped:]


def compiled(arch: str, compiler: tuple[str, ...] | None = None) -> bytes:
    """Return the machine code for LuaJIT's ``arch``, made by zig or by another ``compiler``."""
    target, *extra = PROCESSORS[arch]
    command = compiler or (sys.executable, "-m", "ziglang", "cc", "-target", target)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "limiter.o"
        done = subprocess.run(
            [*command, *FLAGS, *extra, str(source()), "-o", str(made)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CallgateError(
                f"the compiler failed for {arch}: {done.stderr.strip()}", where=str(source())
            )
        return code_of(made.read_bytes(), GLOBAL_ENTRY.get(arch, 0))


def main() -> int:
    """Compile for every processor and write the table."""
    rows = []
    for arch in PROCESSORS:
        digits = compiled(arch).hex()
        lines = [digits[at : at + 96] for at in range(0, len(digits), 96)]
        joined = "\n    .. ".join(f'"{line}"' for line in lines)
        rows.append(f"  {arch} = {joined},\n")
    with atomic_file(source().with_name("limiter_code.lua")) as fresh:
        fresh.write_text(HEAD + "".join(rows) + "}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
