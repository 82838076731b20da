"""Running a C compiler on text that may be hostile: bounded in time, output and memory."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = 120  # one run; the largest unit takes 0.3 s to preprocess and 2 s to compile
OUTPUT_BYTES = 256 << 20  # preprocessed text; the largest unit has 4 MB
MEMORY_BYTES = 6 << 30  # address space; clang maps about 1 GB on the largest unit
SHOWN_LINES = 6


@dataclass(frozen=True, slots=True)
class Run:
    """A finished compiler run; ``output`` is None unless it was captured."""

    status: int
    output: str
    errors: str


def run_compiler(command: Sequence[str], source: str, *, cache: Path, capture: bool) -> Run:
    """Feed ``source`` to ``command`` on its standard input and wait, within the limits above.

    Raises CallgateError when the compiler cannot be started, or exceeds a limit.
    """
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
        try:
            process = subprocess.Popen(  # noqa: S603 - a list, no shell
                list(command),
                stdin=stdin,
                stdout=stdout if capture else subprocess.DEVNULL,
                stderr=stderr,
                env=environment,
                start_new_session=True,
                preexec_fn=_limit,  # noqa: PLW1509 - no threads are running
            )
        except OSError as error:
            raise CallgateError(
                f"cannot run the compiler {command[0]!r}: {error.strerror}",
                hint="name another one with --cc, or leave --cc out to use the bundled clang",
            ) from error
        try:
            status = process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise CallgateError(
                f"the compiler did not finish within {SECONDS} s",
                where=command[0],
                hint="a header that includes itself without end, or expands to gigabytes, does this",
            ) from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        stdout.seek(0, os.SEEK_END)
        if stdout.tell() >= OUTPUT_BYTES or status == -signal.SIGXFSZ:
            raise CallgateError(
                f"preprocessed text exceeds {OUTPUT_BYTES >> 20} MB",
                where=command[0],
                hint="a macro that expands to gigabytes, or an include loop, does this",
            )
        stdout.seek(0)
        stderr.seek(0)
        output = stdout.read().decode("utf-8", errors="surrogateescape")
        return Run(status, output, stderr.read(4 << 20).decode("utf-8", errors="replace"))


def first_errors(text: str) -> str:
    """Return the first error lines of a compiler's messages."""
    lines = [line for line in text.splitlines() if "error" in line] or text.splitlines()
    return "\n  ".join(lines[:SHOWN_LINES]) or "(it said nothing)"


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_BYTES, OUTPUT_BYTES))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
