"""A root folder as a machine: programs run in it by themselves (native) or by qemu-user (user)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from callgate.machines import jail
from callgate.machines.model import FOLDER, LUAJIT, SCRATCH, Lacking, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from callgate.machines.model import Job, Run

LUAJIT_PLACES = ("usr/bin/luajit", "usr/local/bin/luajit")
ELF_START = 20  # bytes up to e_machine and with it
EI_CLASS, ELFCLASS64 = 4, 2
# A program of qemu-user's lies between the host's libraries unless it has a space of its own, and
# LuaJIT on mips finds no room for machine code within a jump's reach there, one time in three.
SPACE = "0x4000000000"
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "HOME": "/root",
    "TMPDIR": SCRATCH,
    "LC_ALL": "C",
}


@dataclass(frozen=True, slots=True)
class ChrootMachine:
    """A prepared root folder."""

    run: Run
    root: Path
    qemu: Path | None = None  # static; None where the processor runs the root's programs itself
    workers: int = 2

    def execute(
        self,
        jobs: Sequence[Job],
        folder: Path,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> list[Outcome]:
        """Run ``jobs``, each in a jail of its own; see Machine.

        What the row's time limit leaves no time for has no status, as a job that exceeds its own.
        """
        end = time.monotonic() + self.run.seconds
        outcomes: dict[str, Outcome] = {}
        pool = ThreadPoolExecutor(max_workers=self.workers)
        try:
            tasks = [pool.submit(self._one, job, folder, end) for job in jobs]
            for done, task in enumerate(as_completed(tasks), 1):
                outcome = task.result()
                outcomes[outcome.job.name] = outcome
                progress(done, len(tasks))
        finally:
            pool.shutdown(cancel_futures=True)
        return [outcomes[job.name] for job in jobs]

    def luajit(self) -> str:
        """Return the path of the root's LuaJIT, as seen in it."""
        for place in LUAJIT_PLACES:
            if (self.root / place).is_file():
                return f"/{place}"
        raise Lacking("the root folder has no luajit", where=f"{self.run.name}: {self.root}")

    def _one(self, job: Job, folder: Path, end: float) -> Outcome:
        luajit = self.luajit()
        words = [luajit if word == LUAJIT and not n else word for n, word in enumerate(job.argv)]
        start = _start_of(self.root / luajit[1:])
        environment = {**ENVIRONMENT, **dict(job.environment)}
        if self.qemu and start[EI_CLASS] == ELFCLASS64:
            environment["QEMU_RESERVED_VA"] = SPACE
        cell: jail.Cell = {
            "root": str(self.root),
            "show": {FOLDER: str(folder.absolute())},
            "scratch": SCRATCH,
            "qemu": str(self.qemu or ""),
            "elf": start.hex(),
            "user": self.qemu is not None or os.geteuid() != 0,
            "argv": words,
            "environment": environment,
        }
        begun = time.monotonic()
        if begun >= end:
            return Outcome(job, None, "", f"{self.run.name} took {self.run.seconds} s", 0.0)
        said, done = _jailed(cell, min(job.seconds, end - begun))
        seconds = time.monotonic() - begun
        if said.startswith("!"):
            raise Lacking(
                f"no chroot in namespaces: {said[1:]}", where=self.run.name, hint=_mending()
            )
        status = os.waitstatus_to_exitcode(int(said)) if said else None
        return Outcome(job, status, done[0], done[1], seconds)


def _jailed(cell: jail.Cell, seconds: float) -> tuple[str, tuple[str, str]]:
    """Return what the jail says of itself, and the program's output and errors."""
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as channel:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", jail.__file__, str(theirs), json.dumps(cell)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            pass_fds=(theirs,),
            start_new_session=True,
        )
        os.close(theirs)
        try:
            done = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()  # and with it all that is in the jail
            return "", process.communicate()
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return channel.read().decode(errors="replace"), done


def _start_of(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(ELF_START)


def _mending() -> str:
    if os.geteuid() != 0:
        return (
            "run it as root, or allow user namespaces: sysctl "
            "kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0"
        )
    return "run it on a machine that may make namespaces and mounts (a container: --privileged)"
