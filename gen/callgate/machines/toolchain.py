"""Debian's C compilers in a root folder of their own, which builds run in.

The folder holds all that a build needs, so that it depends on nothing that is installed here; the
programs in it are those of one Debian suite, whatever this machine is.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import paths
from callgate.errors import CallgateError
from callgate.machines import jail
from callgate.machines.apt import Apt
from callgate.machines.model import SCRATCH, Lacking
from callgate.machines.sysroot import make_sysroot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from callgate.report import Stage

HOST = "amd64"  # what the compilers run on
HOST_MACHINE = "x86_64"
SUITE = "bookworm"  # its gcc 12 builds both uClibc-ng 1.0.35 and 1.0.54 without a patch
TOOLS = (
    "coreutils", "dash", "diffutils", "findutils", "gcc", "grep", "libc6-dev", "make", "mawk",
    "sed", "tar",
)  # fmt: skip
FOLDER = "/build"  # in the root: the build's own folder
STEP = re.compile(rb"^ *(?:AS|CC) ", re.MULTILINE)  # what make says of each file it compiles
POLL_SECONDS = 0.5
LOG_LINES = 6  # of a failed build, in the message

# Debian's architecture -> packages of its compiler, and what its programs' names start with. A
# 32-bit target also takes a compiler of 32-bit programs that run here: LuaJIT's code generator must
# have the target's pointer size.
CROSS: dict[str, tuple[tuple[str, ...], str]] = {
    "amd64": ((), ""),
    "arm64": (("gcc-aarch64-linux-gnu",), "aarch64-linux-gnu-"),
    "armel": (("gcc-arm-linux-gnueabi", "gcc-i686-linux-gnu"), "arm-linux-gnueabi-"),
    "armhf": (("gcc-arm-linux-gnueabihf", "gcc-i686-linux-gnu"), "arm-linux-gnueabihf-"),
    "i386": (("gcc-i686-linux-gnu",), "i686-linux-gnu-"),
}
HOST_32 = ("libc6-dev-i386-cross",)
HOST_CC_32 = "i686-linux-gnu-gcc -static"
NARROW = frozenset({"armel", "armhf", "i386"})


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Compilers for one architecture."""

    arch: str  # Debian's name, ex) "armhf"
    root: Path
    prefix: str  # ex) "arm-linux-gnueabihf-": the compiler is this and "gcc"

    @property
    def host_cc(self) -> str:
        """Return the compiler of programs that run here, of the target's pointer size."""
        return HOST_CC_32 if self.arch in NARROW else "gcc"

    def run(
        self,
        script: str,
        folder: Path,
        *,
        show: Mapping[str, Path] | None = None,
        seconds: int,
        stage: Stage,
        steps: int,
    ) -> None:
        """Run the shell script ``script`` in ``folder``, which is FOLDER there and may be written.

        ``show`` maps other folders of the root to folders of this machine. About ``steps`` files
        are to be compiled, for the progress. Raises CallgateError when it fails or does not end
        within ``seconds``; its output is kept.
        """
        log = paths.cache_dir() / "machines" / "logs" / f"{folder.name.strip('.')}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        for name in (FOLDER, *(show or {})):
            (self.root / name[1:]).mkdir(exist_ok=True)
        cell: jail.Cell = {
            "root": str(self.root),
            "show": {name: str(path) for name, path in (show or {}).items()},
            "write": {FOLDER: str(folder)},
            "scratch": SCRATCH,
            "qemu": "",
            "elf": "",
            "user": os.geteuid() != 0,
            "argv": ["/bin/dash", "-e", "-c", f"cd {FOLDER}\n{script}"],
            "environment": {"PATH": "/usr/bin:/usr/sbin", "HOME": SCRATCH, "LC_ALL": "C"},
        }
        said = _jailed(cell, log, seconds, stage, steps)
        if said == "0":
            return
        if said.startswith("!"):
            raise Lacking(
                f"no chroot in namespaces: {said[1:]}",
                where=stage.what,
                hint="run it as root, or in a container that may make namespaces (--privileged)",
            )
        last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
        why = "failed" if said else f"did not end within {seconds} s"
        raise CallgateError(
            "\n  ".join((f"the build {why}:", *last)),
            where=stage.what,
            hint=f"all that it said: {log}",
        )


def open_toolchain(arch: str) -> Toolchain:
    """Fetch and unpack the compilers for Debian's ``arch``; Lacking where they cannot run."""
    if platform.machine() != HOST_MACHINE:
        raise Lacking(
            f"a processor that runs Debian's compilers for {HOST} (this one is "
            f"{platform.machine()})",
            where=f"building for {arch}",
            hint="run it on an amd64 machine",
        )
    compilers, prefix = CROSS[arch]
    extra = HOST_32 if arch in NARROW else ()
    packages = Apt(HOST, SUITE).fetch(*TOOLS, *compilers, *extra)
    digest = key(*(path.name for path in packages))
    root = paths.cache_dir() / "machines" / "toolchains" / f"{arch}-{digest}"
    with held(root):
        make_sysroot(root, packages)
        awk = root / "usr/bin/awk"  # which mawk's installation script would have made
        if not awk.is_symlink():
            awk.symlink_to("mawk")
    return Toolchain(arch, root, prefix)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep other processes from making ``path`` at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def key(*parts: str) -> str:
    """Return a short hash of what something is made of."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _jailed(cell: jail.Cell, log: Path, seconds: int, stage: Stage, steps: int) -> str:
    """Return the wait status as a number, what the jail says after "!", or "": out of time."""
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as channel, log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", jail.__file__, str(theirs), json.dumps(cell)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(theirs,),
            start_new_session=True,
        )
        os.close(theirs)
        end = time.monotonic() + seconds
        try:
            while process.poll() is None:
                if time.monotonic() > end:
                    return ""
                time.sleep(POLL_SECONDS)
                stage.progress(min(len(STEP.findall(log.read_bytes())), steps), steps)
        finally:
            process.kill()  # and with it all that is in the jail
            process.wait()
        return channel.read().decode(errors="replace")
