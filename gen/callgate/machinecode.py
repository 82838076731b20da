"""``python -m callgate.machinecode``: what of states cannot be Lua, for every processor.

Compiles runtime/state/machine.c with zig for each and writes runtime/state/machine_code.lua, which
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
from elftools.elf.sections import SymbolTableSection

from callgate.errors import CallgateError
from callgate.files import atomic_file

# LuaJIT's name of the processor (jit.arch) -> zig's of a target, and more flags for the compiler.
PROCESSORS: dict[str, tuple[str, ...]] = {
    "x64": ("x86_64-linux-gnu", "-fPIC"),
    "x86": ("x86-freestanding-none", "-fno-pic", "-mstack-alignment=16"),
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
FUNCTIONS = ("limiter", "discard", "thread", "drop")
# A function of the ELFv2 ABI may have two entries; the first computes the address of the module's
# data, by instructions that refer to it, and there is none: the second is taken. How many bytes it
# lies behind the first by three bits of the symbol's st_other (section 3.4.1, "Symbol Values").
LOCAL_ENTRY = (0, 0, 4, 8, 16, 32, 64, 0)
HEAD = """\
-- The machine code of machine.c, by LuaJIT's name of the processor (jit.arch), in hexadecimals.
-- Made by `python -m callgate.machinecode`; not edited by hand.

return {
"""


def source() -> Path:
    """Return the path of the C source."""
    return Path(str(resources.files("callgate") / "runtime" / "state" / "machine.c"))


def code_of(elf: bytes, function: str) -> bytes:
    """Return a function's machine code in an object file, from its local entry on.

    Raises CallgateError if it is not one block of code that can lie anywhere.
    """
    file = ELFFile(io.BytesIO(elf))
    skipped = 0
    symbols = file.get_section_by_name(".symtab")
    if file["e_machine"] == "EM_PPC64" and isinstance(symbols, SymbolTableSection):
        found = symbols.get_symbol_by_name(function) or []
        skipped = sum(LOCAL_ENTRY[symbol["st_other"]["local"]] for symbol in found)
    name = f".text.{function}"
    section = file.get_section_by_name(name)
    if section is None:
        raise CallgateError(f"no section {name} in the object file", where=str(source()))
    both = [file.get_section_by_name(kind + name) for kind in (".rel", ".rela")]
    tables = [table for table in both if isinstance(table, RelocationSection)]
    offsets = [row["r_offset"] for table in tables for row in table.iter_relocations()]
    if any(offset >= skipped for offset in offsets):
        raise CallgateError("the machine code refers to other sections", where=str(source()))
    data: bytes = section.data()
    return data[skipped:]


def compiled(arch: str, compiler: tuple[str, ...] | None = None) -> dict[str, bytes]:
    """Return the functions' code for LuaJIT's ``arch``, made by zig or by another ``compiler``."""
    target, *extra = PROCESSORS[arch]
    command = compiler or (sys.executable, "-m", "ziglang", "cc", "-target", target)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "machine.o"
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
        elf = made.read_bytes()
    return {name: code_of(elf, name) for name in FUNCTIONS}


def main() -> int:
    """Compile for every processor and write the table."""
    rows = []
    for arch in PROCESSORS:
        rows.append(f"  {arch} = {{\n")
        for name, code in compiled(arch).items():
            lines = [code.hex()[at : at + 96] for at in range(0, 2 * len(code), 96)]
            joined = "\n      .. ".join(f'"{line}"' for line in lines)
            rows.append(f"    {name} = {joined},\n")
        rows.append("  },\n")
    with atomic_file(source().with_name("machine_code.lua")) as fresh:
        fresh.write_text(HEAD + "".join(rows) + "}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
