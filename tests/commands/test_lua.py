"""callgate lua, on the installed and on the embedded LuaJIT."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from callgate import luajit, tools
from callgate.errors import CallgateError

CALLGATE = [sys.executable, "-P", "-m", "callgate"]


def _callgate(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CALLGATE, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return an output folder with a library of one line."""
    folder = tmp_path / "out put"
    (folder / "callgate").mkdir(parents=True)
    (folder / "callgate" / "init.lua").write_text("return { answer = 42 }\n")
    return folder


@pytest.fixture(params=["installed", "embedded"])
def lua(request: pytest.FixtureRequest, library: Path) -> list[str]:
    """Return the words that run Lua with the library."""
    assert tools.luajit(), "callgate test installs it"
    words = [*CALLGATE, "lua", "--library", str(library)]
    return [*words, "--embedded"] if request.param == "embedded" else words


def _run(*words: str, stdin: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        words, input=stdin, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def test_code(lua: list[str]) -> None:
    """-e runs code on a LuaJIT 2.1 that finds the library."""
    code = "print(require('callgate').answer, jit.version:match('^LuaJIT 2.1'))"
    assert _run(*lua, "-e", code) == (0, "42\tLuaJIT 2.1\n", "")


def test_script(lua: list[str], tmp_path: Path) -> None:
    """A script gets its name and arguments, options among them, as arg and as `...`."""
    script = tmp_path / "a script.lua"
    script.write_text("print(arg[0] == ..., select('#', ...), arg[0]:match('[^/]+$'), ...)")
    expected = "false\t2\ta script.lua\t--json\ta b\n"
    assert _run(*lua, str(script), "--json", "a b") == (0, expected, "")


def test_standard_input(lua: list[str]) -> None:
    """Without script and code the program is read from standard input."""
    assert _run(*lua, stdin="io.write(6 * 7)") == (0, "42", "")


def test_status(lua: list[str]) -> None:
    """The script's exit status is the command's, and its output is flushed."""
    assert _run(*lua, "-e", "io.write('x') os.exit(7)") == (7, "x", "")


def test_error(lua: list[str], tmp_path: Path) -> None:
    """A failing script ends with status 1, its message and a traceback."""
    script = tmp_path / "bad.lua"
    script.write_text("local t\nprint(t.x)\n")
    status, out, err = _run(*lua, str(script))
    assert (status, out) == (1, "")
    assert "luajit: " in err
    assert "bad.lua:2: attempt to index local 't'" in err
    assert "stack traceback:" in err


def test_syntax_error(lua: list[str]) -> None:
    """A syntax error is an error too."""
    status, _, err = _run(*lua, "-e", "x = = 1")
    assert status == 1
    assert "unexpected symbol near '='" in err


def test_interrupt(lua: list[str]) -> None:
    """Ctrl-C ends an endless loop."""
    process = subprocess.Popen(
        [*lua, "-e", "io.write('ready\\n') io.flush() while true do end"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        process.send_signal(signal.SIGINT)  # luajit ends at the second one in compiled code
        time.sleep(0.1)
    process.communicate(timeout=60)
    assert process.returncode in {1, -signal.SIGINT}


def test_no_library(tmp_path: Path) -> None:
    """A missing library is named together with the command that writes it."""
    done = _callgate("lua", "--library", str(tmp_path), "-e", "")
    assert done.returncode == 1
    assert f"{tmp_path}: there is no library here" in done.stderr
    assert "callgate generate" in done.stderr


def test_none_installed(library: Path, tmp_path: Path) -> None:
    """Where no LuaJIT is installed, the embedded one runs the program."""
    done = _callgate(
        "lua", "--library", str(library), "-e", "print(jit.version)", PATH=str(tmp_path)
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("LuaJIT 2.1")


def test_wrong_luajit(library: Path) -> None:
    """A $LUAJIT that names no program is an error, not another LuaJIT."""
    done = _callgate("lua", "--library", str(library), "-e", "", LUAJIT="nope")
    assert (done.returncode, done.stdout) == (1, "")
    assert "LUAJIT=nope: not a program" in done.stderr


def test_path_kept(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's LUA_PATH follows the library's."""
    monkeypatch.setenv("LUA_PATH", "mine/?.lua")
    path = luajit.environment(library)["LUA_PATH"]
    assert path == f"{library}/?.lua;{library}/?/init.lua;mine/?.lua"


def test_path_refused(tmp_path: Path) -> None:
    """A path that LUA_PATH cannot express is refused."""
    with pytest.raises(CallgateError, match="Lua cannot load from here"):
        luajit.environment(tmp_path / "a;b")
