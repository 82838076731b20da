"""What a machine is: a row of headers/runs.toml, and a way to run jobs on what it describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

LUAJIT = "luajit"  # as the first word of a job: the machine's own LuaJIT
TIERS = ("native", "user", "system")
FOLDER = "/callgate"  # where a machine shows the folder given to execute()
SCRATCH = "/tmp"  # noqa: S108 - inside the machine: each job's own empty folder, its working folder


@dataclass(frozen=True, slots=True)
class Run:
    """One row of headers/runs.toml: which LuaJIT runs the library where."""

    name: str  # ex) "armhf-glibc"
    target: str  # ex) "arm-linux-gnueabihf", a row of targets.toml
    tier: str  # "native" | "user" (qemu-user in a chroot) | "system" (a kernel in qemu-system)
    debian: str  # the Debian architecture of its packages, ex) "armhf"
    suite: str  # the Debian suite of its packages, ex) "trixie"
    luajit: str  # "package" | "built" (from Debian's source) | "lupa"
    packages: tuple[str, ...] = ()  # Debian packages that its root folder is made of
    qemu: str = ""  # ex) "arm": the program is qemu-arm or qemu-system-arm
    kernel: str = ""  # ex) "linux-image-arm64": a package, or a pattern of packages, of the suite
    jit: tuple[str, ...] = ("on", "off")  # the specs run with the compiler so, where there is one
    facts: bool = True  # whether LuaJIT is asked what the library says; kernels do not change that
    seconds: int = 600  # the whole run's time limit


@dataclass(frozen=True, slots=True)
class Job:
    """One program to run on a machine."""

    name: str  # unique in its run, ex) "tests/lua/fd_spec.lua, JIT off"
    argv: tuple[str, ...]  # ex) ("luajit", "/callgate/tests/lua/runner.lua", ...)
    environment: tuple[tuple[str, str], ...] = ()  # beside PATH, HOME and TMPDIR
    seconds: int = 120


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job."""

    job: Job
    status: int | None  # the exit status, negative for a signal; None: its time ran out
    stdout: str
    stderr: str
    seconds: float


class Machine(Protocol):
    """A prepared machine."""

    @property
    def run(self) -> Run:
        """The row that it was made from."""

    def execute(
        self,
        jobs: Sequence[Job],
        folder: Path,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> list[Outcome]:
        """Run ``jobs`` and return an outcome for each, in their order.

        The machine shows ``folder`` as FOLDER, read-only, and each job runs in an empty folder of
        its own. Raises Lacking when the machine cannot run at all.
        """


class Lacking(CallgateError):  # noqa: N818 - it is no error of the row
    """Something that this machine lacks to run a row; the hint is the command that mends it."""
