"""One program in a root folder of its own: ``python -I -S jail.py FD JSON``, a script by itself.

The JSON says what to run (see Cell). The program gets fresh namespaces: processes, mounts, network
(with a loopback), host name and IPC, so that nothing it does reaches this machine and nothing of it
outlives it. Programs of another processor are run by qemu through a binfmt_misc of the jail's own,
which Linux 6.7 and later give to each user namespace (kernel's
Documentation/admin-guide/binfmt-misc.rst); the machine's own is not touched.

What came of it is written to the file descriptor FD: the wait status as a decimal number, or a text
after an exclamation mark: why there is no jail. It is not written when the jail is killed, which
kills all that runs in it.

Only the standard library, and no thread: the process that makes namespaces must have just one.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, NotRequired, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable

LIBC = ctypes.CDLL(None, use_errno=True)

# <linux/sched.h>, <linux/mount.h>, <linux/prctl.h>, <linux/if.h>
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
PR_SET_PDEATHSIG = 1
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

EVERYONE = 0xFFFFFFFF  # user and group ids, all but -1
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
DEVICE_LINKS = {"fd": "/proc/self/fd", "ptmx": "pts/ptmx", "stdin": "/proc/self/fd/0"}


class Cell(TypedDict):
    """What to run."""

    root: str  # the folder that becomes /
    show: dict[str, str]  # folder in the root -> folder of this machine, shown read-only there
    write: NotRequired[dict[str, str]]  # the same for folders that the program may write to
    scratch: str  # folder in the root that is empty, writable, and the program's working folder
    qemu: str  # static qemu for the root's programs; "" where the processor runs them itself
    elf: str  # hexadecimal start of one of the root's programs, for ``qemu``
    user: bool  # in a user namespace
    argv: list[str]
    environment: dict[str, str]


class CannotError(Exception):
    """A step that this machine does not allow."""


def main() -> int:
    """Run the cell that is the second argument."""
    channel, cell = int(sys.argv[1]), json.loads(sys.argv[2])
    os.set_inheritable(channel, False)  # the program gets the standard streams alone
    try:
        said = _enter(cell)
    except (CannotError, OSError) as error:
        said = f"!{error}"
    os.write(channel, said.encode())
    return 0


def _enter(cell: Cell) -> str:
    """Make the namespaces in a child, whose ids only a process outside may map."""
    ready, mapped, told = os.pipe(), os.pipe(), os.pipe()
    owner, group = os.geteuid(), os.getegid()
    child = os.fork()
    if child == 0:
        _with_parent()
        for end in (ready[0], mapped[1], told[0]):
            os.close(end)
        _end_with(told[1], lambda: _inside(cell, ready[1], mapped[0]))
    for end in (ready[1], mapped[0], told[1]):
        os.close(end)
    if cell["user"] and os.read(ready[0], 1):
        every = owner == 0
        try:
            if not every:
                _write(f"/proc/{child}/setgroups", "deny")
            _write(f"/proc/{child}/gid_map", f"0 0 {EVERYONE}" if every else f"0 {group} 1")
            _write(f"/proc/{child}/uid_map", f"0 0 {EVERYONE}" if every else f"0 {owner} 1")
        except OSError as error:
            os.kill(child, signal.SIGKILL)
            raise CannotError(f"mapping users: {error.strerror}") from error
        os.write(mapped[1], b"x")
    with os.fdopen(told[0], "rb") as stream:
        said = stream.read()
    os.waitpid(child, 0)
    return said.decode(errors="replace") or "!the jail ended by itself"


def _inside(cell: Cell, ready: int, mapped: int) -> str:
    spaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC
    if cell["user"]:
        _check(LIBC.unshare(CLONE_NEWUSER), "a user namespace")
        os.write(ready, b"x")
        if not os.read(mapped, 1):
            raise CannotError("mapping users")
    _check(LIBC.unshare(spaces), "namespaces")
    _mounts(cell)
    _loopback()
    if cell["qemu"]:
        _register(cell)
    told = os.pipe()
    init = os.fork()
    if init == 0:
        _with_parent()
        os.close(told[0])
        _end_with(told[1], lambda: _init(cell))
    os.close(told[1])
    with os.fdopen(told[0], "rb") as stream:
        said = stream.read()
    os.waitpid(init, 0)
    return said.decode(errors="replace") or f"{int(signal.SIGKILL)}"


def _init(cell: Cell) -> str:
    """Be the first process of the jail: start the program, wait for it and all its orphans."""
    root = cell["root"]
    _mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    os.chroot(root)
    os.chdir(cell["scratch"])
    program = os.fork()
    if program == 0:
        _exec(cell)
    while True:
        done, status = os.wait()
        if done == program:
            return str(status)


def _exec(cell: Cell) -> NoReturn:
    os.setsid()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(cell["argv"][0], cell["argv"], cell["environment"])  # noqa: S606 - the purpose
    except OSError as error:
        sys.stderr.write(f"{cell['argv'][0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)


def _mounts(cell: Cell) -> None:
    root, scratch = cell["root"], cell["root"] + cell["scratch"]
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _mount(root, root, None, MS_BIND)
    _read_only(root)
    for inside, folder in cell["show"].items():
        _mount(folder, root + inside, None, MS_BIND)
        _read_only(root + inside)
    for inside, folder in cell.get("write", {}).items():
        _mount(folder, root + inside, None, MS_BIND)
    _mount("tmpfs", scratch, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    _mount("tmpfs", f"{root}/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    _mount("tmpfs", f"{root}/dev", "tmpfs", MS_NOSUID, "mode=755")
    for name in DEVICES:  # bound, since a user namespace may not make device nodes
        os.close(os.open(f"{root}/dev/{name}", os.O_CREAT | os.O_WRONLY))
        _mount(f"/dev/{name}", f"{root}/dev/{name}", None, MS_BIND)
        _read_only(f"{root}/dev/{name}")  # its mode and owner are this machine's too
    for name, target in DEVICE_LINKS.items():
        Path(f"{root}/dev/{name}").symlink_to(target)
    for name in ("pts", "shm", "mqueue"):
        Path(f"{root}/dev/{name}").mkdir()
    _mount("devpts", f"{root}/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=666")
    _mount("tmpfs", f"{root}/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")  # noqa: S108


def _read_only(path: str) -> None:
    # what the file system is mounted with may not be dropped in a user namespace
    kept = os.statvfs(path).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _mount(None, path, None, MS_BIND | MS_REMOUNT | MS_RDONLY | kept)


def _loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack("16sh22x", request)[1] | IFF_UP
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags))


def _register(cell: Cell) -> None:
    """Let qemu run the ELF files of the root's processor."""
    folder = f"{cell['root']}/run/binfmt_misc"  # its rules go when it is unmounted
    Path(folder).mkdir()
    try:
        _mount("binfmt_misc", folder, "binfmt_misc", MS_NOSUID | MS_NODEV)
        rule = binfmt_rule(cell["qemu"], bytes.fromhex(cell["elf"]))
        with open(f"{folder}/register", "wb", buffering=0) as stream:  # noqa: PTH123 - one write
            stream.write(rule)
    except (CannotError, OSError) as error:
        raise CannotError(f"binfmt_misc of its own (Linux 6.7 or later): {error}") from error


