"""strace as witness: it reads our numbers, flags and records with tables of its own.

A file of ``rows/`` is a list of calls. A row is an expression of Lua, from its line's beginning,
and below it, indented, what strace must print for it: the arguments as the manual page names them.
More than one such line are alternatives, for versions of strace that differ. ``calls.lua`` says
what names an expression may use. In what is to be printed

    …            stands for any text, which may be none
    <n>          for a whole number
    <address>    for an address of memory
    <memory>     for the address of the mapped pages, <bytes> for that of the buffer of calls.lua

and the result is compared where a row declares it (`) = 0`, `) = -1 EBADF`). Comments that strace
adds in /* */ are left out. A call that this strace does not know is `syscall_0x1c3(…)`, its number
and raw arguments compared; below it stands how a newer strace names it.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.bundles import edited

from callgate import files, luajit, paths

FOLDER = Path(__file__).parent
ROWS = sorted((FOLDER / "rows").glob("*.txt"))
AT_LEAST = 200  # different system calls
TIME_LIMIT = 60  # seconds, for one file

NAMESPACES = [
    "unshare", "--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts",
    "--fork", "--kill-child",
]  # fmt: skip
STRACE = ["strace", "-v", "-X", "abbrev", "-s", "64", "-o"]
PLACEHOLDERS = {
    "…": r".*?",
    "<n>": r"-?[0-9]+",
    "<address>": r"0x[0-9a-f]+",
}
JOINED = {  # constants that strace prints by another name
    "FUTEX_WAKE": "FUTEX_WAKE_PRIVATE",
    "FUTEX_PRIVATE_FLAG": "FUTEX_WAKE_PRIVATE",
    "MFD_HUGE_2MB": "21<<MFD_HUGE_SHIFT",  # 2^21 bytes
    "UFFD_API": "api=0xaa",
}

# What is broken in a copy of the library: a pattern, what stands in its place, a part of each
# row that is found out by it, and a pattern of what strace reads there.
BROKEN = {
    "number": (r"\bfsync = 74\b", "fsync = 75", ".fsync(", r"fdatasync\(5\)"),
    "constant": (
        r"\bO_NOFOLLOW = 0x20000\b",
        "O_NOFOLLOW = 0x10000",
        "S.O_NOFOLLOW",
        r"O_RDONLY\|O_NOATIME\|O_DIRECTORY",
    ),
    "record": (
        r'(\["struct epoll_event"\] = [^\]]*?uint64_t data;[^\]]*?) __attribute__\(\(packed\)\)',
        r"\1",
        ".epoll_ctl(-1, ",
        "u64=30064771072|data=0x700000000",
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A call, and what strace may print for it."""

    line: int  # of the file, from 1
    call: str  # ex) 'sys.creat("made", 416)'
    expected: tuple[str, ...]  # ex) ('creat("made", 0640) = <n>',)

    @property
    def name(self) -> str:
        """Return the kernel's name of the call."""
        names = [text.partition("(")[0] for text in self.expected]
        return next(name for name in names if not name.startswith("syscall_"))


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file. Raises AssertionError for one that expects nothing."""
    rows: list[Row] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("    "):
            rows[-1] = Row(rows[-1].line, rows[-1].call, (*rows[-1].expected, line.strip()))
        elif line and not line.startswith("#"):
            rows.append(Row(number, line, ()))
    for row in rows:
        assert row.expected, f"{path.name}:{row.line}: {row.call} expects nothing"
    return rows


def pattern(expected: str, places: dict[str, str]) -> re.Pattern[str]:
    """Return what matches a line of strace that is as ``expected``; ``places`` are known addresses.

    A result that is not declared may be any.
    """
    arguments, declared, result = expected.rpartition(") = ")
    words = {**PLACEHOLDERS, **places}
    placeholder = re.compile("|".join(map(re.escape, words)).join("()"))

    def regular(text: str) -> str:
        return "".join(words.get(part) or re.escape(part) for part in placeholder.split(text))

    if not declared:
        return re.compile(regular(expected) + r"\s+= .*")
    return re.compile(rf"{regular(arguments)}\)\s+= {regular(result)}(?: \(.*\))?")


def trace(rows: Path, library: Path, scratch: Path) -> tuple[dict[int, list[str]], dict[str, str]]:
    """Make the calls of ``rows`` with ``library`` in ``scratch``; return what strace printed.

    That is the lines after the mark of each row, by its line's number, and the known addresses by
    their placeholders. Raises AssertionError when a call could not be made at all.
    """
    log = scratch / "strace.log"
    command = [*luajit.interpreter(), str(FOLDER / "calls.lua"), str(rows)]
    done = subprocess.run(
        [*NAMESPACES, *STRACE, str(log), *command],
        env={**luajit.environment(library), "TZ": "UTC", "LC_ALL": "C"},
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )
    assert done.returncode == 0, f"{rows.name}: {done.stdout}{done.stderr}"
    text = re.sub(r" /\* .*? \*/", "", log.read_text())
    _, *pieces = re.split(r'^write\(1000, "([^"]+)".*\n', text, flags=re.MULTILINE)
    sections: dict[int, list[str]] = {}
    places: dict[str, str] = {}
    for mark, after in zip(pieces[::2], pieces[1::2], strict=True):
        kind, _, value = mark.partition(" ")
        if kind == "row":
            sections[int(value)] = after.splitlines()
        elif value:
            places[f"<{kind}>"] = f"0x{value}"
    return sections, places


def problems(path: Path, library: Path, scratch: Path) -> dict[str, str]:
    """Return what strace reads otherwise than a row of the file means: call -> both."""
    sections, places = trace(path, library, scratch)
    found: dict[str, str] = {}
    for row in read_rows(path):
        lines = sections.get(row.line, [])
        patterns = [pattern(expected, places) for expected in row.expected]
        if not any(each.fullmatch(line) for each in patterns for line in lines):
            expected = "\n  or      ".join(row.expected)
            seen = "\n          ".join(lines) or "nothing"
            found[row.call] = (
                f"{path.name}:{row.line}: {row.call}\n  meant   {expected}\n  strace  {seen}"
            )
    return found


def library() -> Path:
    """Return the library under test: $CALLGATE_LIBRARY, else the checkout's output/."""
    folder = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
    assert (folder / files.LIBRARY_ENTRY).is_file(), f"{folder}: run `callgate generate` first"
    return folder


