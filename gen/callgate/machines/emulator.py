"""qemu-system: the program, fetched if this machine has none, and what it is told for each board.

Every board is given what Debian's kernels have built in (their config files in /boot), so that no
module must be loaded: a virtio serial port for the frames, a console of the board's own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import paths
from callgate.machines.apt import Apt
from callgate.machines.model import Lacking
from callgate.machines.sysroot import make_sysroot

if TYPE_CHECKING:
    from collections.abc import Sequence

OLDEST = 11  # before, s390x' DIDBR, which LuaJIT's x % y is made of, rounds wrongly
SUITE = "sid"  # which has it
PORT = "callgate"  # the name of the virtio serial port, which init.sh looks for
LIBRARIES = ("usr/lib/{triple}", "usr/lib/{triple}/pulseaudio", "usr/lib")
FIRMWARE = ("usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu", "usr/share/opensbi")


@dataclass(frozen=True, slots=True)
class Board:
    """What qemu-system is told for one processor."""

    package: str  # Debian's package of the program
    words: tuple[str, ...]
    console: str  # the kernel's name of the board's own serial port
    serial: str = "virtio-serial-pci"  # the device that has virtio serial ports


# Processors have all that qemu can do ("max"), but for what makes it slow and no specs ask for:
# page tables of five levels, and pointer authentication in the architecture's own cipher.
BOARDS = {
    "x86_64": Board("qemu-system-x86", ("-M", "q35", "-cpu", "max,la57=off"), "ttyS0"),
    "aarch64": Board("qemu-system-arm", ("-M", "virt", "-cpu", "max,pauth-impdef=on"), "ttyAMA0"),
    # Debian's armmp has no LPAE: it sees nothing above 4 GB
    "arm": Board("qemu-system-arm", ("-M", "virt,highmem=off", "-cpu", "max"), "ttyAMA0"),
    "riscv64": Board("qemu-system-riscv", ("-M", "virt", "-cpu", "max"), "ttyS0"),
    "s390x": Board(
        "qemu-system-s390x",
        ("-M", "s390-ccw-virtio", "-cpu", "max"),
        "ttysclp0",
        "virtio-serial-ccw",
    ),
}


@dataclass(frozen=True, slots=True)
class Emulator:
    """A program that runs, and its board."""

    command: tuple[str, ...]  # with the loader and the libraries it needs
    board: Board
    version: str  # ex) "11.1.3"

    def words(
        self, kernel: Path, initramfs: Path, console: Path, *, memory: int, workers: int
    ) -> list[str]:
        """Return the command line of a boot; frames come from its standard output.

        ``console`` is the file that the kernel's messages go to, ``memory`` in MiB. The program
        ends when the kernel panics or the machine is switched off.
        """
        append = (
            f"console={self.board.console} quiet panic=-1 oops=panic random.trust_cpu=on "
            f"workers={workers}"
        )
        return [
            *self.command,
            *self.board.words,
            *("-accel", "tcg,thread=multi", "-smp", "2", "-m", f"{memory}M"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-run-with", "exit-with-parent=on"),
            *("-kernel", str(kernel), "-initrd", str(initramfs), "-append", append),
            *("-chardev", f"file,id=console,path={console}", "-serial", "chardev:console"),
            *("-device", self.board.serial, "-chardev", "stdio,id=frames,signal=off"),
            *("-device", f"virtserialport,chardev=frames,name={PORT}"),
        ]


def emulator(name: str, where: str) -> Emulator:
    """Return qemu-system-``name``: this machine's own if it is new enough, else Debian's.

    Raises Lacking, about ``where``, if neither can be had.
    """
    board = BOARDS.get(name)
    if board is None:
        raise Lacking(f"qemu-system-{name} has no board here", where=where, hint=", ".join(BOARDS))
    program = f"qemu-system-{name}"
    if own := shutil.which(program):
        version = _version([own])
        if version and int(version.partition(".")[0]) >= OLDEST:
            return Emulator((own,), board, version)
    command = _fetched(board.package, program, where)
    version = _version(command)
    if not version:
        hint = f"apt-get install {board.package}  # of {SUITE}; or delete the cache's qemu folder"
        raise Lacking(f"the fetched {program} does not run", where=where, hint=hint)
    return Emulator(tuple(command), board, version)


def _fetched(package: str, program: str, where: str) -> list[str]:
    """Unpack ``package`` with its libraries; return how ``program`` is started from there."""
    if not shutil.which("dpkg"):
        raise Lacking("dpkg is not here", where=where, hint=f"install {program} {OLDEST} or newer")
    host = _said(["dpkg", "--print-architecture"]).strip()
    debs = Apt(host, SUITE).fetch(package)
    key = hashlib.sha256("\n".join(path.name for path in debs).encode()).hexdigest()[:12]
    folder = paths.cache_dir() / "qemu" / f"{package}-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{package}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        make_sysroot(folder, debs)
    path = folder / "usr/bin" / program
    loader = _loader(path, folder)
    if not path.is_file() or loader is None:
        raise Lacking(f"{package} of {SUITE} has no {program}", where=where)
    triples = [loader.resolve().parent.name]
    libraries = [str(folder / place.format(triple=triples[0])) for place in LIBRARIES]
    firmware = [word for place in FIRMWARE for word in ("-L", str(folder / place))]
    return [str(loader), "--library-path", ":".join(libraries), str(path), *firmware]


def _loader(program: Path, folder: Path) -> Path | None:
    """Return the dynamic loader that ``program`` names (PT_INTERP), as it lies in ``folder``."""
    with program.open("rb") as stream:
        found = re.search(rb"/lib[\w]*/(?:[\w-]+/)?ld[\w.-]+\.so\.\d", stream.read(4096))
    path = folder / found[0].decode().lstrip("/") if found else None
    return path if path and path.exists() else None


def _version(command: Sequence[str]) -> str:
    found = re.search(r"version (\d+[\d.]*)", _said([*command, "--version"]))
    return found[1] if found else ""


def _said(command: Sequence[str]) -> str:
    """Return what a command prints, "" if it does not run."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
