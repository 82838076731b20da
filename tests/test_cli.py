"""The command line: help, typos, exit statuses, and the commands that need no headers."""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from callgate import __version__, cli, luajit, paths, tools
from callgate.errors import CallgateError

if TYPE_CHECKING:
    from callgate.report import Reporter

CALLGATE = [sys.executable, "-P", "-m", "callgate"]
WORDS = [
    [],
    *([name] for name in cli.COMMANDS),
    *(["headers", a] for a in ("list", "import", "check")),
]


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


class TestHelp:
    """--help and --version."""

    @pytest.mark.parametrize("words", WORDS, ids=" ".join)
    def test_help_fits(self, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """Every help text fits 80 columns."""
        with pytest.raises(SystemExit) as caught:
            cli.main([*words, "--help"])
        out = capsys.readouterr().out
        assert caught.value.code == 0
        assert out.startswith(f"usage: {' '.join(['callgate', *words])} ")
        assert max(map(len, out.splitlines())) <= 80

    @pytest.mark.parametrize("name", cli.COMMANDS)
    def test_example(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        """Every command's help ends with an example of that command, which the parser accepts."""
        with pytest.raises(SystemExit):
            cli.main([name, "--help"])
        assert f"example:\n  callgate {name}" in capsys.readouterr().out
        example = cli.COMMANDS[name][1]
        words = example.replace("'", "").split()[1:]
        assert cli.make_parser().parse_args(words).command == name

    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        """--version prints the package's version."""
        with pytest.raises(SystemExit):
            cli.main(["--version"])
        assert capsys.readouterr().out == f"callgate {__version__}\n"

    def test_help_is_quick(self) -> None:
        """--help imports neither rich nor the parser of C, which take longer than help may."""
        code = (
            "import sys; from callgate.cli import main\n"
            "try: main(['--help'])\n"
            "except SystemExit: print(sorted({'rich', 'pycparser', 'jinja2'} & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == "[]"


class TestUsage:
    """What bad arguments get."""

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["tagrets"], "unknown word 'tagrets'; did you mean targets?"),
            (["xyzzy"], "unknown word 'xyzzy'; known: generate, verify,"),
            (["headers", "lst"], "unknown word 'lst'; did you mean list?"),
            (["targets", "--jsn"], "unknown option '--jsn'; did you mean --json?"),
            (["verify", "--shrd=1/2"], "unknown option '--shrd'; did you mean --shard?"),
            (["verify", "--shard", "3/2"], "expected I/N with 1 <= I <= N, as 2/4, not '3/2'"),
            (["generate", "--jobs", "0"], "expected a number from 1, not '0'"),
            (["generate", "--all", "x86_64-linux-gnu"], "not allowed with argument"),
            (["targets", "x"], "nothing takes the argument 'x'"),
            (["show"], "the following arguments are required: NAME"),
            ([], "the following arguments are required: COMMAND"),
        ],
    )
    def test_said(self, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
        """A usage error says what is wrong and what is near, on standard error, with status 2."""
        with pytest.raises(SystemExit) as caught:
            cli.main(words)
        out, err = capsys.readouterr()
        assert (caught.value.code, out) == (2, "")
        assert said in err
        assert "--help` tells" in err

    def test_options_before_and_after(self) -> None:
        """--quiet counts before and after the command."""
        parser = cli.make_parser()
        assert parser.parse_args(["--quiet", "doctor"]).quiet
        assert parser.parse_args(["doctor", "--quiet"]).quiet

    def test_parsed(self) -> None:
        """Options arrive under the names and with the types that commands rely on."""
        words = ["verify", "x86_64-linux-gnu", "--shard", "2/4", "--jobs", "3", "--run"]
        options = cli.make_parser().parse_args(words)
        assert (options.targets, options.all) == (["x86_64-linux-gnu"], False)
        assert (options.shard, options.jobs, options.run) == ((2, 4), 3, True)
        options = cli.make_parser().parse_args(["generate", "--out", "a", "--sysroot", "b"])
        assert (options.targets, options.out, options.sysroot) == ([], Path("a"), Path("b"))


class TestEnding:
    """How a command ends."""

    @pytest.fixture
    def ends(self, monkeypatch: pytest.MonkeyPatch) -> list[BaseException | int]:
        """Make `callgate doctor` return or raise what the test puts into the list."""
        outcome: list[BaseException | int] = []

        def run(_options: argparse.Namespace, _report: Reporter) -> int:
            if isinstance(outcome[0], BaseException):
                raise outcome[0]
            return outcome[0]

        fake = SimpleNamespace(run=run)
        monkeypatch.setattr(cli.importlib, "import_module", lambda _name: fake)
        monkeypatch.setattr(cli, "_end_by_exception", lambda: None)
        return outcome

    @pytest.mark.parametrize("status", [0, 1])
    def test_status(self, ends: list[object], status: int) -> None:
        """The command's status is the exit status."""
        ends.append(status)
        assert cli.main(["doctor"]) == status

    def test_error(self, ends: list[object], capsys: pytest.CaptureFixture[str]) -> None:
        """An error for people is printed with its place and advice, without a traceback."""
        ends.append(CallgateError("no such field", where="a.h:3:7", hint="add it"))
        assert cli.main(["doctor"]) == 1
        assert capsys.readouterr() == ("", "callgate: a.h:3:7: no such field\n  add it\n")

    def test_debug(self, ends: list[object], capsys: pytest.CaptureFixture[str]) -> None:
        """--debug shows the traceback."""
        ends.append(CallgateError("no such field"))
        assert cli.main(["doctor", "--debug"]) == 1
        assert "Traceback" in capsys.readouterr().err

    def test_interrupt(self, ends: list[object], capsys: pytest.CaptureFixture[str]) -> None:
        """Ctrl-C ends with status 130 and one line."""
        ends.append(KeyboardInterrupt())
        assert cli.main(["doctor"]) == 130
        assert (
            capsys.readouterr().err == "\ncallgate: doctor interrupted; nothing half-done is kept\n"
        )

    def test_file_error(self, ends: list[object], capsys: pytest.CaptureFixture[str]) -> None:
        """A file that cannot be read is named, without a traceback."""
        ends.append(OSError(errno.EACCES, "Permission denied", "/secret.h"))
        assert cli.main(["doctor"]) == 1
        assert capsys.readouterr().err == "callgate: /secret.h: Permission denied\n"

    def test_memory(self, ends: list[object], capsys: pytest.CaptureFixture[str]) -> None:
        """Running out of memory is said in plain words."""
        ends.append(MemoryError())
        assert cli.main(["doctor"]) == 1
        assert "out of memory" in capsys.readouterr().err

    def test_defect(
        self,
        ends: list[object],
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        """An unexpected exception is called a defect, and its traceback is kept in a file."""
        monkeypatch.setattr(cli.tempfile, "tempdir", str(tmp_path))
        ends.append(ZeroDivisionError("by zero"))
        assert cli.main(["doctor"]) == 1
        err = capsys.readouterr().err
        assert "a defect of callgate, not of your input: ZeroDivisionError: by zero" in err
        kept = next(tmp_path.iterdir())
        assert str(kept) in err
        assert "Traceback" in kept.read_text()

    def test_terminated(self, tmp_path: Path) -> None:
        """SIGTERM unwinds as Ctrl-C does: what was being written is removed, the status is 143."""
        code = (
            "import sys, time, types\n"
            "from pathlib import Path\n"
            "from callgate import cli\n"
            "from callgate.files import atomic_directory\n"
            "def run(options, report) -> None:\n"
            "    with atomic_directory(Path(sys.argv[1]) / 'output') as folder:\n"
            "        (folder / 'half').write_text('half')\n"
            "        print('ready', flush=True)\n"
            "        time.sleep(60)\n"
            "cli.importlib.import_module = lambda name: types.SimpleNamespace(run=run)\n"
            "sys.exit(cli.main(['generate']))\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, list(tmp_path.iterdir())) == (143, [])
        assert err.count("\n") == 2
        assert "generate interrupted" in err

    def test_closed_pipe(self) -> None:
        """A reader that has seen enough, as head has, is no error to report."""
        done = subprocess.run(
            ["/bin/sh", "-c", '("$@"; echo "status $?" >&2) | head -c 1', "sh", *CALLGATE]
            + ["targets", "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "["
        assert done.stderr in {"status 141\n", "status 0\n"}  # 0: all fitted into the pipe


class TestTargets:
    """callgate targets."""

    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        """--json prints every target with its fields."""
        assert cli.main(["targets", "--json"]) == 0
        rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
        assert rows["x86_64-linux-gnu"]["libc"] == "glibc"
        assert rows["x86_64-linux-gnu"]["data_model"]["pointer"] == [8, 8]

    def test_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The table fits 80 columns and names every target unbroken."""
        assert cli.main(["targets"]) == 0
        out = capsys.readouterr().out
        assert max(map(len, out.splitlines())) <= 80
        assert "x86_64-linux-gnu" in out.split()


class TestDoctor:
    """callgate doctor."""

    def test_all_there(self) -> None:
        """Where the required things are there the status is 0, and their versions are shown."""
        done = _callgate("doctor", "--json")
        found = {row["name"]: row for row in json.loads(done.stdout)}
        assert done.returncode == 0
        assert found["Python"]["found"].startswith(sys.version.split()[0])
        assert found["ziglang"]["found"] == "0.17.0"
        assert {row["needed"] for row in found.values()} == {"yes", "tests", "no"}

    def test_lacking(self, tmp_path: Path) -> None:
        """What is lacking is followed by the command that mends it."""
        done = _callgate("doctor", PATH=str(tmp_path))
        assert done.returncode == 0, "the embedded LuaJIT is enough to generate"
        assert re.search(
            r"strace is needed by callgate test: .*apt-get install -y strace", done.stdout
        )
        assert re.search(r"clang would help: .*apt-get install -y clang", done.stdout)
        assert re.search(r"embedded LuaJIT +runs the library +yes +lupa\.luajit21", done.stdout)
        assert max(map(len, done.stdout.split("strace is")[0].splitlines())) <= 80

    def test_cache(self, tmp_path: Path) -> None:
        """A cache that cannot be written is lacking, and the status is 1."""
        blocked = tmp_path / "file"
        blocked.write_text("")
        done = _callgate("doctor", CALLGATE_CACHE=str(blocked / "cache"))
        assert done.returncode == 1
        assert "cache is needed" in done.stdout
        assert "CALLGATE_CACHE" in done.stdout


class TestLua:
    """callgate lua, on the installed and on the embedded LuaJIT."""

    @pytest.fixture(params=["installed", "embedded"])
    def lua(self, request: pytest.FixtureRequest, library: Path) -> list[str]:
        """Return the words that run Lua with the library."""
        assert tools.luajit(), "callgate test installs it"
        words = [*CALLGATE, "lua", "--library", str(library)]
        return [*words, "--embedded"] if request.param == "embedded" else words

    def _run(self, *words: str, stdin: str = "") -> tuple[int, str, str]:
        done = subprocess.run(
            words, input=stdin, capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, done.stdout, done.stderr

    def test_code(self, lua: list[str]) -> None:
        """-e runs code on a LuaJIT 2.1 that finds the library."""
        code = "print(require('callgate').answer, jit.version:match('^LuaJIT 2.1'))"
        assert self._run(*lua, "-e", code) == (0, "42\tLuaJIT 2.1\n", "")

    def test_script(self, lua: list[str], tmp_path: Path) -> None:
        """A script gets its name and arguments, options among them, as arg and as `...`."""
        script = tmp_path / "a script.lua"
        script.write_text("print(arg[0] == ..., select('#', ...), arg[0]:match('[^/]+$'), ...)")
        expected = "false\t2\ta script.lua\t--json\ta b\n"
        assert self._run(*lua, str(script), "--json", "a b") == (0, expected, "")

    def test_standard_input(self, lua: list[str]) -> None:
        """Without script and code the program is read from standard input."""
        assert self._run(*lua, stdin="io.write(6 * 7)") == (0, "42", "")

    def test_status(self, lua: list[str]) -> None:
        """The script's exit status is the command's, and its output is flushed."""
        assert self._run(*lua, "-e", "io.write('x') os.exit(7)") == (7, "x", "")

    def test_error(self, lua: list[str], tmp_path: Path) -> None:
        """A failing script ends with status 1, its message and a traceback."""
        script = tmp_path / "bad.lua"
        script.write_text("local t\nprint(t.x)\n")
        status, out, err = self._run(*lua, str(script))
        assert (status, out) == (1, "")
        assert "luajit: " in err
        assert "bad.lua:2: attempt to index local 't'" in err
        assert "stack traceback:" in err

    def test_syntax_error(self, lua: list[str]) -> None:
        """A syntax error is an error too."""
        status, _, err = self._run(*lua, "-e", "x = = 1")
        assert status == 1
        assert "unexpected symbol near '='" in err

    def test_interrupt(self, lua: list[str]) -> None:
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

    def test_no_library(self, tmp_path: Path) -> None:
        """A missing library is named together with the command that writes it."""
        done = _callgate("lua", "--library", str(tmp_path), "-e", "")
        assert done.returncode == 1
        assert f"{tmp_path}: there is no library here" in done.stderr
        assert "callgate generate" in done.stderr

    def test_wrong_luajit(self, library: Path) -> None:
        """A $LUAJIT that names no program is an error, not another LuaJIT."""
        done = _callgate("lua", "--library", str(library), "-e", "", LUAJIT="nope")
        assert (done.returncode, done.stdout) == (1, "")
        assert "LUAJIT=nope: not a program" in done.stderr

    def test_path_kept(self, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The user's LUA_PATH follows the library's."""
        monkeypatch.setenv("LUA_PATH", "mine/?.lua")
        path = luajit.environment(library)["LUA_PATH"]
        assert path == f"{library}/?.lua;{library}/?/init.lua;mine/?.lua"

    def test_path_refused(self, tmp_path: Path) -> None:
        """A path that LUA_PATH cannot express is refused."""
        with pytest.raises(CallgateError, match="Lua cannot load from here"):
            luajit.environment(tmp_path / "a;b")


class TestTest:
    """callgate test."""

    def test_outside_a_checkout(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An installed package says that the tests are part of the checkout."""
        monkeypatch.setattr(paths, "checkout", lambda: None)
        assert cli.main(["test"]) == 1
        assert "part of the checkout" in capsys.readouterr().err

    def test_missing_programs(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A user who may not install is told what is missing and the command that installs it."""
        monkeypatch.setattr(tools, "missing_packages", lambda: ["strace", "lua-check"])
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert cli.main(["test"]) == 1
        err = capsys.readouterr().err
        assert "the tests need the Debian packages strace, lua-check" in err
        assert "sudo apt-get install -y strace lua-check" in err
