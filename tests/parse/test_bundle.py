"""The parser on the real headers: the pinned bundle's, whole."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import pytest

from callgate import paths, tree
from callgate.headers.trees import HeaderTree, open_tree
from callgate.parse import parse_units
from callgate.parse.memo import Memo
from callgate.targets import load_targets

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 120


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> HeaderTree:
    """Return the bundle's headers of x86_64."""
    target = load_targets(paths.data_dir("headers") / "targets.toml")["x86_64-linux-gnu"]
    return open_tree(target, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def memo() -> Memo:
    """Return what the parsing of the units leaves for later runs."""
    return Memo()


@pytest.fixture(scope="module")
def units(headers: HeaderTree, memo: Memo) -> dict[str, tree.Unit]:
    """Return every unit by name."""
    return {unit.name: unit for unit in parse_units(headers, memo=memo)}


@pytest.fixture(scope="module")
def uapi(units: dict[str, tree.Unit]) -> tree.Unit:
    """Return the kernel's unit."""
    return units["uapi"]


def test_no_failures(units: dict[str, tree.Unit]) -> None:
    """Every declaration of every header is parsed."""
    assert {name: unit.failures for name, unit in units.items() if unit.failures} == {}


def test_headers_in_one_unit(headers: HeaderTree, uapi: tree.Unit) -> None:
    """At least 971 headers are included in one unit, not counting those they include."""
    own = headers.unit("uapi").first
    assert len(set(headers.headers(headers.unit("uapi"))) - set(own)) >= 971
    assert set(headers.headers(headers.unit("uapi"))) <= set(uapi.headers)


def test_every_header_is_accounted_for(headers: HeaderTree, uapi: tree.Unit) -> None:
    """Every kernel header is in the unit, or left out for a reason that stands in the table."""
    everything = {
        path.relative_to(folder).as_posix()
        for folder in headers.kernel_dirs
        for path in folder.rglob("*.h")
    }
    left_out = headers.left_out(headers.unit("uapi"), uapi.headers)
    assert everything - set(uapi.headers) == set(left_out)
    assert len(left_out) <= 15
    assert not [reason for reason in left_out.values() if "could not be read" in reason]


def test_no_row_is_idle(headers: HeaderTree) -> None:
    """Every exclusion and every pattern of the table fits a header of the tree."""
    for unit in headers.units:
        dirs = headers.search(unit)
        for header in unit.excluded:
            assert any((folder / header).is_file() for folder in dirs), header
        for pattern in unit.through:
            assert any(any(folder.glob(pattern)) for folder in dirs), pattern


def test_libc(headers: HeaderTree, units: dict[str, tree.Unit]) -> None:
    """The C library's unit has 60 and more public headers, and their functions."""
    included = headers.headers(headers.unit("libc"))
    assert len(included) >= 60
    assert set(included) <= set(units["libc"].headers)
    names = {
        item.name
        for item in units["libc"].declarations
        if isinstance(item, tree.FunctionDeclaration)
    }
    assert {"open", "epoll_create1", "sigaction", "getaddrinfo", "statx"} <= names


def test_macro_lines(headers: HeaderTree, units: dict[str, tree.Unit]) -> None:
    """Every macro stands in the line that it names."""
    wrong = [
        f"{item.name} {item.where}"
        for unit in units.values()
        for item in unit.macros
        if not any(item.name in line for line in lines_at(headers, unit, item.where))
    ]
    assert wrong == []


def test_declaration_columns(headers: HeaderTree, uapi: tree.Unit) -> None:
    """Declarations and enumerators stand in the line and column that they name."""
    named = [
        (item.name, item.where)
        for item in uapi.declarations
        if not isinstance(item, tree.TagDeclaration) and not item.where.header.startswith("<")
    ]
    for item in uapi.declarations:
        if isinstance(item.type, tree.Enumeration):
            named += [(each.name, each.where) for each in item.type.enumerators if each.where]
    wrong = [
        f"{name} {where}"
        for name, where in named
        if not any(
            line[where.column - 1 :].startswith(name) for line in lines_at(headers, uapi, where)
        )
    ]
    # The rest are names that a macro makes: BPF_FUNC_map_lookup_elem, of FN(map_lookup_elem, ...).
    assert len(wrong) < len(named) / 50, wrong[:20]


def lines_at(headers: HeaderTree, unit: tree.Unit, where: tree.Where) -> list[str]:
    """Return the line of each file that the header's name may mean (limits.h is two)."""
    found = []
    for folder in (*headers.search(headers.unit(unit.name)), *headers._builtin):
        lines = file_lines(folder / where.header)
        found += lines[where.line - 1 : where.line]
    return found


@cache
def file_lines(path: Path) -> list[str]:
    """Return the lines of a header, none when it is not there."""
    return path.read_text(encoding="utf-8").split("\n") if path.is_file() else []


def test_counts(uapi: tree.Unit) -> None:
    """The unit has the thousands of records, enumerators and macros that Linux 7.2 has."""
    records: Counter[str] = Counter()
    for item in uapi.declarations:
        kind = item.type
        if isinstance(kind, tree.Record | tree.Enumeration):
            records[type(kind).__name__] += 1
    assert records["Record"] > 4000
    assert records["Enumeration"] > 1800
    assert sum(item.parameters is None for item in uapi.macros) > 33_000
    assert sum(item.parameters is not None for item in uapi.macros) > 1000


@pytest.mark.parametrize(
    ("name", "header", "expansion"),
    [
        ("O_CREAT", "asm-generic/fcntl.h", "(1 << 6)"),
        ("EPOLLET", "linux/eventpoll.h", "((__poll_t)(1U << 31))"),
        ("MSDOS_DOT", "linux/msdos_fs.h", '".          "'),
        ("SIGRTMIN", "asm/signal.h", "32"),
    ],
)
def test_expansions(uapi: tree.Unit, name: str, header: str, expansion: str) -> None:
    """Macros expand as the compiler expands them."""
    found = [(item.where.header, item.expansion) for item in uapi.macros if item.name == name]
    assert (header, expansion) in found


def test_supplement(uapi: tree.Unit) -> None:
    """The kernel's records that no UAPI header gives are in the unit."""
    tags = {
        item.type.tag
        for item in uapi.declarations
        if isinstance(item.type, tree.Record) and item.where.header == "callgate/kernel.h"
    }
    assert {
        "msghdr",
        "mmsghdr",
        "cmsghdr",
        "sockaddr",
        "linux_dirent64",
        "kernel_sigaction",
    } <= tags


def test_memory(tmp_path: Path) -> None:
    """A process that parses everything, and makes the model, stays far below 500 MB."""
    code = (
        "from callgate.cli import main\n"
        "status = main(['show', 'O_CREAT'])\n"
        # not getrusage's: that starts with what the parent had (fs/exec.c: exec_mmap)
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(status, peak.split()[1])"
    )
    environment = {**os.environ, "CALLGATE_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    status, kilobytes = done.stdout.split()[-2:]
    assert "O_CREAT" in done.stdout
    assert status == "0"
    assert int(kilobytes) < 500 << 10


def test_parsed_before(headers: HeaderTree, units: dict[str, tree.Unit], memo: Memo) -> None:
    """Parsed again, the units are the same, and nothing in them is new."""
    known = memo.fresh()
    assert {unit.name: unit for unit in parse_units(headers, jobs=1, memo=memo)} == units
    assert memo.fresh(known) == {}
