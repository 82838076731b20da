"""uClibc-ng sysroots: the C library's headers, objects and loader, built from Debian's source.

Debian packages only the source (uclibc-source), so that each user chooses what to build: CONFIG
here. The kernel's headers are those of Debian's linux-libc-dev of the same suite.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import paths
from callgate.errors import CallgateError
from callgate.machines.apt import Apt
from callgate.machines.libc import Libc
from callgate.machines.model import Lacking
from callgate.machines.sysroot import unpack
from callgate.machines.toolchain import FOLDER, HOST, held, key, open_toolchain

if TYPE_CHECKING:
    from callgate.report import Reporter

SUITES = ("sid", "trixie")  # with uClibc-ng 1.0.54 and 1.0.35: the first that can be had
PACKAGE = "uclibc-source"
KERNEL_PACKAGE = "linux-libc-dev"
SECONDS = 1200  # a minute or two of processor time, on a busy machine
STEPS = 1700  # about as many files are compiled
VERSION = re.compile(r"uClibc-ng-([\d.]+)\.tar\.")


@dataclass(frozen=True, slots=True)
class Architecture:
    """What uClibc-ng needs to know of a processor."""

    debian: str  # of the compiler, ex) "armhf"
    loader: str  # the dynamic loader in /lib, ex) "ld-uClibc.so.1"
    multiarch: str  # Debian's folder of the kernel's asm/ headers, ex) "arm-linux-gnueabihf"
    config: tuple[str, ...]  # further lines of .config


ARCHITECTURES = {
    "x86_64": Architecture("amd64", "ld64-uClibc.so.1", "x86_64-linux-gnu", ()),
    "i386": Architecture("i386", "ld-uClibc.so.1", "i386-linux-gnu", ("CONFIG_686=y",)),
    "arm": Architecture(
        "armhf",
        "ld-uClibc.so.1",
        "arm-linux-gnueabihf",
        ("CONFIG_ARM_EABI=y", "ARCH_WANTS_LITTLE_ENDIAN=y"),
    ),
}

# What differs from uClibc-ng's defaults (its extra/Configs/Config.in says what each is).
CONFIG = (
    'KERNEL_HEADERS="/build/uapi"',
    'RUNTIME_PREFIX="/"',
    'DEVEL_PREFIX="/usr/"',
    "DO_C99_MATH=y",  # else there is no mathematical function at all
    "DO_XSI_MATH=y",
    "UCLIBC_HAS_FENV=y",
    "UCLIBC_HAS_THREADS_NATIVE=y",
    "PTHREADS_DEBUG_SUPPORT=y",
    # Debian's ld makes only the GNU hash table; without it no symbol is found at run time
    "LDSO_GNU_HASH_SUPPORT=y",
    "UCLIBC_HAS_LFS=y",
    "UCLIBC_HAS_IPV6=y",
    "UCLIBC_HAS_WCHAR=y",
    "UCLIBC_HAS_CONTEXT_FUNCS=y",  # without them there is no <ucontext.h>
    "UCLIBC_SUSV2_LEGACY=y",
    "UCLIBC_SUSV3_LEGACY=y",
    "UCLIBC_SUSV4_LEGACY=y",
    "UCLIBC_HAS_LIBUTIL=y",
    "UCLIBC_HAS_UTMPX=y",
    "UCLIBC_HAS_FTW=y",
    "UCLIBC_HAS_NFTW=y",
    "UCLIBC_HAS_WORDEXP=y",
    "UCLIBC_HAS_GNU_GLOB=y",
    "UCLIBC_NTP_LEGACY=y",
    "UCLIBC_SV4_DEPRECATED=y",
    "UCLIBC_HAS_PROGRAM_INVOCATION_NAME=y",
    "UCLIBC_HAS_BSD_RES_CLOSE=y",
    'UCLIBC_EXTRA_CFLAGS="-fcommon"',  # several of its files define the same variables
    "DOSTRIP=y",
)

# uapi/ and the source are in the folder; the answers to questions that CONFIG leaves are defaults.
SCRIPT = """
cd source
cp ../config .config
make ARCH={arch} olddefconfig </dev/null 2>/dev/null || yes '' | make ARCH={arch} oldconfig
make ARCH={arch} CROSS_COMPILE={prefix} -j{jobs}
make ARCH={arch} CROSS_COMPILE={prefix} PREFIX={folder}/sysroot install
"""


def build_uclibc(arch: str, report: Reporter) -> Path:
    """Return a sysroot of uClibc-ng for ``arch``, built once: usr/include, usr/lib and lib.

    Raises Lacking where Debian's packages cannot be had or its compilers do not run, CallgateError
    when the build fails.
    """
    if arch not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise CallgateError(f"no uClibc for {arch!r}", where="--arch", hint=f"known: {known}")
    row = ARCHITECTURES[arch]
    with report.stage("packages", f"uClibc-ng and a compiler for {arch}"):
        source, kernel = _packages()
        toolchain = open_toolchain(row.debian)
    config = config_text(arch)
    made_of = (source.name, kernel.name, toolchain.root.name, SCRIPT, config)
    folder = paths.cache_dir() / "machines" / "uclibc" / f"{arch}-{key(*made_of)}"
    with held(folder), report.stage("uclibc", arch) as stage:
        stage.detail(f"uClibc-ng {version_of(source.name)}")
        if folder.is_dir():
            return folder
        fresh = folder.with_name(f".{folder.name}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        try:
            _unpack_source(source, fresh)
            _copy_uapi(kernel, row.multiarch, fresh)
            (fresh / "config").write_text(config, encoding="utf-8")
            script = SCRIPT.format(
                arch=arch, prefix=toolchain.prefix, jobs=os.cpu_count() or 1, folder=FOLDER
            )
            toolchain.run(script, fresh, seconds=SECONDS, stage=stage, steps=STEPS)
            _finish(fresh, arch).rename(folder)
            folder.touch()  # make may have made it old
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


def built_uclibc(sysroot: str) -> Path:
    """Return the newest built sysroot that a target's key ``sysroot`` names: "uclibc:x86_64".

    Raises Lacking with the command that builds it.
    """
    arch = sysroot.partition(":")[2]
    folders = [
        path
        for path in (paths.cache_dir() / "machines" / "uclibc").glob(f"{arch}-*")
        if (path / "usr/include/stdio.h").is_file()
    ]
    if not folders:
        raise Lacking(
            f"uClibc-ng's headers for {arch} are not built yet",
            where="headers",
            hint=f"callgate headers build-uclibc --arch {arch}",
        )
    return max(folders, key=lambda path: path.stat().st_mtime)


def uclibc(arch: str, report: Reporter) -> Libc:
    """Return uClibc-ng for ``arch`` to link to; raises as build_uclibc does."""
    sysroot = build_uclibc(arch, report)
    runtime = tuple(sorted(f"lib/{path.name}" for path in (sysroot / "lib").glob("*.so*")))
    (library,) = (sysroot / "lib").glob("libuClibc-*.so")
    name = f"uClibc-ng {library.stem.partition('-')[2]}"
    loader = f"lib/{ARCHITECTURES[arch].loader}"
    return Libc(name, sysroot, "usr/include", "usr/lib", loader, runtime, sysroot.name)


def config_text(arch: str) -> str:
    """Return the .config to begin with, which make completes."""
    return "\n".join((f"TARGET_{arch}=y", *ARCHITECTURES[arch].config, *CONFIG, ""))


def version_of(package: str) -> str:
    """Return the version in a package's file name: "1.0.54" of uclibc-source_1.0.54-1_all.deb."""
    return package.split("_")[1].partition("-")[0]


