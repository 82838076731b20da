"""What a machine in qemu-system says to its host: frames over a virtio serial port.

A frame is a line, ``end`` is followed by as many bytes as it announces and a line feed:

* ``boot RELEASE``: the kernel is up, ex) "boot 6.12.107+deb13-s390x"
* ``begin N``: job N was started
* ``end N STATUS OUT ERR``, OUT bytes, ERR bytes: job N ended; STATUS is a shell's or "late"
* ``all``: nothing is left to do
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 1 << 28  # bytes of one stream; more than the machine has memory for
_LINES = re.compile(rb"(boot) (\S+)|(begin) (\d+)|(end) (\d+) (\d{1,3}|late) (\d+) (\d+)|(all)")
_LINE = 256  # bytes; no line of the above is as long


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; what it does not have is 0, empty or None."""

    kind: str  # "boot" | "begin" | "end" | "all"
    number: int = 0  # of a job
    release: str = ""  # of boot
    status: int | None = None  # of end, negative for a signal; None: its time ran out
    stdout: bytes = b""
    stderr: bytes = b""


class GarbledError(ValueError):
    """Bytes that are no frame: somebody else wrote to the port, or some got lost."""


class Reader:
    """Turns bytes, in pieces of any size, into frames; what is not whole yet is kept."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that ``data`` completes; raises GarbledError after the whole ones."""
        self._rest += data
        while frame := self._next():
            yield frame

    def _next(self) -> Frame | None:
        end = self._rest.find(b"\n", 0, _LINE)
        if end < 0:
            if len(self._rest) >= _LINE:
                raise GarbledError(f"no frame: {bytes(self._rest[:40])!r}...")
            return None
        line = bytes(self._rest[:end])
        found = _LINES.fullmatch(line)
        if found is None:
            raise GarbledError(f"no frame: {line[:40]!r}")
        frame: Frame | None
        if found[5]:
            frame = self._ended(found, end + 1)
        else:
            del self._rest[: end + 1]
            kind = (found[1] or found[3] or found[10]).decode()
            frame = Frame(kind, int(found[4] or 0), (found[2] or b"").decode(errors="replace"))
        return frame

    def _ended(self, found: re.Match[bytes], start: int) -> Frame | None:
        out, err = int(found[8]), int(found[9])
        if max(out, err) > LONGEST:
            raise GarbledError(f"{max(out, err):,} bytes from one job")
        end = start + out + err
        if len(self._rest) <= end:
            return None
        if self._rest[end] != ord("\n"):
            raise GarbledError(f"job {int(found[6])}: its streams have not {out} and {err} bytes")
        streams = bytes(self._rest[start:end])
        del self._rest[: end + 1]
        status = None if found[7] == b"late" else _status(int(found[7]))
        return Frame("end", int(found[6]), "", status, streams[:out], streams[out:])


def _status(shells: int) -> int:
    """Return a signal as negative: a shell adds 128 to it (POSIX, 2.8.2 Exit Status)."""
    return 128 - shells if 128 < shells <= 128 + 64 else shells  # noqa: PLR2004 - as documented
