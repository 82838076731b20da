"""``callgate test``: linters, type checker and all tests of the checkout, one after the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from callgate import paths, tools
from callgate.errors import CallgateError
from callgate.matrix import matrix

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from callgate.report import Reporter

WORKERS = 2
INSTALL_SECONDS = 600
REPEATED = 60  # lines of a failed step's output that are printed again at the end
KILL_SECONDS = 10  # between asking a step to end and killing it


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the test run."""

    name: str  # ex) "mypy"
    what: str  # ex) "types of gen and tests"
    command: tuple[str, ...]
    seconds: int  # its time limit
    slow: bool = False  # left out by --fast


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Run every step, also after one that fails; return 1 if any did.

    The last line printed is pytest's closing line. Raises CallgateError when something that the
    tests need is missing and cannot be installed.
    """
    root = paths.checkout()
    if root is None:
        hint = "clone the repository and run ./callgate test there"
        raise CallgateError("the tests are part of the checkout, not of the package", hint=hint)
    _prepare(report)
    failed: dict[str, list[str]] = {}  # step -> the end of its output
    closing = ""
    steps = _steps(fast=options.fast)
    if options.all:
        steps = _share(steps, options.shard) + _everywhere(options)
    for step in steps:
        report.note(f"{step.name} {step.what} ...")
        with report.stage(step.name, step.what, live=False) as stage:
            status, closing, tail = _run(step, root, report)
            stage.detail("failed" if status else "passed")
        if status:
            failed[f"{step.name} {step.what}"] = tail
        if closing and step.name != "pytest":
            report.result(closing)
    report.table()
    for name, tail in failed.items():
        report.result(f"failed: {name}; the end of its output:")
        for line in tail:
            report.result(f"    {line}")
    if failed:
        report.note(f"failed: {', '.join(failed)}")
    report.result(closing)
    return 1 if failed else 0


def _steps(*, fast: bool) -> list[Step]:
    python = (sys.executable, "-P", "-m")
    own = ("gen/callgate/runtime", "gen/callgate/bind", "gen/callgate/verify")
    lua = (*own, "output", "examples", "tests/lua")
    marked = ("-m", "not slow") if fast else ()
    # By file, since what a file's tests share (a generated library, a wheel) is made once then.
    pytest = (*python, "pytest", "-n", str(WORKERS), "--dist", "loadfile", *marked)
    steps = [
        Step("ruff", "lint", (*python, "ruff", "check", "--quiet", "."), 120),
        Step("ruff", "format", (*python, "ruff", "format", "--check", "--quiet", "."), 120),
        Step("mypy", "types", (*python, "mypy", "--no-error-summary"), 300, slow=True),
        Step("luacheck", "Lua, generated too", ("luacheck", "--quiet", "--no-color", *lua), 300),
        Step("pytest", "tests, Lua specs", pytest, 2400),
    ]
    return [step for step in steps if not (fast and step.slow)]


def _share(steps: list[Step], shard: tuple[int, int] | None) -> list[Step]:
    """Return the steps that need no target: the first machine takes them."""
    return steps if shard is None or shard[0] == 1 else []


def _everywhere(options: argparse.Namespace) -> list[Step]:
    """Return what the matrix adds: every target verified, and run on every tier."""
    callgate = (sys.executable, "-P", "-m", "callgate")
    shard = ("--shard", "{}/{}".format(*options.shard)) if options.shard else ()
    strict = ("--strict",) if options.strict else ()
    setups = [row.setup for row in matrix(paths.data_dir("headers")) if row.setup]
    steps = [Step("make", " ".join(words), (*callgate, *words), 420) for words in setups]
    verify = (*callgate, "verify", "--all", *shard, *strict)
    steps.append(Step("verify", "every target, compilers", verify, 600))
    if options.shard is None or options.shard[0] == 1:
        steps.append(Step("ledger", "no name lost", (*callgate, "ledger"), 300))
    for tier, seconds in (("native", 900), ("user", 2100), ("system", 1800)):
        run = (*callgate, "verify", "--run", "--all", "--tier", tier, *shard, *strict)
        steps.append(Step("run", f"Lua specs, tier {tier}", run, seconds))
        if tier == "native" and (options.shard is None or options.shard[0] == 1):
            covered = (*callgate, "coverage", "--check", *strict)
            steps.append(Step("coverage", "every call reached", covered, 300))
    return steps


def _prepare(report: Reporter) -> None:
    """Install what is missing, or say which command does."""
    if find_spec("pytest") is None:
        hint = "run ./callgate test in the checkout; it uses the versions of requirements.lock"
        raise CallgateError("pytest is not installed for this Python", hint=hint)
    packages = tools.missing_packages()
    if not packages:
        return
    command = tools.install_command(packages)
    missing = f"the tests need the Debian packages {', '.join(packages)}"
    if os.geteuid() != 0 or not tools.find(tools.APT):
        raise CallgateError(missing, hint=f"install them: {command}")
    with report.stage("set up", " ".join(packages)):
        # a new machine has no package lists yet, an old one stale ones
        for words in (["apt-get", "update", "-q"], [*command.split(), "-q"]):
            done = subprocess.run(
                words,
                check=False,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            )
    if done.returncode or tools.missing_packages():
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise CallgateError(f"{missing}; {command} failed", hint=" ".join(said))


def _run(step: Step, root: Path, report: Reporter) -> tuple[int, str, list[str]]:
    """Run a step, passing its output on but for the last line.

    Return its status, that last line, and the last lines of all.

    A step that exceeds its time is ended, fails, and its last line says so.
    """
    process = subprocess.Popen(
        step.command,
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # so that it can be ended with all its children
    )
    late = threading.Event()

    def expire() -> None:
        late.set()
        _end(process)

    timer = threading.Timer(step.seconds, expire)
    timer.start()
    tail: deque[str] = deque(maxlen=REPEATED)
    held: list[str] = []  # the last line that is not blank, and blank ones after it
    try:
        for line in process.stdout or ():
            if line.strip():
                for earlier in held:
                    report.result(earlier)
                held = []
                tail.append(line.rstrip())
            held.append(line.rstrip("\n"))
        status = process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:
            _end(process)
        if process.stdout:
            process.stdout.close()
    last = next(iter(held), "")
    if late.is_set():
        report.result(last)
        return 1, f"{step.name} {step.what} took more than {step.seconds} s and was ended", [*tail]
    return status, last, [*tail]


def _end(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(KILL_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
