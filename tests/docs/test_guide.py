"""Every Lua block of the README, the guide and docs/kernel-lua runs, and prints what its page says.

The blocks of a page are one program, from top to bottom: a later block may use what an earlier one
made. A comment `--> text` at the end of a line is what it prints, `...` standing for any text. The
commands `./callgate bind` of a page are run first, in the folder where the program runs.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from callgate import luajit, paths

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "docs" / "guide", ROOT / "docs" / "kernel-lua"]
PAGES = [ROOT / "README.md", *(page for folder in FOLDERS for page in sorted(folder.glob("*.md")))]
LISTS = [folder / "README.md" for folder in FOLDERS]
EXAMPLES = [page for page in PAGES if page not in LISTS]
BLOCK = re.compile(r"^```lua\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\./callgate (bind .* -o .*)$", re.MULTILINE)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)")
TIME_LIMIT = 60


def name_of(page: Path) -> str:
    """Return a page's path in the repository."""
    return str(page.relative_to(ROOT))


def program(text: str) -> str:
    """Return the blocks of a page, each on the lines where it stands in the page."""
    out = ""
    for found in BLOCK.finditer(text):
        out += "\n" * (text[: found.start(1)].count("\n") - out.count("\n")) + found[1]
    return out


def expected(code: str) -> list[re.Pattern[str]]:
    """Return a pattern for each line that the program says it prints."""
    texts = re.findall(r"--> (.*)$", code, re.MULTILINE)
    return [re.compile(re.escape(text.rstrip()).replace(r"\.\.\.", ".*")) for text in texts]


def library() -> Path:
    """Return the folder of the library under test."""
    return Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())


@pytest.mark.parametrize("options", [(), ("-joff",)], ids=["compiled", "interpreted"])
@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_page(page: Path, options: tuple[str, ...], tmp_path: Path) -> None:
    """The blocks of the page run, in a folder of their own, and print what their comments say."""
    if options and len(luajit.interpreter()) > 1:
        pytest.skip("the embedded LuaJIT takes no options")
    text = page.read_text(encoding="utf-8")
    code = program(text)
    script = tmp_path / f"{page.stem}.lua"
    script.write_text(code, encoding="utf-8")
    folder = tmp_path / "work"
    folder.mkdir()
    for command in COMMAND.findall("\n".join(SHELL.findall(text))):
        made = subprocess.run(
            [sys.executable, "-P", "-m", "callgate", *shlex.split(command)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIME_LIMIT,
        )
        assert made.returncode == 0, made.stderr
    done = subprocess.run(
        [*luajit.interpreter(), *options, str(script)],
        env=luajit.environment(library()),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )
    assert done.returncode == 0, done.stderr
    patterns = expected(code)
    if patterns:
        lines = done.stdout.splitlines()
        for line, pattern in zip(lines, patterns, strict=False):
            assert pattern.fullmatch(line), f"{line!r} is not {pattern.pattern!r}"
        assert len(lines) == len(patterns), lines


def test_blocks_are_found() -> None:
    """Every page but the lists of pages has examples, and no fence of Lua is missed."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert len(BLOCK.findall(text)) == len(re.findall(r"^ *```+ *lua", text, re.MULTILINE)), (
            page
        )
        assert bool(BLOCK.search(text)) == (page in EXAMPLES), page


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links(page: Path) -> None:
    """Every link of the page to a file of the repository leads somewhere."""
    for target in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_pages_are_listed(folder: Path) -> None:
    """The list of pages names every page of its folder."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert {page.name for page in folder.glob("*.md")} - set(LINK.findall(text)) == {"README.md"}


def test_expectations() -> None:
    """What a comment says is compared as it is, but for its dots."""
    (pattern,) = expected("print(fd) --> fd ... (x)")
    assert pattern.fullmatch("fd 12 (x)")
    assert not pattern.fullmatch("fd 12 x")


def test_lines() -> None:
    """A program's lines have the numbers that they have in the page."""
    assert program("a\n```lua\nb\n```\nc\n```lua\nd\n```\n") == "\n\nb\n\n\n\nd\n"
