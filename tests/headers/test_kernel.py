"""The committed kernel tables and their loader."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.errors import CallgateError
from callgate.headers.kernel import KernelFacts, load_kernel
from callgate.model import Argument, Location, Syscall

if TYPE_CHECKING:
    from tests.headers.conftest import KernelTree

X86 = "arch/x86/entry/syscalls/syscall_64.tbl"
PROTOTYPES = "headers/kernel/prototypes.toml"


@pytest.fixture(scope="module")
def committed() -> KernelFacts:
    """Return the data of the repository."""
    return load_kernel(paths.data_dir("headers"))


def _calls(facts: KernelFacts, architecture: str) -> dict[str, Syscall]:
    return {call.name: call for call in facts.calls(facts.architectures[architecture])}


class TestLoaded:
    """What the loader makes of a small tree."""

    def test_declared(self, kernel_tree: KernelTree) -> None:
        """A call has its header's prototype, and the place of it."""
        call = _calls(kernel_tree.load(), "x86_64")["open"]
        arguments = (
            Argument("path", "const char *"),
            Argument("flags", "int"),
            Argument("mode", "umode_t"),
        )
        where = Location("kernel", "include/linux/syscalls.h", 1)
        assert call == Syscall("open", 0, "sys_open", "long", arguments, where)

    def test_names(self, kernel_tree: KernelTree) -> None:
        """Arguments that the header leaves unnamed have the hand table's names."""
        call = _calls(kernel_tree.load(), "x86_64")["socket"]
        assert [item.name for item in call.arguments] == ["domain", "type", "protocol"]

    def test_by_hand(self, kernel_tree: KernelTree) -> None:
        """A call that no header declares has the hand row's prototype, reason and place."""
        call = _calls(kernel_tree.load(), "x86_64")["own"]
        arguments = (Argument("what", "struct own *"),)
        reason = "declared nowhere (arch/x86/own.c)"
        where = Location("kernel", PROTOTYPES, 8)
        assert call == Syscall("own", 5, "sys_own", "int", arguments, where, reason)

    @pytest.mark.parametrize(("name", "number", "line"), [("gone", 2, 3), ("reserved", 3, 4)])
    def test_not_implemented(
        self, kernel_tree: KernelTree, name: str, number: int, line: int
    ) -> None:
        """A number without a call has no entry point, the reason, and the place of its row."""
        call = _calls(kernel_tree.load(), "x86_64")[name]
        where = Location("kernel", X86, line)
        assert call == Syscall(name, number, None, "long", (), where, "not implemented")

    @pytest.mark.parametrize(
        ("architecture", "expected"),
        [("tiny", ["second", "first"]), ("x86_64", ["first", "second"])],
    )
    def test_conditions(
        self, kernel_tree: KernelTree, architecture: str, expected: list[str]
    ) -> None:
        """Of several declarations the one holds whose #if conditions the architecture fulfils."""
        call = _calls(kernel_tree.load(), architecture)["pair"]
        assert [item.name for item in call.arguments] == expected

    def test_own_header(self, kernel_tree: KernelTree) -> None:
        """An architecture's own declaration goes before the common one."""
        facts = kernel_tree.load()
        own = _calls(facts, "tiny")["close"]
        assert own.arguments == (Argument("handle", "int"),)
        assert own.location.header == "arch/tiny/include/asm/syscalls.h"
        assert _calls(facts, "x32")["close"].arguments == (Argument("fd", "unsigned int"),)

    def test_own_row(self, kernel_tree: KernelTree) -> None:
        """An architecture's hand row goes before its headers, and is nobody else's."""
        row = (
            '[[calls]]\nreason = "r"\nsource = "s"\nfolder = "tiny"\n'
            'prototypes = ["void close(long x)"]\n'
        )
        facts = kernel_tree.load(by_hand=f"[names]\n{row}")
        assert _calls(facts, "tiny")["close"].arguments == (Argument("x", "long"),)
        assert _calls(facts, "x32")["close"].arguments == (Argument("fd", "unsigned int"),)

    def test_base(self, kernel_tree: KernelTree) -> None:
        """Numbers are those of asm/unistd.h: with the base of the ABI."""
        facts = kernel_tree.load()
        assert _calls(facts, "mips_o32")["pair"].number == 4003
        assert _calls(facts, "x32")["open"].number == 0x40000000
        assert _calls(facts, "x86_64")["open"].number == 0

    def test_columns(self, kernel_tree: KernelTree) -> None:
        """The calls of a table's ABI columns come by number, in any order of the columns."""
        calls = kernel_tree.load().syscalls(X86, ["64", "common"])
        assert [call.number for call in calls] == [0, 1, 2, 3, 4, 5]

    def test_unknown_columns(self, kernel_tree: KernelTree) -> None:
        """Columns that no architecture takes are an error that tells which there are."""
        facts = kernel_tree.load()
        with pytest.raises(CallgateError, match=f"no architecture takes 64 of {X86}") as caught:
            facts.syscalls(X86, ["64"])
        assert caught.value.hint == "x86_64 takes 64, common; x32 takes common, x32"

    def test_unknown_table(self, kernel_tree: KernelTree) -> None:
        """An unknown table is an error that lists the tables."""
        facts = kernel_tree.load()
        with pytest.raises(CallgateError) as caught:
            facts.syscalls("scripts/table", ["common"])
        assert X86 in (caught.value.hint or "")

    def test_newest(self, kernel_tree: KernelTree) -> None:
        """The newest release is loaded, by number and not by spelling, or the named one."""
        kernel_tree.load()
        newer = kernel_tree.load({"Makefile": "VERSION = 9\nPATCHLEVEL = 9\nSUBLEVEL = 20\n"})
        assert newer.version == "9.10.3"
        assert load_kernel(kernel_tree.headers, "9.9.20").version == "9.9.20"

    def test_no_release(self, kernel_tree: KernelTree) -> None:
        """A release that is not there is an error that lists those that are."""
        kernel_tree.load()
        with pytest.raises(CallgateError, match=r"no kernel tables of Linux 1\.0") as caught:
            load_kernel(kernel_tree.headers, "1.0")
        assert caught.value.hint == "there are 9.10.3"

    def test_none(self, tmp_path: Path) -> None:
        """Without any tables the error says how to import them."""
        with pytest.raises(CallgateError, match="no kernel tables") as caught:
            load_kernel(tmp_path)
        assert "callgate headers import" in (caught.value.hint or "")

    @pytest.mark.parametrize("name", ["x86-syscall_64.json", "prototypes.json", "provenance.json"])
    @pytest.mark.parametrize("text", ["{", "[]", '{"calls": [[1]], "prototypes": [[1]]}'])
    def test_damaged(self, kernel_tree: KernelTree, name: str, text: str) -> None:
        """A damaged file is an error that names it."""
        kernel_tree.load()
        (kernel_tree.data / name).write_text(text)
        with pytest.raises(CallgateError, match="cannot read it") as caught:
            load_kernel(kernel_tree.headers)
        assert caught.value.where == str(kernel_tree.data / name)

    def test_bad_row(self, kernel_tree: KernelTree) -> None:
        """A hand row that is no declaration is an error with its line."""
        row = '[[calls]]\nreason = "r"\nsource = "s"\nprototypes = ["sys_own takes what"]\n'
        with pytest.raises(CallgateError, match="expected a function's declaration") as caught:
            kernel_tree.load(by_hand=f"[names]\n{row}")
        assert caught.value.where == "prototypes.toml:5"

    def test_two_rows(self, kernel_tree: KernelTree) -> None:
        """Two hand rows for one entry point are an error that names both."""
        row = '[[calls]]\nreason = "r"\nsource = "s"\nprototypes = ["int sys_own(int a)"]\n'
        with pytest.raises(CallgateError, match="sys_own has a row already, in line 8") as caught:
            kernel_tree.load(by_hand=kernel_tree.BY_HAND + row)
        assert caught.value.where == "prototypes.toml:18"


