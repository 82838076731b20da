"""Files and folders that appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY_ENTRY = "callgate/init.lua"  # every library that this program writes has it

_HINTS = {
    errno.ENOSPC: "the disk is full: free some space, or choose another place",
    errno.EDQUOT: "your quota is used up: free some space, or choose another place",
    errno.EACCES: "choose a place that you can write to",
    errno.EPERM: "choose a place that you can write to",
    errno.EROFS: "the file system is read-only: choose another place",
    errno.EBUSY: "it is a mount point: choose a folder below it",
    errno.EEXIST: "a part of the path is a file: choose another place",
    errno.ENOTDIR: "a part of the path is a file: choose another place",
}


@contextlib.contextmanager
def atomic_file(dest: Path) -> Iterator[Path]:
    """Yield a path to write to; what is there replaces ``dest`` when the block ends well.

    The parent folders are made. What is not a regular file (a pipe, /dev/stdout) must not be
    replaced: then the path is that of ``dest`` itself. Raises CallgateError for what the file
    system refuses.
    """
    dest = dest.resolve()
    direct = dest.exists() and not dest.is_file()
    temporary = dest if direct else _beside(dest, "new")
    try:
        with _explained(dest):
            dest.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            if not direct:
                temporary.replace(dest)
    finally:
        if not direct:
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextlib.contextmanager
def atomic_directory(dest: Path, *, marker: str = LIBRARY_ENTRY) -> Iterator[Path]:
    """Yield an empty folder to fill; it replaces ``dest`` when the block ends well.

    On any exception, KeyboardInterrupt included, ``dest`` is as it was. Refused, because replacing
    it would lose somebody's files, is a ``dest`` that is neither empty nor holds ``marker``, or
    that holds at its top what the new folder does not. Raises CallgateError for that and for what
    the file system refuses.
    """
    dest = dest.resolve()
    temporary = _beside(dest, "new")
    try:
        with _explained(dest):
            dest.parent.mkdir(parents=True, exist_ok=True)
            _recover(dest)
            present = {path.name for path in dest.iterdir()} if dest.exists() else set()
            if present and not (dest / marker).exists():
                raise _stranger(dest, f"no {marker} in it")
            temporary.mkdir()
            yield temporary
            if foreign := present - {path.name for path in temporary.iterdir()}:
                raise _stranger(dest, min(foreign))
            _exchange(temporary, dest)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _stranger(dest: Path, why: str) -> CallgateError:
    return CallgateError(
        f"it holds what callgate did not write ({why})",
        where=str(dest),
        hint="choose a new or empty folder, or empty this one",
    )


def _beside(dest: Path, role: str) -> Path:
    return dest.with_name(f".{dest.name}.{role}.{os.getpid()}")


@contextlib.contextmanager
def _explained(dest: Path) -> Iterator[None]:
    """Turn a refusal that concerns ``dest`` into a CallgateError; other OSErrors pass."""
    try:
        yield
    except OSError as error:
        # a failing write() names no file; a failing open() or rename() does
        name = error.filename
        if name is not None and not (
            Path(name).is_relative_to(dest.parent) or dest.is_relative_to(name)
        ):
            raise
        raise CallgateError(
            f"cannot write: {error.strerror or error}",
            where=str(dest),
            hint=_HINTS.get(error.errno or 0),
        ) from error


def _exchange(new: Path, dest: Path) -> None:
    """Put ``new`` in the place of ``dest``; on failure ``dest`` is as it was."""
    old = _beside(dest, "old")
    try:
        if dest.exists():
            dest.rename(old)
        new.rename(dest)
    except BaseException:
        if old.exists() and not dest.exists():
            old.rename(dest)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _recover(dest: Path) -> None:
    """Undo what a run that was killed outright left beside ``dest``."""
    left = re.compile(rf"\.{re.escape(dest.name)}\.(new|old)\.(\d+)")
    for path in sorted(dest.parent.iterdir()):
        match = left.fullmatch(path.name)
        if not match or _another_runs(int(match[2])):
            continue
        if match[1] == "old" and not dest.exists():
            path.rename(dest)  # killed between the two renames of _exchange
        else:
            shutil.rmtree(path, ignore_errors=True)


def _another_runs(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
