"""Machines in qemu-system: what becomes of jobs whatever the kernel does, and one real boot."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from callgate import paths
from callgate.machines import emulator, system
from callgate.machines.apt import Apt
from callgate.machines.emulator import BOARDS, Emulator
from callgate.machines.model import SCRATCH, Job, Lacking, Run
from callgate.machines.system import KILLED, SystemMachine, prepare_system
from callgate.machines.table import load_runs
from callgate.report import Reporter

HEADERS = paths.data_dir("headers")
RUN = Run("r", "t", "system", "amd64", "sid", "package", ("luajit",), "x86_64", "k", seconds=20)

# Instead of qemu-system: reads the list of jobs from the archive and answers as init.sh does, but
# for jobs that have the name of a fault. Two at a time are begun, then both ended.
GUEST = r"""
import re, sys, time
image, console, workers = sys.argv[1], sys.argv[2], int(sys.argv[3])
archive = open(image, "rb").read()
jobs = [int(n) for n in re.findall(rb"(\d+) \d+\n", archive[archive.rindex(b"tasks/list"):])]
script = lambda n: re.search(rb"tasks/%d\.sh\0+(cd [^\0]*)" % n, archive)[1].decode()
def say(line, more=""):
    sys.stdout.write(line + "\n" + more); sys.stdout.flush()
say("boot 7.2.13") if "never-up" not in script(jobs[0]) else time.sleep(60)
while jobs:
    now, jobs = jobs[:workers], jobs[workers:]
    for n in now:
        say(f"begin {n}")
    for n in now:
        if "crash" in script(n):
            open(console, "w").write("[ 1.0] Kernel panic - not syncing\n" + "[ 1.1] trace\n" * 30)
            sys.exit()
        if "hang" in script(n):
            time.sleep(60)
        if "truncated" in script(n):
            say(f"end {n} 0 100 0", "ok 1")
            sys.exit()
        if "garbled" in script(n):
            say("something else")
            time.sleep(60)
        if "forgotten" in script(n):
            continue
        late = "late" in script(n)
        say(f"end {n} {'late' if late else 0} 3 2", f"o{n}\ne{n}\n")
say("all")
time.sleep(60)
"""


class FakeEmulator(Emulator):
    """Starts GUEST."""

    def words(
        self,
        kernel: Path,  # noqa: ARG002 - as qemu's
        initramfs: Path,
        console: Path,
        *,
        memory: int,  # noqa: ARG002
        workers: int,
    ) -> list[str]:
        """Return the command line of GUEST."""
        return [*self.command, str(initramfs), str(console), str(workers)]


@pytest.fixture
def machine(tmp_path: Path) -> SystemMachine:
    """Return a machine whose kernel is GUEST."""
    (tmp_path / "archive").write_bytes(b"")
    guest = FakeEmulator((sys.executable, "-c", textwrap.dedent(GUEST)), BOARDS["x86_64"], "11")
    return SystemMachine(RUN, guest, tmp_path / "vmlinuz", tmp_path / "archive", "/usr/bin/luajit")


def results(
    machine: SystemMachine, folder: Path, *names: str
) -> tuple[dict[str, int | None], dict[str, str]]:
    """Return name -> status and name -> errors of jobs with these names."""
    (folder / "shown").mkdir()
    seen: list[tuple[int, int]] = []
    jobs = [Job(name, ("luajit", name), seconds=1) for name in names]
    found = machine.execute(jobs, folder / "shown", lambda *counts: seen.append(counts))
    assert [outcome.job for outcome in found] == jobs
    assert seen == [(n, len(jobs)) for n in range(1, len(jobs) + 1)]
    for number, outcome in enumerate(found):
        assert outcome.stdout == (f"o{number}\n" if outcome.stderr == f"e{number}\n"[:2] else "")
    statuses = {outcome.job.name: outcome.status for outcome in found}
    return statuses, {outcome.job.name: outcome.stderr for outcome in found}


def test_all(machine: SystemMachine, tmp_path: Path) -> None:
    """Each job has its own status and streams, in the order of the jobs; a late one no status."""
    statuses, errors = results(machine, tmp_path, "a", "b", "late", "c")
    assert statuses == {"a": 0, "b": 0, "late": None, "c": 0}
    assert errors == {"a": "e0", "b": "e1", "late": "e2", "c": "e3"}


@pytest.mark.parametrize("place", range(4))
def test_crash(machine: SystemMachine, tmp_path: Path, place: int) -> None:
    """The job that takes the kernel with it is found out, with its panic; the others still run."""
    names = ["a", "b", "c"]
    names.insert(place, "crash")
    statuses, errors = results(machine, tmp_path, *names)
    assert statuses == {"a": 0, "b": 0, "c": 0, "crash": KILLED}
    lines = errors["crash"].splitlines()
    assert lines[:2] == ["the kernel ended", "[ 1.0] Kernel panic - not syncing"]
    assert len(lines) == 2 + system.TAIL


def test_two_crashes(machine: SystemMachine, tmp_path: Path) -> None:
    """Two that end it are both found out."""
    statuses, _ = results(machine, tmp_path, "crash 1", "crash 2", "a")
    assert statuses == {"crash 1": KILLED, "crash 2": KILLED, "a": 0}


def test_hang(machine: SystemMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that no longer answers costs the job that ran, and says so."""
    monkeypatch.setattr(system, "GRACE_SECONDS", 2)
    statuses, errors = results(machine, tmp_path, "a", "b", "hang")
    assert statuses == {"a": 0, "b": 0, "hang": None}
    assert errors["hang"] == "the machine hung: no answer in 3 s\n"


