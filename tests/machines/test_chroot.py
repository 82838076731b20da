"""Jobs on real machines: 32-bit ones, of this processor and, by qemu-user, of another."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callgate.machines.model import FOLDER, LUAJIT, SCRATCH, Job, Lacking

if TYPE_CHECKING:
    from callgate.machines.model import Machine, Outcome


def execute(machine: Machine, folder: Path, *jobs: Job) -> list[Outcome]:
    """Run ``jobs``; skip the test where this machine may not make namespaces."""
    try:
        return machine.execute(jobs, folder)
    except Lacking as error:
        pytest.skip(f"no namespaces here: {error}")


def sh(machine: Machine, folder: Path, command: str, seconds: int = 60) -> Outcome:
    """Run a shell command."""
    (outcome,) = execute(machine, folder, Job("sh", ("/bin/sh", "-c", command), seconds=seconds))
    return outcome


def test_luajit(machine: Machine, tmp_path: Path) -> None:
    """The machine's own LuaJIT runs a script of the folder, with arguments and environment."""
    (tmp_path / "a.lua").write_text(
        "print(jit.arch, require('ffi').abi '32bit', os.getenv 'X', ...)"
    )
    job = Job("a", (LUAJIT, f"{FOLDER}/a.lua", "one", "two"), (("X", "y"),))
    (outcome,) = execute(machine, tmp_path, job)
    assert outcome.status == 0, outcome.stderr
    arch = {"i386": "x86", "armhf": "arm"}[machine.run.debian]
    assert outcome.stdout.split() == [arch, "true", "y", "one", "two"]


def test_children(machine: Machine, tmp_path: Path) -> None:
    """Programs start programs, and scripts their interpreter."""
    command = (
        "cd /tmp && printf '#!/bin/sh\\necho $0 $1' > s && chmod +x s && ./s a && /bin/uname -m"
    )
    outcome = sh(machine, tmp_path, command)
    name = {"i386": "x86_64", "armhf": "armv7l"}[machine.run.debian]
    assert outcome.stdout.split() == ["./s", "a", name], outcome.stderr


def test_own_folder(machine: Machine, tmp_path: Path) -> None:
    """Each job starts in an empty folder of its own; what is shown, and the root, are read-only."""
    jobs = [
        Job(name, ("/bin/sh", "-c", f"pwd; ls; touch here {FOLDER}/x /usr/x; ls"))
        for name in ("first", "second")
    ]
    for outcome in execute(machine, tmp_path, *jobs):
        assert outcome.stdout.split() == [SCRATCH, "here"]
        assert outcome.stderr.count("Read-only file system") == 2
    assert not list(tmp_path.iterdir())


def test_alone(machine: Machine, tmp_path: Path) -> None:
    """A job sees no process but its own, and a network of just a loopback."""
    outcome = sh(
        machine, tmp_path, "ls /proc | grep -c '^[0-9]'; ifconfig | grep -c encap; echo > /dev/null"
    )
    processes, interfaces = map(int, outcome.stdout.split())
    assert processes <= 5
    assert interfaces == 1
    assert outcome.status == 0


def test_descriptors(machine: Machine, tmp_path: Path) -> None:
    """A job has the standard streams and nothing that is the jail's."""
    outcome = sh(machine, tmp_path, "ls /dev/fd")
    assert outcome.stdout.split() == ["0", "1", "2", "3"]  # and the folder that is listed


@pytest.mark.parametrize(("command", "status"), [("exit 7", 7), ("kill -9 $$", -9), ("true", 0)])
def test_status(machine: Machine, tmp_path: Path, command: str, status: int) -> None:
    """An outcome has the exit status, or the signal as a negative number."""
    assert sh(machine, tmp_path, command).status == status


def test_time_limit(machine: Machine, tmp_path: Path) -> None:
    """A job that exceeds its time is ended, with all its children, and has no status."""
    start, mark = time.monotonic(), 100000 + os.getpid()  # other machines are tried meanwhile
    outcome = sh(machine, tmp_path, f"echo begun; sleep {mark} & sleep {mark}", seconds=2)
    assert outcome.status is None
    assert outcome.stdout == "begun\n"
    assert time.monotonic() - start < 30
    assert not any(
        f"sleep\x00{mark}" in text for text in map(command_line, Path("/proc").glob("[0-9]*"))
    )


def command_line(process: Path) -> str:
    """Return the words of a process, each ended by NUL; "" where it is gone."""
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""


def test_no_program(machine: Machine, tmp_path: Path) -> None:
    """A program that is not there is an outcome, as a shell's: 127 and a message."""
    (outcome,) = execute(machine, tmp_path, Job("a", ("/no/such",)))
    assert (outcome.status, outcome.stderr) == (127, "/no/such: No such file or directory\n")
