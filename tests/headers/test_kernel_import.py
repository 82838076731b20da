"""Extracting a kernel source tree's tables and prototypes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from callgate import files
from callgate.errors import CallgateError
from callgate.headers.kernel_import import import_kernel

if TYPE_CHECKING:
    from tests.headers.conftest import KernelTree

X86 = "arch/x86/entry/syscalls/syscall_64.tbl"


def _import(tree: KernelTree) -> dict[str, Any]:
    import_kernel(tree.source, tree.headers / "kernel", origin="a test")
    return {name: json.loads(text) for name, text in tree.written().items()}


def test_summary(kernel_tree: KernelTree) -> None:
    """The summary counts what was read: tables with their rows, prototypes, files."""
    found = import_kernel(kernel_tree.write(), kernel_tree.headers / "kernel")
    assert found.version == "9.10.3"
    assert found.tables == {
        "arch/arm/tools/syscall.tbl": 2,
        "arch/mips/kernel/syscalls/syscall_o32.tbl": 1,
        X86: 7,
        "scripts/syscall.tbl": 4,
    }
    assert found.prototypes == 6
    assert found.files == 12


def test_table(kernel_tree: KernelTree) -> None:
    """A row keeps number, ABI, name, entry points and line; comments and noreturn go."""
    kernel_tree.write()
    table = _import(kernel_tree)["x86-syscall_64.json"]
    assert table["table"] == X86
    assert table["bases"] == {"x32": 0x40000000}
    assert table["calls"][:4] == [
        [0, "common", "open", "sys_open", None, 1],
        [1, "64", "socket", "sys_socket", "compat_sys_socket", 2],
        [2, "common", "gone", "sys_ni_syscall", None, 3],
        [3, "common", "reserved", None, None, 4],
    ]


def test_bases(kernel_tree: KernelTree) -> None:
    """The bases of mips numbers come from its asm/unistd.h."""
    kernel_tree.write()
    assert _import(kernel_tree)["mips-syscall_o32.json"]["bases"] == {"o32": 4000}


def test_arm_private(kernel_tree: KernelTree) -> None:
    """ARM's private calls, which are in no table, are read from its asm/unistd.h."""
    kernel_tree.write()
    calls = _import(kernel_tree)["arm-syscall.json"]["calls"]
    assert calls[-1] == [0xF0002, "private", "ARM_flush", "arm_syscall", None, 2]


def test_prototypes(kernel_tree: KernelTree) -> None:
    """Every declaration of an entry point is kept, with names where given and its conditions."""
    kernel_tree.write()
    rows = _import(kernel_tree)["prototypes.json"]["prototypes"]
    header = "include/linux/syscalls.h"
    pair = [["first", "int"], ["second", "int *"]]
    assert rows == [
        ["sys_open", "long", [["path", "const char *"], ["flags", "int"], ["mode", "umode_t"]],
         header, 1, []],
        ["sys_close", "long", [["fd", "unsigned int"]], header, 2, []],
        ["sys_socket", "long", [[None, "int"]] * 3, header, 3, []],
        ["sys_pair", "long", [["second", "int *"], ["first", "int"]],
         header, 5, ["CONFIG_SWAPPED"]],
        ["sys_pair", "long", pair, header, 7, ["!(CONFIG_SWAPPED)"]],
        ["sys_close", "long", [["handle", "int"]], "arch/tiny/include/asm/syscalls.h", 1, []],
    ]  # fmt: skip


def test_provenance(kernel_tree: KernelTree) -> None:
    """The record names the source, and hashes all that was read and written."""
    source = kernel_tree.write()
    record = _import(kernel_tree)["provenance.json"]
    assert record["kernel"] == "9.10.3"
    assert record["origin"] == "a test"
    assert record["generic_abis"] == {"tiny": {"32": "common,32", "64": "common,64,tiny"}}
    for name, digest in record["sha256"].items():
        assert hashlib.sha256((source / name).read_bytes()).hexdigest() == digest
    written = kernel_tree.written()
    del written["provenance.json"]
    assert record["data"] == {n: hashlib.sha256(text).hexdigest() for n, text in written.items()}


def test_one_row_a_line(kernel_tree: KernelTree) -> None:
    """Each call has a line of its own, so that a release's changes can be read."""
    kernel_tree.write()
    import_kernel(kernel_tree.source, kernel_tree.headers / "kernel")
    lines = kernel_tree.written()["x86-syscall_64.json"].decode().splitlines()
    assert '  [4, "common", "pair", "sys_pair", null, 5],' in lines