def test_truncated(machine: SystemMachine, tmp_path: Path) -> None:
    """An answer that is not whole is none."""
    statuses, errors = results(machine, tmp_path, "a", "b", "truncated")
    assert statuses == {"a": 0, "b": 0, "truncated": KILLED}
    assert errors["truncated"] == "the kernel ended\n"


def test_garbled(machine: SystemMachine, tmp_path: Path) -> None:
    """What is no answer is shown."""
    statuses, errors = results(machine, tmp_path, "a", "b", "garbled")
    assert statuses == {"a": 0, "b": 0, "garbled": KILLED}
    assert errors["garbled"] == "its answers are garbled: no frame: b'something else'\n"


def test_forgotten(machine: SystemMachine, tmp_path: Path) -> None:
    """A job that the machine says nothing more of has not passed."""
    statuses, errors = results(machine, tmp_path, "a", "forgotten")
    assert statuses == {"a": 0, "forgotten": KILLED}
    assert errors["forgotten"] == "it was begun, and its end was not told\n"


def test_no_boot(machine: SystemMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that does not come up is a thing lacking."""
    monkeypatch.setattr(system, "BOOT_SECONDS", 3)
    with pytest.raises(Lacking, match="its kernel does not boot: no answer 3 s after its start"):
        results(machine, tmp_path, "never-up")


def test_time(machine: SystemMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the whole run's time is over, what did not run or end has no status."""
    monkeypatch.setattr(system, "GRACE_SECONDS", 60)
    machine = replace(machine, run=replace(RUN, seconds=8))
    statuses, errors = results(machine, tmp_path, "a", "hang", "b")
    assert statuses == {"a": 0, "hang": None, "b": None}
    assert errors["hang"] == "the whole run's 8 s were over\n"
    assert errors["b"] == "not run: the whole run's 8 s were over\n"


def test_rows() -> None:
    """Every row of tier "system" has a board."""
    rows = [run for run in load_runs(HEADERS / "runs.toml").values() if run.tier == "system"]
    assert {run.debian for run in rows} == {"amd64", "arm64", "armhf", "riscv64", "s390x"}
    assert all(run.qemu in BOARDS for run in rows)


def test_no_board() -> None:
    """A processor without a board names those that have one."""
    with pytest.raises(Lacking, match="qemu-system-vax has no board here") as error:
        emulator.emulator("vax", "vax-system")
    assert error.value.hint == "x86_64, aarch64, arm, riscv64, s390x"


@pytest.mark.parametrize(("version", "own"), [("11.0.1", True), ("7.2.22", False)])
def test_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, own: bool) -> None:
    """The machine's own qemu-system is used if it is new enough."""
    program = tmp_path / "qemu-system-s390x"
    program.write_text(f"#!/bin/sh\necho QEMU emulator version {version} 'Debian 1:1.2'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if own:
        found = emulator.emulator("s390x", "row")
        assert (found.command, found.version) == ((str(program),), version)
    else:
        with pytest.raises(Lacking, match="dpkg is not here") as error:
            emulator.emulator("s390x", "row")
        assert error.value.hint == "install qemu-system-s390x 11 or newer"


def test_words() -> None:
    """The kernel is told its console and the number of workers, and may not restart."""
    board = BOARDS["s390x"]
    words = Emulator(("qemu",), board, "11").words(
        Path("k"), Path("i"), Path("c"), memory=512, workers=2
    )
    assert words[0] == "qemu"
    assert words[words.index("-append") + 1].split()[0] == "console=ttysclp0"
    assert "workers=2" in words[words.index("-append") + 1].split()
    assert {"-no-reboot", "512M", "virtio-serial-ccw"} <= set(words)


@pytest.mark.slow
def test_boot(tmp_path: Path) -> None:
    """Debian's newest kernel boots, and jobs are root on it: 7.2 or later, read-only folder."""
    run = load_runs(HEADERS / "runs.toml")["amd64-system"]
    try:
        Apt(run.debian, run.suite).fetch(run.kernel, closure=False)
    except Lacking as error:
        pytest.skip(str(error))
    machine = prepare_system(run, Reporter(quiet=True))
    (tmp_path / "a.lua").write_text(
        "local ffi = require 'ffi'\n"
        "ffi.cdef 'int syscall(long, ...); int geteuid(void);'\n"
        "local names = ffi.new 'char[6][65]'\n"
        "assert(ffi.C.syscall(63, names) == 0)\n"
        "print(ffi.string(names[2]), ffi.string(names[4]), ffi.C.geteuid())\n"
    )
    (tmp_path / "b.lua").write_text("print(os.getenv 'A', ...)")
    jobs = [
        Job("uname", ("luajit", "/callgate/a.lua")),
        Job("words", ("luajit", "/callgate/b.lua", "it's"), (("A", "b\nc"),)),
        Job("read-only", ("/bin/sh", "-c", "pwd; ls; echo >x; echo >/callgate/x")),
        Job("signal", ("/bin/sh", "-c", "kill -SEGV $$")),
        Job("late", ("/bin/sh", "-c", "echo begun; trap '' TERM; sleep 100 & wait"), seconds=2),
        Job("crash", ("/bin/sh", "-c", "echo c >/proc/sysrq-trigger; sleep 9"), seconds=9),
        Job("after", ("luajit", "-e", "io.write(('x'):rep(1e6))")),
    ]
    found = {outcome.job.name: outcome for outcome in machine.execute(jobs, tmp_path)}
    release, hardware, user = found["uname"].stdout.split()
    assert tuple(int(part) for part in release.split(".")[:2]) >= (7, 2)
    assert (hardware, user) == ("x86_64", "0")
    assert found["words"].stdout == "b\nc\tit's\n"
    assert found["read-only"].status == 1
    assert found["read-only"].stdout == f"{SCRATCH}\n"
    assert "Read-only file system" in found["read-only"].stderr
    assert found["signal"].status == -11
    assert (found["late"].status, found["late"].stdout) == (None, "begun\n")
    assert found["crash"].status == KILLED
    assert "Kernel panic" in found["crash"].stderr
    assert (found["after"].status, found["after"].stdout) == (0, "x" * 10**6)
