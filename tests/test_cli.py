"""The command line: help, typos, and how a command ends."""

from __future__ import annotations

import errno
import importlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from callgate import __version__, cli
from callgate.errors import CallgateError

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter

CALLGATE = [sys.executable, "-P", "-m", "callgate"]
WORDS = [
    [],
    *([name] for name in cli.COMMANDS),
    *(["headers", a] for a in ("list", "import", "check")),
]


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
        words = shlex.split(example)[1:]
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
            "except SystemExit:\n"
            " print(sorted({'rich', 'pycparser', 'jinja2'} & set(sys.modules)))"
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
            (["--verbose", "bind", "x.h"], "--verbose goes after the command: callgate bind"),
            (["verify", "--shard", "3/2"], "expected I/N with 1 <= I <= N, as 2/4, not '3/2'"),
            (["generate", "--jobs", "0"], "expected a number from 1, not '0'"),
            (["generate", "--all", "x86_64-linux-gnu"], "not allowed with argument"),
            (["targets", "x"], "nothing takes the argument 'x'"),
            (["show"], "one of the arguments NAME --differing --untranslated --libc is required"),
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
        monkeypatch.setattr(importlib, "import_module", lambda _name: fake)
        monkeypatch.setattr(cli, "end_by_exception", lambda: None)
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
        said = "callgate: doctor interrupted; nothing half-done is kept"
        assert capsys.readouterr().err == f"\n{said}\n"

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
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        ends.append(ZeroDivisionError("by zero"))
        assert cli.main(["doctor"]) == 1
        err = capsys.readouterr().err
        assert "a defect of callgate, not of your input: ZeroDivisionError: by zero" in err
        kept = next(tmp_path.iterdir())
        assert str(kept) in err
        assert "Traceback" in kept.read_text()

    @pytest.mark.parametrize("to_all", [True, False], ids=["to all processes", "to the first"])
    @pytest.mark.parametrize(
        ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
    )
    def test_signal(
        self, tmp_path: Path, number: signal.Signals, status: int, *, to_all: bool
    ) -> None:
        """A signal ends the workers, removes what was being written, and is told in one line."""
        code = """
            import concurrent.futures, importlib, multiprocessing, sys, time, types
            from pathlib import Path
            from callgate import cli
            from callgate.files import atomic_directory
            def run(options, report):
                with atomic_directory(Path(sys.argv[1]) / "output") as folder:
                    (folder / "half").write_text("half")
                    fork = multiprocessing.get_context("fork")
                    with concurrent.futures.ProcessPoolExecutor(2, mp_context=fork) as pool:
                        pool.submit(time.sleep, 0).result()
                        print("ready", flush=True)
                        pool.submit(time.sleep, 3).result()
            importlib.import_module = lambda name: types.SimpleNamespace(run=run)
            sys.exit(cli.main(["generate"]))
        """
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        os.kill(-process.pid if to_all else process.pid, number)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, list(tmp_path.iterdir())) == (status, [])
        assert err == "\ncallgate: generate interrupted; nothing half-done is kept\n"

    @pytest.mark.parametrize("where", ["fork", "finalizer"])
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_signal_where_python_drops_exceptions(self, number: signal.Signals, where: str) -> None:
        """A signal during a fork or a finalizer ends the command, too."""
        code = """
            import importlib, os, sys, time, types
            from callgate import cli
            def kill():
                os.kill(os.getpid(), int(sys.argv[1]))
            class Finalized:
                __del__ = lambda self: kill()
            def run(options, report):
                if sys.argv[2] == "finalizer":
                    Finalized()
                elif child := os.fork():
                    os.waitpid(child, 0)
                else:
                    os._exit(0)
                time.sleep(30)
            if sys.argv[2] == "fork":  # hooks before a fork run last first: it is blocked then
                os.register_at_fork(before=kill)
            importlib.import_module = lambda name: types.SimpleNamespace(run=run)
            sys.exit(cli.main(["generate"]))
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), str(int(number)), where],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 128 + number
        assert done.stderr == "\ncallgate: generate interrupted; nothing half-done is kept\n"

    def test_closed_pipe(self) -> None:
        """A reader that has seen enough, as head has, is no error to report."""
        piped = '("$@"; echo "status $?" >&2) | head -c 1'
        done = subprocess.run(
            ["/bin/sh", "-c", piped, "sh", *CALLGATE, "targets", "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "["
        assert done.stderr in {"status 141\n", "status 0\n"}  # 0: all fitted into the pipe
