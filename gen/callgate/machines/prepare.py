"""From a row of headers/runs.toml to a machine that runs jobs; all is fetched and kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from callgate import paths
from callgate.machines.apt import Apt
from callgate.machines.build import build_luajit
from callgate.machines.chroot import ChrootMachine
from callgate.machines.embedded import EmbeddedMachine
from callgate.machines.furnish import TOOLS, furnish
from callgate.machines.mips import mark_fp32
from callgate.machines.model import Lacking
from callgate.machines.sysroot import make_sysroot
from callgate.machines.system import prepare_system

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from callgate.machines.model import Machine, Run
    from callgate.report import Reporter

# Versions before 10 lack LoongArch instructions, those before 11 s390x' DIDBR, LuaJIT's x % y.
QEMU_SUITE = "sid"
QEMU_PACKAGE = "qemu-user"  # static; its version is a part of the folder's name

# Debian's architecture -> what platform.machine() may be on a machine that runs it by itself.
NATIVE = {"amd64": ("x86_64",), "i386": ("x86_64", "i386", "i686"), "arm64": ("aarch64",)}


def prepare(run: Run, report: Reporter) -> Machine:
    """Fetch, unpack and build what ``run`` needs; raises Lacking for what cannot be had here."""
    if run.tier == "system":
        return prepare_system(run, report)
    if run.tier == "native" and platform.machine() not in NATIVE.get(run.debian, ()):
        raise Lacking(
            f"a processor that runs {run.debian} (this one is {platform.machine()})",
            where=run.name,
            hint=f"run it on a machine of that kind: callgate verify --run {run.name}",
        )
    if run.luajit == "lupa":
        return EmbeddedMachine(run)
    if run.luajit == "built":
        return _chroot(run, build_luajit(run, report))
    with report.stage("prepare", run.name) as stage:
        machine = _chroot(run, roots() / run.name)
        stage.detail(f"Debian {run.suite}")
    return machine


def _chroot(run: Run, root: Path) -> ChrootMachine:
    """Fill ``root`` from packages unless it was built, and add what specs need."""
    with _locked(run):
        if run.luajit == "package":
            apt = Apt(run.debian, run.suite)
            make_sysroot(root, [*apt.fetch(*run.packages), *apt.fetch(TOOLS, closure=False)])
            if run.debian in {"mips", "mipsel"}:
                mark_fp32(root / "usr/bin/luajit")
        qemu = _qemu(run) if run.tier == "user" else None
        machine = ChrootMachine(run, root, qemu, workers=os.cpu_count() or 1)
        furnish(machine)
    return machine


def roots() -> Path:
    """Return the folder of all root folders."""
    return paths.cache_dir() / "roots"


@contextmanager
def _locked(run: Run) -> Iterator[None]:
    """Keep two processes from making the same root folder."""
    roots().mkdir(parents=True, exist_ok=True)
    with (roots() / f".{run.name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _qemu(run: Run) -> Path:
    host = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    ).stdout.strip()
    (package,) = Apt(host, QEMU_SUITE).fetch(QEMU_PACKAGE, closure=False)
    folder = paths.cache_dir() / "qemu" / hashlib.sha256(package.name.encode()).hexdigest()[:12]
    with (paths.cache_dir() / ".qemu.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        make_sysroot(folder, [package])
    program = folder / "usr/bin" / f"qemu-{run.qemu}"
    if not program.is_file():
        raise Lacking(f"{package.name} has no qemu-{run.qemu}", where=run.name)
    return program
