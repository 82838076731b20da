"""A machine in qemu-system: a kernel of Debian's, LuaJIT and busybox in its memory."""

from __future__ import annotations

import fcntl
import os
import re
import select
import shutil
import subprocess
import tarfile
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import paths
from callgate.machines import initramfs
from callgate.machines.apt import Apt
from callgate.machines.chroot import ENVIRONMENT, LUAJIT_PLACES
from callgate.machines.emulator import emulator
from callgate.machines.frames import GarbledError, Reader
from callgate.machines.furnish import TOOLS
from callgate.machines.model import Lacking, Outcome
from callgate.machines.sysroot import make_sysroot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from callgate.machines.emulator import Emulator
    from callgate.machines.frames import Frame
    from callgate.machines.model import Job, Run
    from callgate.report import Reporter

MEMORY = 1024  # MiB
BOOT_SECONDS = 120  # until init answers; 2 to 10 on a quiet machine
GRACE_SECONDS = 30  # beyond a job's own limit, which the machine itself keeps
WORKERS = 2  # jobs at a time, one for each processor
DISPOSABLE = "CALLGATE_DISPOSABLE"  # tells specs that they may change the whole machine
KILLED = -9  # the status of a job that ended with its kernel
TAIL = 12  # lines of the console that an outcome shows

# A kernel package may only depend on the one that has the kernel: a meta-package on linux-image-*,
# that (since 7.0) on linux-binary-*.
_NEXT = re.compile(r"\blinux-(?:image|binary)-\d[\w.+-]*")
_TROUBLE = re.compile(r"Kernel panic|BUG:|Oops|Out of memory")
_IMAGE = re.compile(r"\./(boot/vmlinu[xz]-[^/]+|usr/lib/modules/[^/]+/vmlinu[xz])")


@dataclass(frozen=True, slots=True)
class SystemMachine:
    """A prepared kernel and root folder."""

    run: Run
    emulator: Emulator
    kernel: Path
    archive: Path  # the root folder, as initramfs.base returns it
    luajit: str  # in it, ex) "/usr/bin/luajit"

    def execute(
        self,
        jobs: Sequence[Job],
        folder: Path,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> list[Outcome]:
        """Run ``jobs`` in one boot, or in more when a job takes the kernel with it; see Machine."""
        ends = time.monotonic() + self.run.seconds
        outcomes: dict[int, Outcome] = {}

        def keep(outcome: Outcome, number: int) -> None:
            outcomes[number] = outcome
            progress(len(outcomes), len(jobs))

        workers, fruitless = WORKERS, 0
        while rest := {n: job for n, job in enumerate(jobs) if n not in outcomes}:
            before = len(outcomes)
            boot = _Boot(self, rest, keep)
            boot.go(folder, workers, ends)
            fruitless = 0 if len(outcomes) > before else fruitless + 1
            if fruitless > 1 and not boot.release:
                raise Lacking(
                    f"its kernel does not boot: {boot.why}",
                    where=f"{self.run.name}: {self.kernel.name}",
                    hint="delete the folder system in the cache, so that it is fetched again",
                )
            if fruitless > 1 or time.monotonic() >= ends:
                for number, job in rest.items():
                    if number not in outcomes:
                        keep(_lost(job, f"not run: {boot.why}"), number)
            workers = 1  # of two jobs that ran when a kernel ended: alone they tell which it was
        return [outcomes[number] for number in range(len(jobs))]


@dataclass(slots=True)
class _Boot:
    """One boot: started, listened to, ended."""

    machine: SystemMachine
    jobs: dict[int, Job]
    keep: Callable[[Outcome, int], None]
    release: str = ""  # of the kernel, once it is up
    why: str = ""  # it ended before all jobs had
    running: dict[int, float] = field(default_factory=dict)  # number -> when it began

    def go(self, folder: Path, workers: int, ends: float) -> None:
        """Run the jobs until all is done, the kernel ends or ``ends`` (of time.monotonic) comes.

        What a job printed is kept as it comes. A job is kept as lost if it surely was what ended
        the boot: it ran alone, or it is the one that did not keep its time.
        """
        machine = self.machine
        with tempfile.TemporaryDirectory(prefix="callgate-") as temporary:
            image, console = Path(temporary) / "initramfs", Path(temporary) / "console"
            given = {**ENVIRONMENT, DISPOSABLE: "1"}
            errand = initramfs.errand(list(self.jobs.items()), folder, machine.luajit, given)
            image.write_bytes(machine.archive.read_bytes() + errand)
            command = machine.emulator.words(
                machine.kernel, image, console, memory=MEMORY, workers=workers
            )
            with subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # at its end the serial port would count as unplugged
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # an interrupt from the keyboard is for us, who end it
            ) as process:
                try:
                    self._listen(process, ends)
                finally:
                    process.kill()
                said = process.stderr.read() if process.stderr else b""
            if self.why:
                shown = console.read_bytes() if console.exists() else b""
                self.why = "\n".join([self.why, *_tail(said), *_tail(shown)])
            self._blame(ends)

    def _listen(self, process: subprocess.Popen[bytes], ends: float) -> None:
        assert process.stdout  # noqa: S101 - it is a pipe
        stream, reader, started = process.stdout.fileno(), Reader(), time.monotonic()
        while True:
            limit, late = min(self._limits(started, ends))
            wait = max(0.0, limit - time.monotonic())
            if not select.select([stream], [], [], wait)[0]:
                self.why = late
                return
            data = os.read(stream, 1 << 16)
            if not data:
                self.why = "the kernel ended"
                return
            try:
                is_last = any(self._take(frame) for frame in reader.feed(data))
            except GarbledError as error:
                self.why = f"its answers are garbled: {error}"
                return
            if is_last:
                self.why = "it was begun, and its end was not told"  # of what still runs
                return

    def _limits(self, started: float, ends: float) -> list[tuple[float, str]]:
        """Return until when to wait, and what it means to have waited in vain."""
        limits = [(ends, f"the whole run's {self.machine.run.seconds} s were over")]
        if not self.release:
            limits.append((started + BOOT_SECONDS, f"no answer {BOOT_SECONDS} s after its start"))
        elif not self.running:
            limits.append((time.monotonic() + GRACE_SECONDS, "it starts no job"))
        for number, began in self.running.items():
            seconds = self.jobs[number].seconds + GRACE_SECONDS
            limits.append((began + seconds, f"the machine hung: no answer in {seconds} s"))
        return limits

    def _take(self, frame: Frame) -> bool:
        """Take note of a frame; True for the last."""
        number = frame.number
        if frame.kind == "boot":
            self.release = frame.release
        elif frame.kind == "begin" and number in self.jobs:
            self.running[number] = time.monotonic()
        elif frame.kind == "end" and number in self.running:
            seconds = time.monotonic() - self.running.pop(number)
            job = self.jobs[number]
            out, err = (text.decode(errors="replace") for text in (frame.stdout, frame.stderr))
            self.keep(Outcome(job, frame.status, out, err, seconds), number)
        return frame.kind == "all"

    def _blame(self, ends: float) -> None:
        now = time.monotonic()
        for number, began in self.running.items():
            job = self.jobs[number]
            hung = now >= began + job.seconds + GRACE_SECONDS
            if hung or now >= ends:
                self.keep(_lost(job, self.why, seconds=now - began), number)
            elif len(self.running) == 1:
                self.keep(_lost(job, self.why, KILLED, now - began), number)