def test_idempotent(kernel_tree: KernelTree) -> None:
    """A second import writes the same bytes."""
    kernel_tree.write()
    _import(kernel_tree)
    first = kernel_tree.written()
    _import(kernel_tree)
    assert kernel_tree.written() == first


@pytest.mark.parametrize(
    "row",
    ["open common 0 sys_open", "0 common", "0 common open sys_open c noreturn more", "-1 a b c",
     "0 common open sys open ever after", "0 common op/en sys_open"],
)  # fmt: skip
def test_malformed_row(kernel_tree: KernelTree, row: str) -> None:
    """A row that is not one is an error with file and line, and writes nothing."""
    kernel_tree.write({X86: f"# a comment\n0 common open sys_open\n{row}\n"})
    with pytest.raises(CallgateError, match="expected 'number abi name") as caught:
        _import(kernel_tree)
    assert caught.value.where == f"{kernel_tree.source / X86}:3"
    assert not kernel_tree.data.exists()


def test_empty_table(kernel_tree: KernelTree) -> None:
    """A table without a row is no table."""
    kernel_tree.write({X86: "# nothing\n"})
    with pytest.raises(CallgateError, match="without a row"):
        _import(kernel_tree)


def test_disagreement(kernel_tree: KernelTree) -> None:
    """A number that asm-generic/unistd.h gives otherwise than the table is an error."""
    header = "include/uapi/asm-generic/unistd.h"
    kernel_tree.write({header: "#define __NR_open 5\n"})
    with pytest.raises(CallgateError, match=r"open is 5, but scripts/syscall\.tbl says 0"):
        _import(kernel_tree)


@pytest.mark.parametrize(
    "name", ["arch/mips/include/uapi/asm/unistd.h", "arch/arm/include/uapi/asm/unistd.h"]
)
def test_no_base(kernel_tree: KernelTree, name: str) -> None:
    """A header that lacks the base of its table's numbers is an error that names it."""
    kernel_tree.write({name: "/* empty */\n"})
    with pytest.raises(CallgateError, match="expected") as caught:
        _import(kernel_tree)
    assert caught.value.where == str(kernel_tree.source / name)


def test_missing_base_header(kernel_tree: KernelTree) -> None:
    """A header that a table needs and the tree lacks is an error that names it."""
    name = "arch/mips/include/uapi/asm/unistd.h"
    kernel_tree.write({name: ""})
    with pytest.raises(CallgateError, match="No such file") as caught:
        _import(kernel_tree)
    assert caught.value.where == str(kernel_tree.source / name)


def test_not_a_tree(tmp_path: Path) -> None:
    """A folder that is no kernel tree is an error that tells what is missing and what to name."""
    with pytest.raises(CallgateError) as caught:
        import_kernel(tmp_path, tmp_path / "out")
    assert "Makefile, include/linux/syscalls.h, scripts/syscall.tbl" in caught.value.what
    assert caught.value.hint is not None
    assert "linux-source" in caught.value.hint


def test_one_too_high(kernel_tree: KernelTree) -> None:
    """The folder that holds the tree's is answered with the one that was meant."""
    source = kernel_tree.write()
    with pytest.raises(CallgateError) as caught:
        import_kernel(source.parent, kernel_tree.headers)
    assert caught.value.hint == f"did you mean {source}?"


def test_no_folder(tmp_path: Path) -> None:
    """A path that does not exist is said not to."""
    with pytest.raises(CallgateError, match="no such folder"):
        import_kernel(tmp_path / "nowhere", tmp_path / "out")


def test_no_version(kernel_tree: KernelTree) -> None:
    """A Makefile without the version is an error that names the missing line."""
    kernel_tree.write({"Makefile": "VERSION = 9\nSUBLEVEL = 1\n"})
    with pytest.raises(CallgateError, match="'PATCHLEVEL = NUMBER'"):
        _import(kernel_tree)


def test_interrupted(kernel_tree: KernelTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt while writing leaves the earlier data as it was, and nothing beside it."""
    kernel_tree.write()
    _import(kernel_tree)
    before = kernel_tree.written()
    kernel_tree.write({"scripts/syscall.tbl": "0 common open sys_open\n"})

    def interrupted(_new: Path, _dest: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "_exchange", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _import(kernel_tree)
    assert kernel_tree.written() == before
    assert [path.name for path in kernel_tree.data.parent.iterdir()] == ["9.10.3"]


def test_unwritable(kernel_tree: KernelTree) -> None:
    """A destination that cannot be written is an error that says why."""
    kernel_tree.write()
    blocked = kernel_tree.headers
    blocked.write_text("a file")
    with pytest.raises(CallgateError, match="cannot write"):
        import_kernel(kernel_tree.source, blocked / "kernel")
