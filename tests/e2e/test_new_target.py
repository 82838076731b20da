"""A new target is rows: one that the project does not have, in a table of the test's own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.library import Member, library_files
from callgate.pipeline import load_abi, open_tree
from callgate.report import Reporter
from callgate.spec.loader import load_spec
from callgate.spec.older import without_missing
from callgate.targets import Target, load_targets
from callgate.verify.compilers import compilers
from callgate.verify.exclusions import load_exclusions
from callgate.verify.run import ask

if TYPE_CHECKING:
    from pathlib import Path

HEADERS = paths.data_dir("headers")
# RISC-V ELF psABI, "C/C++ type details", ILP32; arch/riscv/kernel/Makefile.syscalls
ROWS = """
[data_models.riscv32]
pointer = [4, 4]
long = [4, 4]
long_long = [8, 8]
double = [8, 8]
long_double = [16, 16]
int128 = [0, 0]
float128 = [0, 0]
max_align = 16
char_signed = false
unnamed_bitfields_align = false
big_endian = false

[architectures.riscv32]
arch = "riscv32"
os = "linux"
data_model = "riscv32"
kernel_includes = ["riscv-linux-any", "any-linux-any"]
syscall_table = "scripts/syscall.tbl"
syscall_abis = ["common", "32", "riscv", "memfd_secret"]
registers = 32
pair_alignment = false
luajit_arch = "riscv32"
luajit_os = "Linux"

[targets.riscv32-linux-musl]
architecture = "riscv32"
libc = "musl"
zig = "riscv32-linux-musl"
libc_includes = ["riscv32-linux-musl", "generic-musl"]
gcc = []
gcc_machine = ""
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """Return the new row of a copy of the table."""
    monkeypatch.setenv("CALLGATE_CACHE", str(tmp_path / "cache"))
    table = tmp_path / "targets.toml"
    shutil.copy(HEADERS / "targets.toml", table)
    table.write_text(table.read_text(encoding="utf-8") + ROWS, encoding="utf-8")
    return load_targets(table)["riscv32-linux-musl"]


def test_generated_and_verified(target: Target) -> None:
    """Its library is made, and its compiler disagrees with nothing."""
    report = Reporter(quiet=True)
    tree = open_tree(target, HEADERS, paths.cache_dir())
    parsed = load_abi(target, tree, report)
    assert parsed.failures == ()
    found = ask(
        target,
        parsed.abi,
        compilers(target, tree),
        None,
        load_exclusions(HEADERS / "exclusions.toml"),
    )
    assert found.problems() == []
    assert found.checked() > 250_000
    spec, missing = without_missing(load_spec(), parsed.abi, target)
    assert {"call gettimeofday", "call wait4"} <= set(missing)  # it has clock_gettime64 and waitid
    lost = {call.call for call in load_spec().calls if f"call {call.name}" in missing}
    assert not lost & parsed.abi.syscall.keys()  # nothing that its kernel has
    assert len(missing) < 60
    files = library_files([Member(target, lambda: parsed.abi)], spec=spec)
    assert "riscv32 = {" in files["callgate/targets.lua"]
    assert "  statx = 291,\n" in files["callgate/numbers/riscv32.lua"]
    # 32-bit RISC-V is younger than 64-bit times: it never had the older calls
    assert "clock_gettime64 = 403," in files["callgate/numbers/riscv32.lua"]
    assert "  clock_gettime = " not in files["callgate/numbers/riscv32.lua"]