def _packages() -> tuple[Path, Path]:
    """Return the source's and the kernel headers' package of the first suite that has them."""
    problems: list[Lacking] = []
    for suite in SUITES:
        apt = Apt(HOST, suite)
        try:
            (source,) = apt.fetch(PACKAGE, closure=False)
            (kernel,) = apt.fetch(KERNEL_PACKAGE, closure=False)
        except Lacking as error:
            problems.append(error)
        else:
            return source, kernel
    raise problems[0]


def _unpack_source(package: Path, folder: Path) -> None:
    unpack(package, folder / "package")
    archives = [path for path in folder.rglob("*.tar.*") if VERSION.search(path.name)]
    if len(archives) != 1:
        raise CallgateError(
            f"it holds {len(archives)} archives of uClibc-ng's source, not one", where=package.name
        )
    with tarfile.open(archives[0]) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (top,) = (folder / "unpacked").iterdir()
    top.rename(folder / "source")


def _copy_uapi(package: Path, multiarch: str, folder: Path) -> None:
    """Make ``folder``/uapi the kernel's headers of one architecture, asm/ included."""
    unpack(package, folder / "kernel")
    include = folder / "kernel/usr/include"
    others = [path.name for path in include.iterdir() if path.name.count("-linux-")]
    shutil.copytree(include, folder / "uapi", ignore=lambda *_: others)
    shutil.copytree(include / multiarch / "asm", folder / "uapi/asm")


def _finish(folder: Path, arch: str) -> Path:
    """Put the kernel's headers beside the C library's, and see that all is there."""
    sysroot = folder / "sysroot"
    shutil.copytree(folder / "uapi", sysroot / "usr/include", dirs_exist_ok=True)
    loader = f"lib/{ARCHITECTURES[arch].loader}"
    for name in (loader, "usr/lib/crt1.o", "usr/lib/libc.so", "usr/include/stdio.h"):
        if not (sysroot / name).is_file():
            raise CallgateError(f"the build made no {name}", where=f"uClibc, {arch}")
    return sysroot
