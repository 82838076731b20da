"""musl: Debian's packages of any architecture, as a sysroot to build on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callgate import paths
from callgate.errors import CallgateError
from callgate.machines.apt import Apt
from callgate.machines.libc import Libc
from callgate.machines.sysroot import make_sysroot
from callgate.machines.toolchain import held, key

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("musl", "musl-dev")
# What programs need to run: the loader, which is the library, and where it searches for others.
RUNTIME = ("lib/ld-musl-*.so.1", "lib/*-linux-musl*/libc.so", "etc/ld-musl-*.path")


def musl(debian: str, suite: str) -> Libc:
    """Return musl of Debian's ``suite`` for the architecture ``debian``, unpacked once.

    Raises Lacking where the packages cannot be had, CallgateError if they are not as expected.
    """
    packages = Apt(debian, suite).fetch(*PACKAGES, closure=False)
    name = f"{debian}-{key(*(path.name for path in packages))}"
    folder = paths.cache_dir() / "machines" / "musl" / name
    with held(folder):
        make_sysroot(folder, packages)
    version = packages[0].name.split("_")[1].partition("-")[0]
    return musl_in(folder, f"musl {version}")


def musl_in(folder: Path, name: str) -> Libc:
    """Return the musl that Debian's packages make of ``folder``; raises CallgateError if none."""
    runtime = tuple(
        path.relative_to(folder).as_posix()
        for pattern in RUNTIME
        for path in sorted(folder.glob(pattern))
    )
    loaders = [path for path in runtime if path.endswith(".so.1")]
    triplets = [path.parent.name for path in sorted(folder.glob("usr/lib/*-linux-musl*/crt1.o"))]
    if len(loaders) != 1 or len(triplets) != 1:
        raise CallgateError(
            f"loaders: {loaders}, folders with crt1.o: {triplets}; expected one of each",
            where=str(folder),
            hint="delete the folder, so that it is made again",
        )
    include, lib = f"usr/include/{triplets[0]}", f"usr/lib/{triplets[0]}"
    return Libc(name, folder, include, lib, loaders[0], runtime, folder.name)
