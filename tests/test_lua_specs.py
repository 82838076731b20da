"""The Lua specs: a process for each file, on every LuaJIT, with the compiler on and off."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from callgate import files, luajit, paths

SPECS = Path(__file__).parent / "lua"
RUNNER = SPECS / "runner.lua"
DEBIAN = "/usr/share/lua/5.1"  # where its packages lie; not every LuaJIT looks there
TIME_LIMIT = 120  # seconds: a hanging system call must not hang the suite

# Name -> how it is started. $CALLGATE_LUAJITS adds programs (separated as in PATH).
LUAJITS: dict[str, Callable[[], list[str]]] = {
    "installed": luajit.interpreter,
    "embedded": partial(luajit.interpreter, embedded=True),
    **{
        program: partial(list, [program])
        for program in os.environ.get("CALLGATE_LUAJITS", "").split(os.pathsep)
        if program
    },
}
MODES = ("on", "off", "hot")  # of the compiler; hot: everything is compiled at once
MEMORY_FULL = {"flags_spec", "types_spec"}


def library() -> Path:
    """Return the library under test: $CALLGATE_LIBRARY, else the checkout's output/."""
    folder = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
    assert (folder / files.LIBRARY_ENTRY).is_file(), f"{folder}: run `callgate generate` first"
    return folder


def run_specs(
    command: list[str], scratch: Path, *words: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run the spec runner with ``words`` in the folder ``scratch``."""
    environment = luajit.environment(library())
    environment["LUA_PATH"] += f";{DEBIAN}/?.lua;{DEBIAN}/?/init.lua"
    return subprocess.run(
        [*command, str(RUNNER), *map(str, words)],
        env={**environment, "CALLGATE_TEST_TMP": str(scratch)},
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )


def problems(output: str) -> str:
    """Return the failed tests of TAP output, with what they say."""
    return "\n".join(line for line in output.splitlines() if not re.match(r"ok \d+ - [^#]*$", line))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", LUAJITS)
@pytest.mark.parametrize(
    "spec", sorted(SPECS.rglob("*_spec.lua")), ids=lambda path: path.stem.removesuffix("_spec")
)
def test_spec(spec: Path, name: str, mode: str, tmp_path: Path) -> None:
    """Every test of the file passes; what it had to leave out is reported as skipped."""
    done = run_specs(LUAJITS[name](), tmp_path, "--jit", mode, spec)
    assert done.returncode == 0, problems(done.stdout) + done.stderr
    assert re.search(r"^1\.\.[1-9]", done.stdout, re.MULTILINE), done.stdout
    skipped = re.findall(r"^ok .* # SKIP (.*)$", done.stdout, re.MULTILINE)
    if skipped:
        pytest.skip("; ".join(sorted(set(skipped))))


@pytest.mark.parametrize(
    "spec", sorted(SPECS.rglob("*_spec.lua")), ids=lambda path: path.stem.removesuffix("_spec")
)
def test_eager(spec: Path, tmp_path: Path) -> None:
    """Nothing is used that nobody holds: every test passes with garbage collected all the time."""
    if spec.stem in MEMORY_FULL:
        pytest.skip("it loads all constants or types: hours, with that much to look through")
    done = run_specs(LUAJITS["installed"](), tmp_path, "--jit", "eager", spec)
    assert done.returncode == 0, problems(done.stdout) + done.stderr
    assert re.search(r"^1\.\.[1-9]", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("t.equal(1, 2)", "expected 2, got 1"),
        ("t.same({ a = { 2 } }, { a = { 3 } })", "expected { a = { 3 } }, got { a = { 2 } }"),
        ("t.ok(nil, 'the reason')", "not true: the reason"),
        ("t.matches('abc', 'x')", 'expected text like "x", got "abc"'),
        ("t.raises('a', error, 'b', 0)", 'expected the error "a", got "b"'),
        ("t.raises('a', tostring, 1)", 'expected the error "a", got none'),
        ("t.fails('ENOENT', true)", "expected nil, text, ENOENT; got true, nil, nil"),
        ("error 'broken'", "broken"),
        ("local unused", "the test checks nothing"),
    ],
)  # fmt: skip
def test_failure(body: str, expected: str, tmp_path: Path) -> None:
    """The runner ends non-zero when a test fails, raises or checks nothing, and says why."""
    spec = tmp_path / "bad_spec.lua"
    test = f"t.it('b', function() {body} end)"
    spec.write_text(f"local t = ... t.describe('a', function() {test} end)")
    done = run_specs(luajit.interpreter(), tmp_path, spec)
    assert done.returncode == 1
    assert "not ok 1 - a: b" in done.stdout
    assert expected in done.stdout


def test_broken_file(tmp_path: Path) -> None:
    """A spec that does not load is a failure, and the others still run."""
    bad, good = tmp_path / "bad_spec.lua", tmp_path / "good_spec.lua"
    bad.write_text("local t = ... t.no_such_helper()")
    good.write_text("local t = ... t.it('works', function() t.ok(t.path 'x') end)")
    done = run_specs(luajit.interpreter(), tmp_path, bad, good)
    assert done.returncode == 1
    assert "bad_spec.lua does not load" in done.stdout
    assert "ok 2 - works" in done.stdout


def test_no_test(tmp_path: Path) -> None:
    """A run without a single test fails."""
    spec = tmp_path / "empty_spec.lua"
    spec.write_text("")
    assert run_specs(luajit.interpreter(), tmp_path, spec).returncode == 1


def test_skip(tmp_path: Path) -> None:
    """A skipped test passes, with its reason in the output."""
    spec = tmp_path / "skip_spec.lua"
    spec.write_text("local t = ... t.it('a', function() t.skip 'no such device' end)")
    done = run_specs(luajit.interpreter(), tmp_path, spec)
    assert done.returncode == 0
    assert "ok 1 - a # SKIP no such device" in done.stdout
