"""A root folder made of Debian packages, without installing them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32")  # /NAME -> usr/NAME
FOLDERS = ("dev", "proc", "sys", "tmp", "run", "root", "callgate", "etc")


def make_sysroot(folder: Path, packages: Sequence[Path]) -> Path:
    """Unpack ``packages`` into ``folder``, whole or not at all; done once for the same packages."""
    listed = "\n".join(path.name for path in packages)
    marker = folder / ".packages"
    if marker.is_file() and marker.read_text() == listed:
        return folder
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    for name in MERGED:
        (fresh / "usr" / name).mkdir(parents=True, exist_ok=True)
        (fresh / name).symlink_to(f"usr/{name}")
    for name in FOLDERS:
        (fresh / name).mkdir(exist_ok=True)
    for package in packages:
        unpack(package, fresh)
    _relative_links(fresh)
    (fresh / ".packages").write_text(listed)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return folder


def unpack(package: Path, folder: Path) -> None:
    """Unpack one .deb over ``folder``, through its merged-usr links."""
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as data:
        subprocess.run(
            ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", folder],
            stdin=data.stdout,
            check=True,
        )
    if data.returncode != 0:
        raise subprocess.CalledProcessError(data.returncode, "dpkg-deb")


def _relative_links(folder: Path) -> None:
    """Make absolute symbolic links relative: outside a chroot they would leave the folder."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            target = str(path.readlink())
            if target.startswith("/"):
                inside = os.path.relpath(folder / target.lstrip("/"), path.parent)
                path.unlink()
                path.symlink_to(inside)