def unable() -> str:
    """Return why nothing can be traced on this machine; "" where it can."""
    if platform.machine() != "x86_64":
        return "the rows are of x86-64's calls"
    for program in ("unshare", "strace"):
        if not shutil.which(program):
            return f"{program} is not installed"
    command = [*NAMESPACES, *STRACE, os.devnull, "true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip() or "strace fails here"


@pytest.fixture(scope="module", autouse=True)
def _able() -> None:
    reason = unable()
    if reason:
        pytest.skip(reason)


@pytest.mark.parametrize("path", ROWS, ids=lambda path: path.stem)
def test_rows(path: Path, tmp_path: Path) -> None:
    """Strace reads each call, its arguments and its result as the row means them."""
    found = problems(path, library(), tmp_path)
    assert not found, "\n".join(found.values())


def test_count(capsys: pytest.CaptureFixture[str]) -> None:
    """The rows are of 200 different system calls at least."""
    rows = [row for path in ROWS for row in read_rows(path)]
    calls = {row.name for row in rows}
    with capsys.disabled():
        sys.stdout.write(f"\nstrace: {len(rows)} rows of {len(calls)} system calls\n")
    assert len(calls) >= AT_LEAST


@pytest.mark.parametrize("path", ROWS, ids=lambda path: path.stem)
def test_named(path: Path) -> None:
    """Each constant that a row's call names stands in what it expects, by its own name."""
    for row in read_rows(path):
        expected = " ".join(row.expected)
        for name in re.findall(r"\bS\.([A-Z_]{2}\w+)\b(?!\()", row.call):
            shown = JOINED.get(name, name)
            assert re.search(rf"(?<!\w){re.escape(shown)}\b", expected), (row, name)


@pytest.mark.parametrize("kind", BROKEN)
def test_broken(kind: str, tmp_path: Path) -> None:
    """A wrong number, constant or layout is found out, by the rows that use it and by no other."""
    wrong, fault, call, seen = BROKEN[kind]
    copy = tmp_path / "library"
    shutil.copytree(library() / "callgate", copy / "callgate")
    changed = 0

    def broken(_header: str, _part: str, text: str) -> str:
        nonlocal changed
        text, count = re.subn(wrong, fault, text)
        changed += count
        return text

    for module in copy.rglob("*.lua"):
        module.write_text(edited(module.read_text(), broken))
    assert changed, "the copy has nothing to break"
    found: dict[str, str] = {}
    for path in ROWS:
        scratch = tmp_path / path.stem
        scratch.mkdir()
        found |= problems(path, copy, scratch)
    assert found
    for row, text in found.items():
        assert call in row, text
    assert any(re.search(seen, text) for text in found.values())


@pytest.mark.parametrize(
    ("expected", "line", "fits"),
    [
        ("f(1, O_A|O_B) = 0", "f(1, O_A|O_B) = 0", True),
        ("f(1, O_A|O_B) = 0", "f(1, O_A|O_B)                 = 0", True),
        ("f(1, O_A|O_B) = 0", "f(1, O_A) = 0", False),
        ("f(1, O_A) = 0", "f(1, O_A|O_B) = 0", False),
        ("f(1) = 0", "f(1) = 1", False),
        ("f(1) = 0", "f(1, 2) = 0", False),
        ("f(1) = 0", "ff(1) = 0", False),
        ("f(1)", "f(1) = -1 EPERM (Operation not permitted)", True),
        ("f(1) = -1 EBADF", "f(1) = -1 EBADF (Bad file descriptor)", True),
        ("f(1) = -1 EBADF", "f(1) = -1 EPERM (Operation not permitted)", False),
        ("f(<n>) = <n>", "f(12) = 3", True),
        ("f(<n>)", "f(0x12) = 3", False),
        ("f(<address>) = <address>", "f(0x7f12) = 0x1000", True),
        ("f(<address>)", "f(NULL) = 0", False),
        ("f(<memory>)", "f(0x7000) = 0", True),
        ("f(<memory>)", "f(0x7001) = 0", False),
        ('f({a=…, b="x.z"}) = 0', 'f({a=1, c=2, b="x.z"}) = 0', True),
        ('f({a=…, b="x.z"}) = 0', 'f({a=1, b="xyz"}) = 0', False),
    ],
)
def test_pattern(expected: str, line: str, fits: bool) -> None:
    """What is declared must be there, in full; only what is not declared may be any."""
    found = pattern(expected, {"<memory>": "0x7000"}).fullmatch(line)
    assert (found is not None) == fits