class TestCommitted:
    """The data of the repository."""

    @pytest.mark.parametrize(
        ("architecture", "name", "number", "entry"),
        [
            ("x86_64", "read", 0, "sys_read"),
            ("x86_64", "fstat", 5, "sys_newfstat"),
            ("x86_64", "openat2", 437, "sys_openat2"),
            ("i386", "fcntl64", 221, "sys_fcntl64"),
            ("i386", "clock_gettime64", 403, "sys_clock_gettime"),
            ("arm", "mmap2", 192, "sys_mmap2"),
            ("arm", "ARM_cacheflush", 0xF0002, "arm_syscall"),
            ("arm64", "openat", 56, "sys_openat"),
            ("riscv64", "riscv_hwprobe", 258, "sys_riscv_hwprobe"),
            ("loongarch64", "statx", 291, "sys_statx"),
            ("mips_o32", "read", 4003, "sys_read"),
            ("mips_n64", "read", 5000, "sys_read"),
            ("powerpc", "pread64", 179, "sys_ppc_pread64"),
            ("powerpc64", "pread64", 179, "sys_pread64"),
            ("s390x", "select", 142, "sys_select"),
        ],
    )
    def test_known(
        self, committed: KernelFacts, architecture: str, name: str, number: int, entry: str
    ) -> None:
        """Well-known calls have their numbers and entry points."""
        call = _calls(committed, architecture)[name]
        assert (call.number, call.entry) == (number, entry)

    @pytest.mark.parametrize(
        ("architecture", "expected"),
        [
            ("x86_64", "flags newsp parent_tid child_tid tls"),
            ("i386", "flags newsp parent_tid tls child_tid"),
            ("arm", "flags newsp parent_tid tls child_tid"),
            ("arm64", "flags newsp parent_tid tls child_tid"),
            ("riscv64", "flags newsp parent_tid tls child_tid"),
            ("loongarch64", "flags newsp parent_tid child_tid tls"),
            ("mips_o32", "flags newsp parent_tid tls child_tid"),
            ("powerpc", "flags newsp parent_tid tls child_tid"),
            ("s390x", "newsp flags parent_tid child_tid tls"),
            ("microblaze", "flags newsp stack_size parent_tid child_tid tls"),
        ],
    )
    def test_clone(self, committed: KernelFacts, architecture: str, expected: str) -> None:
        """The order of clone's arguments is the architecture's (man 2 clone)."""
        call = _calls(committed, architecture)["clone"]
        assert " ".join(item.name for item in call.arguments) == expected

    @pytest.mark.parametrize(
        ("architecture", "types"),
        [
            ("i386", ["unsigned int", "char *", "u32", "u32", "u32"]),
            ("arm", ["unsigned int", "char *", "size_t", "loff_t"]),
            ("powerpc", ["unsigned int", "char *", "compat_size_t", "u32", "u32", "u32"]),
        ],
    )
    def test_split(self, committed: KernelFacts, architecture: str, types: list[str]) -> None:
        """A 64-bit argument is split where the entry point takes it in halves."""
        call = _calls(committed, architecture)["pread64"]
        assert [item.type for item in call.arguments] == types

    def test_size(self, committed: KernelFacts) -> None:
        """x86_64 has 385 numbers, and no call behind 17 of them."""
        calls = _calls(committed, "x86_64")
        assert len(calls) == 385
        missing = {name for name, call in calls.items() if call.entry is None}
        assert len(missing) == 17
        assert {"afs_syscall", "create_module", "nfsservctl", "uselib", "vserver"} <= missing

    @pytest.mark.parametrize(
        ("architecture", "header"),
        [
            ("x86_64", "x86-linux-any/asm/unistd_64.h"),
            ("x32", "x86-linux-any/asm/unistd_x32.h"),
            ("i386", "x86-linux-any/asm/unistd_32.h"),
            ("arm", "arm-linux-any/asm/unistd-eabi.h"),
            ("arm64", "aarch64-linux-any/asm/unistd_64.h"),
            ("riscv64", "riscv-linux-any/asm/unistd_64.h"),
            ("riscv32", "riscv-linux-any/asm/unistd_32.h"),
            ("loongarch64", "loongarch-linux-any/asm/unistd_64.h"),
            ("loongarch32", "loongarch-linux-any/asm/unistd_32.h"),
            ("mips_o32", "mips-linux-any/asm/unistd_o32.h"),
            ("mips_n32", "mips-linux-any/asm/unistd_n32.h"),
            ("mips_n64", "mips-linux-any/asm/unistd_n64.h"),
            ("powerpc", "powerpc-linux-any/asm/unistd_32.h"),
            ("powerpc64", "powerpc-linux-any/asm/unistd_64.h"),
            ("s390x", "s390x-linux-any/asm/unistd_64.h"),
            ("arc", "arc-linux-any/asm/unistd_32.h"),
            ("csky", "csky-linux-any/asm/unistd_32.h"),
            ("hexagon", "hexagon-linux-any/asm/unistd_32.h"),
            ("m68k", "m68k-linux-any/asm/unistd_32.h"),
            ("sparc", "sparc-linux-any/asm/unistd_32.h"),
            ("sparc64", "sparc-linux-any/asm/unistd_64.h"),
            ("xtensa", "xtensa-linux-any/asm/unistd_32.h"),
        ],
    )
    def test_unistd(self, committed: KernelFacts, architecture: str, header: str) -> None:
        """Names and numbers are exactly those of the bundle's asm/unistd.h."""
        bundle = Path(str(resources.files("ziglang"))) / "lib" / "libc" / "include"
        text = (bundle / header).read_text(encoding="utf-8")
        bases = {"mips_o32": 4000, "mips_n64": 5000, "mips_n32": 6000, "x32": 0x40000000}
        base = bases.get(architecture, 0)
        there = {
            found[1]: base + int(found[2])
            for found in re.finditer(
                r"#define __NR_(\w+) \(?(?:\w+ \+ )?(\d+)\)?$", text, re.MULTILINE
            )
        }
        here = {
            call.name: call.number
            for call in _calls(committed, architecture).values()
            if not call.name.startswith("ARM_")
        }
        assert here == there
        assert len(here) > 300
