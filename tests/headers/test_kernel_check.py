"""Whether the committed kernel tables and the hand rows fit together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.headers.kernel import load_kernel
from callgate.headers.kernel_check import check_kernel, coverage
from callgate.targets import load_targets

if TYPE_CHECKING:
    from tests.headers.conftest import KernelTree

X86 = "arch/x86/entry/syscalls/syscall_64.tbl"


def test_committed() -> None:
    """Nothing is wrong with the repository's data, and every implemented call has a prototype."""
    data = paths.data_dir("headers")
    facts = load_kernel(data)
    assert check_kernel(facts, tuple(load_targets(data / "targets.toml").values())) == []
    counts = {item.architecture: item for item in coverage(facts)}
    assert len(counts) >= 29
    assert all(item.unknown == 0 for item in counts.values())
    assert (counts["x86_64"].rows, counts["x86_64"].implemented) == (385, 368)


def test_well(kernel_tree: KernelTree) -> None:
    """Data that fit give no problem, and are counted by where their prototypes come from."""
    facts = kernel_tree.load()
    assert check_kernel(facts) == []
    found = {item.architecture: item for item in coverage(facts)}["x86_64"]
    assert (found.rows, found.implemented) == (6, 4)
    assert (found.declared, found.by_hand, found.unknown) == (3, 1, 0)


def test_edited_file(kernel_tree: KernelTree) -> None:
    """A file that is not what the import wrote is found, and so are a new and a missing one."""
    kernel_tree.load()
    edited = kernel_tree.data / "x86-syscall_64.json"
    edited.write_text(edited.read_text().replace("[1, ", "[9, "))
    (kernel_tree.data / "mips-syscall_o32.json").unlink()
    (kernel_tree.data / "notes.txt").write_text("mine")
    problems = check_kernel(load_kernel(kernel_tree.headers))
    assert f"{edited}: it is not what the import wrote: import again" in problems
    assert any(
        text.endswith("mips-syscall_o32.json: it is missing: import again") for text in problems
    )
    assert any("notes.txt: provenance.json does not list it" in text for text in problems)


def _table(*rows: str) -> dict[str, str]:
    """Return the change that makes x86's table these rows and what else the hand rows need."""
    return {X86: "\n".join([*rows, "7 64 own sys_own", "8 64 socket sys_socket", "9 x32 x"])}


def _header(opening: str) -> dict[str, str]:
    """Return the change that declares sys_open so, and sys_pair under conditions only."""
    text = f"""long {opening};
long sys_close(int fd);
long sys_socket(int, int, int);
#ifdef A
long sys_pair(int a);
#endif
#ifdef B
long sys_pair(int b);
#endif
"""
    return {"include/linux/syscalls.h": text}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (_table("0 common open sys_open", "0 common close sys_close"),
         f"{X86}:2: close has the number of open, 0"),
        (_table("0 common open sys_open", "0 64 close sys_close"),
         "x86_64: open (sys_open): close has the same number, 0"),
        (_table("0 common open sys_open", "1 64 open sys_close"),
         "x86_64: open (sys_close): two rows have this name"),
        (_header("sys_open(int fd)"),
         ("x86_64: pair (sys_pair): its #if conditions choose none, or several: "
         "add a row to prototypes.toml")),
    ],
)  # fmt: skip
def test_tree(kernel_tree: KernelTree, changes: dict[str, str], expected: str) -> None:
    """What is inconsistent in the kernel's tree is told with its place."""
    assert expected in check_kernel(kernel_tree.load(changes))


