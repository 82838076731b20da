"""The root folder of a machine in qemu-system as the kernel takes it: an archive for its memory.

The format is cpio's "newc" (cpio(5); the kernel's Documentation/driver-api/early-userspace/
buffer-format.rst), not compressed: unpacking costs an emulated processor more than copying.
"""

from __future__ import annotations

import shlex
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from callgate.machines.furnish import FILES
from callgate.machines.model import FOLDER, LUAJIT, SCRATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from callgate.machines.model import Job

INIT = Path(__file__).with_name("init.sh")
TASKS = "/tasks"  # of the machine: a script for each job, and their list
EXECUTABLE, PLAIN, DIRECTORY = 0o100755, 0o100644, 0o040755

# Of the packages' files: what neither LuaJIT nor busybox reads.
UNUSED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "var/lib/dpkg")
UNUSED_NAMES = ("gconv",)  # the C library's character sets

FOLDERS = ("dev", "proc", "sys", "tmp", "run", "root", "var/tmp", "etc", "newroot")


class Archive:
    """A cpio archive in the making."""

    def __init__(self) -> None:
        """Start an empty one."""
        self._parts: list[bytes] = []
        self._names: set[str] = set()

    def add(self, name: str, mode: int, data: bytes = b"") -> None:
        """Add the file, symbolic link (``data`` is its target) or folder ``name`` once.

        ``mode`` is st_mode. The folders that lead to it are made; all belongs to root.
        """
        name = str(PurePosixPath(name.lstrip("/")))
        if name in self._names:
            return
        parent = str(PurePosixPath(name).parent)
        if parent != ".":
            self.add(parent, DIRECTORY)
        self._names.add(name)
        # an inode of its own: files that share one would be links
        self._parts.append(_entry(name, mode, data, inode=len(self._parts) + 1))

    def add_tree(
        self, folder: Path, below: str = "", keep: Callable[[str], bool] = lambda _name: True
    ) -> None:
        """Add what ``folder`` holds, as ``below``/..., but what ``keep(its path)`` refuses."""
        for path in _walk(folder, keep):
            mode = path.lstat().st_mode
            name = PurePosixPath(below) / path.relative_to(folder).as_posix()
            if stat.S_ISLNK(mode):
                self.add(str(name), mode, str(path.readlink()).encode())
            elif stat.S_ISDIR(mode):
                self.add(str(name), mode)
            elif stat.S_ISREG(mode):
                self.add(str(name), mode, path.read_bytes())

    def whole(self) -> bytes:
        """Return the archive, with its trailer."""
        return b"".join([*self._parts, _entry("TRAILER!!!", 0)])


def base(root: Path) -> bytes:
    """Return the archive of a root folder of packages, with what they leave to others to make."""
    archive = Archive()
    for name in FOLDERS:
        archive.add(name, DIRECTORY)
    for name, text in FILES.items():
        archive.add(name, PLAIN, text.encode())
    archive.add_tree(root, keep=_used)
    archive.add("init", EXECUTABLE, INIT.read_bytes())
    return archive.whole()


def errand(
    jobs: Sequence[tuple[int, Job]], folder: Path, luajit: str, environment: dict[str, str]
) -> bytes:
    """Return the archive of ``folder``, as FOLDER, and scripts that run the numbered ``jobs``."""
    archive = Archive()
    archive.add_tree(folder, FOLDER)
    for number, job in jobs:
        script = _script(job, luajit, environment)
        archive.add(f"{TASKS}/{number}.sh", PLAIN, script.encode())
    listed = "".join(f"{number} {job.seconds}\n" for number, job in jobs)
    archive.add(f"{TASKS}/list", PLAIN, listed.encode())
    return archive.whole()


def _script(job: Job, luajit: str, environment: dict[str, str]) -> str:
    words = [luajit if word == LUAJIT and not n else word for n, word in enumerate(job.argv)]
    given = [f"{key}={value}" for key, value in {**environment, **dict(job.environment)}.items()]
    # busybox' env and setsid replace themselves by what they start: the job is the script's process
    return f"cd {SCRATCH}\nexec setsid env -i {shlex.join([*given, *words])}\n"


def _walk(folder: Path, keep: Callable[[str], bool]) -> Iterator[Path]:
    pending = [folder]
    while pending:
        for path in sorted(pending.pop().iterdir()):
            if keep(path.relative_to(folder).as_posix()):
                yield path
                if path.is_dir() and not path.is_symlink():
                    pending.append(path)


def _used(name: str) -> bool:
    last = name.rpartition("/")[2]
    return name not in UNUSED and last not in UNUSED_NAMES and not name.startswith(".")


def _entry(name: str, mode: int, data: bytes = b"", *, inode: int = 0) -> bytes:
    path = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    # inode, mode, owner, group, links, time, size, device x2, rdevice x2, name's size, checksum
    numbers = (inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(path), 0)
    header = b"070701" + b"".join(b"%08X" % number for number in numbers)
    return _padded(header + path) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
