"""A kernel source tree in miniature, written for the tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from callgate.headers.kernel import KernelFacts, load_kernel
from callgate.headers.kernel_import import import_kernel

FILES = {
    "Makefile": "# SPDX\nVERSION = 9\nPATCHLEVEL = 10\nSUBLEVEL = 3\nEXTRAVERSION = -rc1\n",
    "include/linux/syscalls.h": (
        "asmlinkage long sys_open(const char __user *path, int flags, umode_t mode);\n"
        "asmlinkage long sys_close(unsigned int fd);\n"
        "asmlinkage long sys_socket(int, int, int);\n"
        "#ifdef CONFIG_SWAPPED\n"
        "asmlinkage long sys_pair(int *second, int first);\n"
        "#else\n"
        "asmlinkage long sys_pair(int first, int *second);\n"
        "#endif\n"
        "asmlinkage long sys_ni_syscall(void);\n"
    ),
    "scripts/syscall.tbl": (
        "# shared\n0\tcommon\topen\tsys_open\n1 64 close sys_close\n"
        "2 32 close sys_close # narrow\n3 tiny pair sys_pair\n"
    ),
    "include/uapi/asm-generic/unistd.h": "#define __NR_open 0\n#define __NR_syscalls 4\n",
    "arch/tiny/kernel/Makefile.syscalls": "# tiny\nsyscall_abis_32 +=\nsyscall_abis_64 += tiny\n",
    "arch/tiny/include/asm/syscalls.h": "long sys_close(int handle);\n",
    "arch/x86/entry/syscalls/syscall_64.tbl": (
        "0 common open sys_open - noreturn\n"
        "1 64 socket sys_socket compat_sys_socket\n"
        "2 common gone sys_ni_syscall\n"
        "3 common reserved\n"
        "4 common pair sys_pair\n"
        "5 common own sys_own\n"
        "512 x32 close sys_close\n"
    ),
    "arch/x86/include/uapi/asm/unistd.h": "#define __X32_SYSCALL_BIT\t0x40000000\n",
    "arch/mips/kernel/syscalls/syscall_o32.tbl": "3 o32 pair sys_pair\n",
    "arch/mips/include/uapi/asm/unistd.h": (
        "#define __NR_Linux\t4000\n#include <asm/unistd_o32.h>\n"
    ),
    "arch/arm/tools/syscall.tbl": "5 common open sys_open\n",
    "arch/arm/include/uapi/asm/unistd.h": (
        "#define __ARM_NR_BASE\t(__NR_SYSCALL_BASE+0x0f0000)\n"
        "#define __ARM_NR_flush\t(__ARM_NR_BASE+2)\n"
    ),
}

ARCHITECTURES = """
[architectures.tiny]
table = "scripts/syscall.tbl"
abis = ["common", "64", "tiny"]
folder = "tiny"
config = ["CONFIG_SWAPPED"]

[architectures.x86_64]
table = "arch/x86/entry/syscalls/syscall_64.tbl"
abis = ["common", "64"]
folder = "x86"

[architectures.x32]
table = "arch/x86/entry/syscalls/syscall_64.tbl"
abis = ["common", "x32"]
folder = "x86"

[architectures.mips_o32]
table = "arch/mips/kernel/syscalls/syscall_o32.tbl"
abis = ["o32"]
folder = "mips"

[architectures.arm]
table = "arch/arm/tools/syscall.tbl"
abis = ["common", "private"]
folder = "arm"

[[left_out]]
table = "scripts/syscall.tbl"
abis = ["32"]
reason = "no program here is narrow"
"""

BY_HAND = """
[names]
sys_socket = ["domain", "type", "protocol"]

[[calls]]
reason = "declared nowhere"
source = "arch/x86/own.c"
prototypes = ["int sys_own(struct own *what)"]

[[calls]]
reason = "outside the table"
source = "arch/arm/traps.c"
folder = "arm"
prototypes = ["long ARM_flush(unsigned long start)"]
"""


class KernelTree:
    """The tree, the hand tables that go with it, and what an import of it gives."""

    ARCHITECTURES = ARCHITECTURES
    BY_HAND = BY_HAND

    def __init__(self, folder: Path) -> None:
        """Write nothing yet."""
        self.source = folder / "linux"
        self.headers = folder / "headers"
        self.data = self.headers / "kernel" / "9.10.3"

    def write(self, changes: Mapping[str, str] | None = None) -> Path:
        """Write the tree, with files replaced (by path) or, where the text is "", left out."""
        for name, text in {**FILES, **(changes or {})}.items():
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text:
                path.write_text(text, encoding="utf-8")
            else:
                path.unlink(missing_ok=True)
        return self.source

    def write_hand(self, *, architectures: str = ARCHITECTURES, by_hand: str = BY_HAND) -> None:
        """Write the hand tables."""
        folder = self.headers / "kernel"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "architectures.toml").write_text(architectures, encoding="utf-8")
        (folder / "prototypes.toml").write_text(by_hand, encoding="utf-8")

    def load(self, changes: Mapping[str, str] | None = None, **hand: str) -> KernelFacts:
        """Write all, import it and load what that gives."""
        self.write(changes)
        self.write_hand(**hand)
        import_kernel(self.source, self.headers / "kernel", origin="a test")
        return load_kernel(self.headers)

    def written(self) -> dict[str, bytes]:
        """Return the imported files' contents by name."""
        return {path.name: path.read_bytes() for path in sorted(self.data.iterdir())}


@pytest.fixture
def kernel_tree(tmp_path: Path) -> KernelTree:
    """Return a tree that is yet to be written."""
    return KernelTree(tmp_path)
