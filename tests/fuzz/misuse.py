"""Driving misuse.lua: batches of cases in throw-away namespaces, and single ones again."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from callgate import files, luajit, paths

HERE = Path(__file__).parent
DRIVER = HERE / "misuse.lua"
MODES = ("on", "off", "hot")  # of the compiler
BATCH = 1500  # cases of one process
STUCK_SECONDS = 10.0  # without progress
POLL_SECONDS = 0.05
HEADER = struct.Struct("<3q")  # case, state, length: jail.lua's log
NOW_BYTES, LINES_BYTES = 4096, 1 << 20
FINISHED = 1
BROKEN = 70  # exit status of misuse.lua when it is at fault itself
SIGALRM_BIT = 1 << 13

NAMESPACES = (
    "unshare", "--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts",
    "--cgroup", "--fork", "--kill-child",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the library did not do as promised."""

    case: int
    mode: str
    call: str
    what: str

    def kind(self) -> tuple[str, str]:
        """Return what findings with one cause have in common."""
        target = re.sub(r"\(object \"\w+\"\)", "fd", self.call).partition("(")[0]
        return target, re.sub(r"[0-9]+|'[^']*'|\"[^\"]*\"", "", self.what)

    def __str__(self) -> str:
        """Return what to try again, and what comes of it."""
        return f"case {self.case}, compiler {self.mode}: {self.call}\n    {self.what}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a process with cases ended."""

    last: int  # the case it came to
    finished: bool
    died: str  # "" or how: "signal 11", "stuck"
    findings: tuple[Finding, ...]


class Fuzzer:
    """Runs cases of one seed, each decided by its number."""

    def __init__(self, seed: int, scratch: Path, library: Path | None = None) -> None:
        """Work in the folder ``scratch``, with the library in ``library`` ($CALLGATE_LIBRARY)."""
        self.seed = seed
        self.folder = scratch / "work"
        self.folder.mkdir()
        self.log = scratch / "log"
        self.library = library or Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
        assert (self.library / files.LIBRARY_ENTRY).is_file(), "run `callgate generate` first"

    def search(self, seconds: float, most: int = 40, cases: int | None = None) -> list[Finding]:
        """Try cases for that long, until ``most`` kinds of findings, or up to case ``cases``.

        Return one finding of each kind.
        """
        until = time.monotonic() + seconds
        found: dict[tuple[str, str], Finding] = {}
        case, batch = 1, 0
        while time.monotonic() < until and len(found) < most and case <= (cases or case):
            mode = MODES[batch % len(MODES)]
            end = min(case + BATCH - 1, cases or case + BATCH)
            outcome = self.run(mode, f"{case}-{end}", until=until)
            for finding in (*outcome.findings, *self._death(outcome, case, mode)):
                found.setdefault(finding.kind(), finding)
            case, batch = outcome.last + 1, batch + 1
        return list(found.values())

    def _death(self, outcome: Outcome, first: int, mode: str) -> list[Finding]:
        """Return the finding of a process that died, alone in its case or with those before."""
        if not outcome.died:
            return []
        text = self.now()
        cases = self.shrink(mode, outcome.died, list(range(first, outcome.last + 1)))
        what = f"died of {outcome.died}"
        if cases != [outcome.last]:
            alone = f"after the cases {cases[:-1]}" if cases else "not again when tried again"
            what += f", {alone}"
        return [Finding(outcome.last, mode, text, what)]

    def again(self, mode: str, *cases: str) -> list[Finding]:
        """Return what single cases show when they are tried in one process."""
        outcome = self.run(mode, *cases)
        if not outcome.died:
            return list(outcome.findings)
        death = Finding(outcome.last, mode, self.now(), f"died of {outcome.died}")
        return [*outcome.findings, death]

    def shrink(self, mode: str, died: str, cases: list[int]) -> list[int]:
        """Return few of the cases that end the process the same way: the last alone, if it does.

        An empty list where they do not do it again.
        """

        def dies(some: list[int]) -> bool:
            return self.run(mode, *map(str, some)).died == died

        last = cases[-1]
        if dies([last]):
            return [last]
        if not dies(cases):
            return []
        size = len(cases) // 2
        while size:
            at = 0
            while at < len(cases) - 1:
                fewer = cases[:at] + cases[min(at + size, len(cases) - 1) :]
                if dies(fewer):
                    cases = fewer
                else:
                    at += size
            size //= 2
        return cases

    def now(self) -> str:
        """Return the text of the last call that a process began."""
        return self._read()[2]

    def run(self, mode: str, *cases: str, until: float | None = None) -> Outcome:
        """Run cases ("5", "1-100") in one process; it is ended ``until`` then, or when stuck."""
        self.log.write_bytes(bytes(HEADER.size + NOW_BYTES + LINES_BYTES))
        with self.log.open("r+b") as log:
            process = subprocess.Popen(
                [*NAMESPACES, *luajit.interpreter(), str(DRIVER), str(log.fileno()),
                 str(self.folder), str(self.seed), mode, *cases],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",  # a case may write anything to what descriptor it finds
                pass_fds=[log.fileno()],
            )  # fmt: skip
        try:
            died = self._watch(process, until)
        finally:
            process.kill()
            _, complaint = process.communicate()
        assert process.returncode != BROKEN, complaint
        last, state, now, lines = self._read()
        findings = tuple(
            Finding(int(number), mode, call, what)
            for number, call, what in (line.split("\t", 2) for line in lines.splitlines())
        )
        if not died and state != FINISHED and process.returncode not in (0, -9):
            died = f"signal {-process.returncode}" if process.returncode < 0 else "its own exit"
        assert last or not died, f"{died} before the first call: {complaint}{now}"
        return Outcome(last, state == FINISHED, died, findings)

    def _watch(self, process: subprocess.Popen[str], until: float | None) -> str:
        """Wait for the end; return "stuck" where a case takes too long."""
        last, since = -1, time.monotonic()
        while process.poll() is None:
            time.sleep(POLL_SECONDS)
            now = time.monotonic()
            case = self._read()[0]
            if case != last:
                last, since = case, now
            elif now - since > STUCK_SECONDS:
                return "" if _waits_on_purpose(process.pid) else "a call that does not return"
            if until is not None and now > until:
                return ""
        return ""

    def _read(self) -> tuple[int, int, str, str]:
        data = self.log.read_bytes()
        case, state, length = HEADER.unpack_from(data)
        rest = data[HEADER.size :]
        lines = rest[NOW_BYTES : NOW_BYTES + length].decode()
        return case, state, rest[:NOW_BYTES].split(b"\0")[0].decode(), lines

    def _environment(self) -> dict[str, str]:
        environment = luajit.environment(self.library)
        environment["LUA_PATH"] = f"{HERE.parent}/?.lua;{environment['LUA_PATH']}"
        return environment


def _waits_on_purpose(process: int) -> bool:
    """Whether a process in there has blocked the alarm, as an argument asked: then it may wait."""
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        status = Path(f"/proc/{child}/status").read_text()
        blocked = re.search(r"^SigBlk:\s*(\w+)$", status, re.MULTILINE)
        if (blocked and int(blocked[1], 16) & SIGALRM_BIT) or _waits_on_purpose(int(child)):
            return True
    return False


def unable() -> str:
    """Return why nothing can be fuzzed on this machine; "" where it can."""
    if not shutil.which("unshare"):
        return "unshare (util-linux) is not installed"
    done = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True, check=False)
    return done.stderr.strip()
