"""LuaJIT built from Debian's source package for the C libraries that Debian has none for."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from callgate import paths
from callgate.errors import CallgateError
from callgate.machines.apt import Apt
from callgate.machines.libc import SYSROOT, Libc
from callgate.machines.musl import musl
from callgate.machines.sysroot import make_sysroot
from callgate.machines.toolchain import FOLDER, HOST, Toolchain, held, key, open_toolchain
from callgate.machines.uclibc import ARCHITECTURES, uclibc

if TYPE_CHECKING:
    from pathlib import Path

    from callgate.machines.model import Run
    from callgate.report import Reporter

SOURCE_SUITE = "bookworm"
SOURCE = "luajit"
TOOLS = "busybox-static"
SECONDS = 600  # half a minute of processor time, on a busy machine
STEPS = 75  # about as many files are compiled

SCRIPT = """
cd source
make -j{jobs} {options}
make {options} DESTDIR={folder}/made LDCONFIG=: INSTALL_TNAME=luajit install
"""
# Not position-independent, as Libc.specs says.
OPTIONS = (
    "PREFIX=/usr",
    "BUILDMODE=static",
    "TARGET_SYS=Linux",
    f"'CC=gcc -specs={FOLDER}/specs -fno-pie -no-pie'",
)
# Debian's libgcc_eh needs glibc 2.35 (_dl_find_object), so LuaJIT unwinds its own frames alone.
NO_UNWIND = "XCFLAGS=-DLUAJIT_NO_UNWIND"
# vm_arm64.dasc describes its frames all the same, with the function that this leaves out.
UNUSED_PERSONALITY = "TARGET_LDFLAGS=-Wl,--defsym=lj_err_unwind_dwarf=0"


def build_luajit(run: Run, report: Reporter) -> Path:
    """Return a root folder with usr/bin/luajit, its C library and Debian's static busybox.

    It is built once for each source, compiler and C library. Raises Lacking where their packages
    cannot be had or the compilers do not run, CallgateError when the build fails.
    """
    libc = _libc(run, report)
    with report.stage("packages", f"LuaJIT and a compiler for {run.debian}"):
        toolchain = open_toolchain(run.debian)
        source = Apt(HOST, SOURCE_SUITE).source(SOURCE)
        (tools,) = Apt(run.debian, run.suite).fetch(TOOLS, closure=False)
    archives = sorted(path.name for path in source.glob("*.orig.tar.*"))
    options = options_for(toolchain)
    specs = libc.specs()
    made_of = (*archives, toolchain.root.name, libc.identity, tools.name, SCRIPT, options, specs)
    folder = paths.cache_dir() / "machines" / "luajit" / f"{run.name}-{key(*made_of)}"
    with held(folder), report.stage("luajit", run.name) as stage:
        stage.detail(libc.name)
        if folder.is_dir():
            return folder
        fresh = folder.with_name(f".{folder.name}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        try:
            shutil.copytree(source, fresh / "source")
            (fresh / "specs").write_text(specs, encoding="utf-8")
            toolchain.run(
                SCRIPT.format(jobs=os.cpu_count() or 1, options=options, folder=FOLDER),
                fresh,
                show={SYSROOT: libc.sysroot},
                seconds=SECONDS,
                stage=stage,
                steps=STEPS,
            )
            _furnish(fresh, libc, tools).rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


def options_for(toolchain: Toolchain) -> str:
    """Return make's options, quoted for a shell."""
    own = [f"CROSS={toolchain.prefix}", f"'HOST_CC={toolchain.host_cc}'", NO_UNWIND]
    if toolchain.arch == "arm64":
        own.append(UNUSED_PERSONALITY)
    return " ".join((*OPTIONS, *own))


def _libc(run: Run, report: Reporter) -> Libc:
    """Return the C library that the target's name asks for: "x86_64-linux-musl"."""
    machine, _, environment = run.target.split("-", 2)
    if environment.startswith("musl"):
        return musl(run.debian, run.suite)
    if environment.startswith("uclibc") and machine in ARCHITECTURES:
        return uclibc(machine, report)
    raise CallgateError(
        f"no LuaJIT is built for {run.target}",
        where=f"headers/runs.toml: [runs.{run.name}]",
        hint=f'luajit = "built" goes with musl, and with uClibc on {", ".join(ARCHITECTURES)}',
    )


def _furnish(folder: Path, libc: Libc, tools: Path) -> Path:
    """Make ``folder``/root of what was installed, the C library's runtime and busybox."""
    root = make_sysroot(folder / "root", [tools])
    for name in libc.runtime:
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(libc.sysroot / name, place, follow_symlinks=False)
    for name in ("usr/bin", "usr/share"):
        shutil.copytree(folder / "made" / name, root / name, symlinks=True, dirs_exist_ok=True)
    if not (root / "usr/bin/luajit").exists():
        raise CallgateError("the build made no usr/bin/luajit", where=str(folder))
    return root