def prepare_system(run: Run, report: Reporter) -> SystemMachine:
    """Fetch what ``run`` needs: the emulator, the kernel, the packages; raises Lacking."""
    folder = paths.cache_dir() / "system"
    folder.mkdir(parents=True, exist_ok=True)
    with (
        report.stage("prepare", run.name) as stage,
        (folder / f".{run.name}.lock").open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        program = emulator(run.qemu, run.name)
        kernel = _kernel(run, folder)
        root = make_sysroot(
            folder / run.name, Apt(run.debian, run.suite).fetch(*run.packages, TOOLS)
        )
        places = [f"/{place}" for place in LUAJIT_PLACES if (root / place).is_file()]
        if not places:
            raise Lacking("its packages have no luajit", where=run.name, hint="headers/runs.toml")
        archive = folder / f"{run.name}.cpio"
        archive.write_bytes(initramfs.base(root))
        stage.detail(f"{kernel.name}, qemu {program.version}")
    return SystemMachine(run, program, kernel, archive, places[0])


def _kernel(run: Run, folder: Path) -> Path:
    """Return the image of the kernel that the package ``run.kernel`` has or leads to."""
    name = run.kernel
    for _ in range(3):
        (package,) = Apt(run.debian, run.suite).fetch(name, closure=False)
        image = folder / f"{package.stem}.kernel"
        if image.is_file() or _take_kernel(package, image):
            return image
        needs = subprocess.run(
            ["dpkg-deb", "-f", package, "Depends"], capture_output=True, text=True, check=True
        ).stdout
        following = _NEXT.search(needs)
        if following is None:
            break
        name = following[0]
    raise Lacking(
        f"{run.kernel} has no kernel and leads to none",
        where=f"{run.name}: Debian {run.suite}, {run.debian}",
        hint=f"apt-cache show {run.kernel}; correct 'kernel' in headers/runs.toml",
    )


def _take_kernel(package: Path, image: Path) -> bool:
    """Write the kernel of ``package`` to ``image``; False if it has none."""
    fresh = image.with_name(f".{image.name}.{os.getpid()}")
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as data,
        tarfile.open(fileobj=data.stdout, mode="r|") as archive,
    ):
        for member in archive:
            stream = archive.extractfile(member) if _IMAGE.fullmatch(member.name) else None
            if stream:
                with fresh.open("wb") as target:
                    shutil.copyfileobj(stream, target)
                fresh.replace(image)
                data.kill()  # all its modules would follow
                return True
    return False


def _lost(job: Job, why: str, status: int | None = None, seconds: float = 0.0) -> Outcome:
    return Outcome(job, status, "", f"{why}\n", seconds)


def _tail(said: bytes) -> list[str]:
    """Return the last lines, after those that tell what came over the kernel."""
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    return [*filter(_TROUBLE.search, lines[:-TAIL]), *lines[-TAIL:]]