NAMES = 'sys_socket = ["domain", "type", "protocol"]'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("sys_own(", "sys_owner(",
         "x86_64: own (sys_own): no prototype: add a row to prototypes.toml"),
        (NAMES, "",
         ("x86_64: socket (sys_socket): the header does not name its arguments: "
         "add names to prototypes.toml")),
        (NAMES, 'sys_socket = ["domain", "type"]',
         "prototypes.toml: [names] sys_socket: 2 names for 3 arguments"),
        (NAMES, 'sys_socket = ["a", "a", "b"]',
         "x86_64: socket (sys_socket): two arguments have one name"),
        (NAMES, f'{NAMES}\nsys_close = ["fd"]',
         "prototypes.toml: [names] sys_close: no header declares it without names: remove the row"),
        (NAMES, f'{NAMES}\nsys_open = ["who", "what"]',
         "prototypes.toml: [names] sys_open: the header calls what mode"),
        ("struct own *what", "int a, int b, int c, int d, int e, int f, int g",
         "x86_64: own (sys_own): 7 arguments, more than 6"),
        ("sys_own(struct own *what)", "sys_own(int a, int a)",
         "x86_64: own (sys_own): two arguments have one name"),
        ("declared nowhere", "",
         "prototypes.toml:8: sys_own: the row needs a reason and a source"),
        ('"int sys_own', '"int sys_nothing(void)", "int sys_own',
         "prototypes.toml:8: sys_nothing: no call uses the row: remove it"),
        ('"int sys_own', '"int sys_ni_syscall(void)", "int sys_own',
         "prototypes.toml:8: sys_ni_syscall: no call uses the row: remove it"),
        ('"int sys_own', '"long sys_close(int fd)", "int sys_own',
         "prototypes.toml:8: sys_close: a header declares it so: remove the row"),
        ("ARM_flush", "ARM_close",
         "prototypes.toml:14: arm:ARM_close: no call uses the row: remove it"),
    ],
)  # fmt: skip
def test_by_hand(kernel_tree: KernelTree, old: str, new: str, expected: str) -> None:
    """What is inconsistent in the hand rows is told with its place and what to do."""
    assert old in kernel_tree.BY_HAND
    facts = kernel_tree.load(
        _header("sys_open(int, int mode)"), by_hand=kernel_tree.BY_HAND.replace(old, new)
    )
    assert expected in check_kernel(facts)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('abis = ["32"]', "abis = []",
         "architectures.toml: no architecture takes the rows of the ABI 32 of scripts/syscall.tbl"),
        ('abis = ["32"]', 'abis = ["32", "odd"]',
         "architectures.toml: scripts/syscall.tbl has no rows of the ABI odd to leave out"),
        ('"common", "64", "tiny"', '"common", "64"',
         "architectures.toml: tiny: the kernel's makefiles say common,32 or common,64,tiny"),
        ("arch/mips/kernel/syscalls/", "arch/mips/",
         "architectures.toml: mips_o32: there is no table arch/mips/syscall_o32.tbl"),
    ],
)  # fmt: skip
def test_architectures(kernel_tree: KernelTree, old: str, new: str, expected: str) -> None:
    """Every row of every table belongs to an architecture, or is left out knowingly."""
    text = kernel_tree.ARCHITECTURES
    assert old in text
    assert expected in check_kernel(kernel_tree.load(architectures=text.replace(old, new)))


def test_target(kernel_tree: KernelTree) -> None:
    """A target that takes columns which no architecture has is told the right ones."""
    targets = load_targets(paths.data_dir("headers") / "targets.toml")
    target = replace(targets["x86_64-linux-gnu"], syscall_abis=("64",))
    assert check_kernel(kernel_tree.load(), (target,)) == [
        (
            f"x86_64-linux-gnu: no architecture takes 64 of {X86}: "
            "x86_64 takes 64, common; x32 takes common, x32"
        )
    ]
    unix = replace(target, os="netbsd")
    assert check_kernel(kernel_tree.load(), (unix,)) == []


def test_folder_is_read_only(kernel_tree: KernelTree) -> None:
    """Checking writes nothing."""
    facts = kernel_tree.load()
    before = kernel_tree.written()
    check_kernel(facts)
    assert kernel_tree.written() == before
    assert Path(facts.folder) == kernel_tree.data