def binfmt_rule(qemu: str, elf: bytes) -> bytes:
    """Return the rule for ELF files like the one that starts with ``elf``, at least 20 bytes.

    What counts is the class, the byte order and the machine, of executables and shared objects.
    Flag F opens ``qemu`` at once, outside of the root; P hands it the program's own argv[0].
    """
    wide = elf[:7] + bytes(9)
    mask = b"\xff" * 7 + bytes(9)
    kind = b"\x02\x00" if elf[5] == 1 else b"\x00\x02"  # ET_EXEC; ET_DYN is 3
    kind_mask = b"\xfe\xff" if elf[5] == 1 else b"\xff\xfe"
    magic, mask = wide + kind + elf[18:20], mask + kind_mask + b"\xff\xff"
    quoted = ["".join(f"\\x{byte:02x}" for byte in part) for part in (magic, mask)]
    return f":callgate:M:0:{quoted[0]}:{quoted[1]}:{qemu}:PF".encode()


def _end_with(channel: int, work: Callable[[], str]) -> NoReturn:
    try:
        said = work()
    except (CannotError, OSError) as error:
        said = f"!{error}"
    os.write(channel, said.encode())
    os._exit(0)


def _with_parent() -> None:
    """End when the parent does; as the first process of a jail, with all that is in it."""
    LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str | None = None
) -> None:
    words = [word.encode() if word is not None else None for word in (source, target, kind, data)]
    _check(
        LIBC.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]),
        f"mounting {kind or source or 'again'} on {target}",
    )


def _check(result: int, what: str) -> None:
    if result != 0:
        raise CannotError(f"{what}: {os.strerror(ctypes.get_errno())}")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
