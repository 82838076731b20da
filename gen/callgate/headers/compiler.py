"""Running a C compiler on text that may be hostile: bounded in time, output and memory."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WATCH_SECONDS = 0.1  # between looks at the size of the output
SHOWN_WIDTH = 400  # of a line: what is no text may have no end of line
SHOWN_LINES = 6  # of a compiler's messages
LINE_MARKER = re.compile(rb'^# (\d+) "(.*?)".*\n', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may take. The largest unit of the bundle: 0.3 s, 5 MB of text, 200 MB."""

    seconds: float = 120.0
    output: int = 32 << 20  # bytes
    memory: int = 4 << 30  # bytes of address space, for each of the compiler's processes


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Run:
    """A finished compiler run; ``output`` is empty unless it was captured."""

    status: int
    output: str
    errors: str


class LimitError(CallgateError):
    """A run that hit a limit; ``output`` is what it had written by then."""

    def __init__(self, what: str, output: bytes, *, hint: str) -> None:
        """Name the place that the compiler had reached, from the last line marker."""
        place = None
        for found in LINE_MARKER.finditer(output):
            line = int(found[1]) + output.count(b"\n", found.end())
            place = f"{found[2].decode(errors='replace')}:{line}"
        super().__init__(what, where=place, hint=hint)
        self.output = output


def run_compiler(
    command: Sequence[str], source: str, *, cache: Path, capture: bool, limits: Limits
) -> Run:
    """Feed ``source`` to ``command`` on its standard input and wait, within the limits.

    ``cache`` is a folder for the compiler's own use: zig needs one. Raises CallgateError when the
    compiler cannot be started, LimitError when it exceeds a limit.
    """
    program = shutil.which(command[0])
    if program is None:
        raise CallgateError(
            "cannot run the compiler: no such file, or it is not executable",
            where=command[0],
            hint="name another one with --cc, or leave --cc out to use the bundled clang",
        )
    cache.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "ZIG_GLOBAL_CACHE_DIR": str(cache),
        "ZIG_LOCAL_CACHE_DIR": str(cache),
    }
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
    ):
        stdin.write(source.encode("utf-8", errors="surrogateescape"))
        stdin.seek(0)
        alive, inherited = os.pipe()  # at its end when the compiler and all its children have ended
        try:
            process = subprocess.Popen(
                [*_limited(limits), os.path.abspath(program), *command[1:]],  # noqa: PTH100 - text
                stdin=stdin,
                stdout=stdout if capture else subprocess.DEVNULL,
                stderr=stderr,
                env=environment,
                cwd=cache,  # zig names what lies below it by relative paths: nothing of ours does
                start_new_session=True,
                pass_fds=(inherited,),
            )
        except OSError:
            os.close(alive)
            raise
        finally:
            os.close(inherited)
        status = _wait(process, alive, limits, stdout)
        if _size(stdout) >= limits.output:
            raise LimitError(
                f"the preprocessed text exceeds {limits.output >> 20} MB",
                _contents(stdout),
                hint="a macro that expands to gigabytes, or an include loop, does this",
            )
        if status is None:
            raise LimitError(
                f"the compiler did not finish within {limits.seconds:g} s",
                _contents(stdout),
                hint="a header that includes itself without end does this",
            )
        output = _contents(stdout).decode("utf-8", errors="surrogateescape")
        return Run(status, output, _contents(stderr, 4 << 20).decode("utf-8", errors="replace"))


def _wait(
    process: subprocess.Popen[bytes], alive: int, limits: Limits, stdout: IO[bytes]
) -> int | None:
    """Return the exit status, None at a limit; then, as on an interrupt, all of it is killed."""
    ended = False
    end = time.monotonic() + limits.seconds
    try:
        # GCC goes on for hours after its output has failed, so the size is watched as well.
        while not ended and time.monotonic() < end and _size(stdout) < limits.output:
            ended = bool(select.select([alive], [], [], WATCH_SECONDS)[0])
        return process.wait() if ended else None
    finally:
        os.close(alive)
        if not ended:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _size(stream: IO[bytes]) -> int:
    return os.fstat(stream.fileno()).st_size


def _limited(limits: Limits) -> list[str]:
    """Return the words before a command that limit it and its children before it begins.

    A shell does it, since Python code between fork and exec is unsafe in a program with threads.
    """

    def least(limit: int, kind: int) -> int:
        most = resource.getrlimit(kind)[1]  # which only root may raise
        return limit if most == resource.RLIM_INFINITY else min(limit, most)

    # The units are those of POSIX's ulimit for -f, and of every shell's for -v.
    size = least(limits.output, resource.RLIMIT_FSIZE) // 512
    memory = least(limits.memory, resource.RLIMIT_AS) // 1024
    return ["sh", "-c", f'ulimit -c 0 && ulimit -f {size} && ulimit -v {memory} && exec "$@"', "sh"]


def _contents(stream: IO[bytes], size: int = -1) -> bytes:
    stream.seek(0)
    return stream.read(size)


# ex) "a.h:3:8: note: originally defined here", "b.h:4:8: note: previous definition of ..."
OTHER_PLACE = re.compile(r": note: (?:originally|previous)\b")


def first_errors(text: str) -> str:
    """Return the first error lines of a compiler's messages, and the places they conflict with."""
    every = text.splitlines()
    lines = [line for line in every if "error" in line or OTHER_PLACE.search(line)] or every
    shown = (f"{line[:SHOWN_WIDTH]}..." if len(line) > SHOWN_WIDTH else line for line in lines)
    return "\n  ".join(islice(shown, SHOWN_LINES)) or "it ended without a message"
