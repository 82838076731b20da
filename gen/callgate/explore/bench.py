"""How fast the library is: its calls beside the same in C and on ljsyscall, measured side by side.

What is measured, and how much it may be, stands in bench/limits.toml; the programs beside it do the
work. Every round runs each variant once, in turn, so that a machine whose speed drifts slows all
alike; the best round of each counts, since other programs on the machine only ever make one worse.
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import time
import tomllib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from callgate import luajit, tools
from callgate.errors import CallgateError
from callgate.explore.theirs import example as ljsyscall_example
from callgate.machines.model import Lacking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

TIME_LIMIT = 120  # seconds for one run of a program
ENDING = 1  # seconds that a server may take to end whose client has failed
SECONDS = 30  # after which the load of a server gives up
QUICK = 20  # a quick run makes this fraction of the calls
INTERPRETED = 5  # ... and the interpreter this, of those of compiled code
GROUPS = ("calls", "load", "state", "httpd")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its limit."""

    group: str  # ex) "calls"
    name: str  # ex) "read"
    what: str  # ex) "JIT, to C"
    values: dict[str, float]  # what was measured, ex) {"c": 170.2, "callgate": 172.0}, ns
    figure: float | None  # None without ljsyscall, or when nothing can be said of the runs
    limit: float
    least: bool = False  # the limit is the least that the figure may be, not the most
    interpreted: bool = False

    @property
    def mark(self) -> str:
        """Return "ok", "over" ("under" for what should be more), or "-" without a figure."""
        if self.figure is None:
            return "-"
        if self.least:
            return "ok" if self.figure >= self.limit else "under"
        return "ok" if self.figure <= self.limit else "over"


@dataclass(frozen=True, slots=True)
class Bench:
    """Where programs and library lie, and how thoroughly to measure."""

    folder: Path  # bench/ of the checkout
    examples: Path
    library: Path  # ex) output/
    built: Path  # a folder for the compiled programs
    rounds: int
    quick: bool = False
    note: Callable[[str], None] = lambda _text: None  # is told what is measured next
    warn: Callable[[str], None] = lambda _text: None  # is told what cannot be measured, and why

    def limits(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return limits.toml: group -> name -> limits."""
        return tomllib.loads((self.folder / "limits.toml").read_text(encoding="utf-8"))

    def lua(self, *words: str | Path) -> list[str]:
        """Return the command that runs a script of bench/ on the installed LuaJIT."""
        return [tools.luajit() or "luajit", *(str(word) for word in words)]

    def compiled(self, name: str) -> str:
        """Return the program that bench/NAME.c becomes; raises CallgateError without gcc."""
        binary = self.built / name
        if not binary.exists():
            source = self.folder / f"{name}.c"
            command = [_gcc(), "-O2", "-o", str(binary), str(source)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise CallgateError(f"gcc refuses it: {done.stderr.strip()}", where=str(source))
        return str(binary)

    def run(self, command: list[str]) -> list[float]:
        """Return the numbers that a program prints; raises CallgateError when it fails."""
        try:
            done = subprocess.run(
                command, env=self.environment(), capture_output=True, text=True,
                check=False, timeout=TIME_LIMIT,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise CallgateError(
                f"takes more than {TIME_LIMIT} seconds", where=" ".join(command)
            ) from error
        if done.returncode != 0:
            raise CallgateError(f"fails: {done.stderr.strip()}", where=" ".join(command))
        return [float(word) for word in done.stdout.split()]

    def environment(self) -> dict[str, str]:
        """Return the environment that finds the library first, then the installed ljsyscall."""
        return luajit.environment(self.library)


def chosen(words: list[str], known: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return group -> names for words that are names of either; everything for no words.

    ``known`` is the same for everything. Raises CallgateError on a word that is neither.
    """
    found: dict[str, list[str]] = {}
    for word in words or list(known):
        if word in known:
            found[word] = list(known[word])
            continue
        groups = [group for group, names in known.items() if word in names]
        if not groups:
            every = [*known, *(name for names in known.values() for name in names)]
            raise CallgateError(f"nothing to measure is called {word!r}", hint=", ".join(every))
        for group in groups:
            if word not in found.setdefault(group, []):
                found[group].append(word)
    return found


def everything(bench: Bench) -> dict[str, list[str]]:
    """Return group -> names of all that can be measured."""
    limits = bench.limits()
    return {group: [] if group == "httpd" else list(limits[group]) for group in GROUPS}


def measure(bench: Bench, names: dict[str, list[str]], *, theirs: bool) -> Iterator[Row]:
    """Yield the rows of groups and names, as ``chosen`` returns them; with ljsyscall or without."""
    limits = bench.limits()
    for name in names.get("calls", ()):
        yield from calls(bench, name, limits["calls"][name], theirs=theirs)
    for name in names.get("load", ()):
        yield from load(bench, name, limits["load"][name])
    for name in names.get("state", ()):
        yield states(bench, name, limits["state"][name])
    if "httpd" in names:
        row: dict[str, float] = limits["httpd"]  # type: ignore[assignment]  # the group is one row
        yield from httpd(bench, row, theirs=theirs)
        yield closing(bench, row, theirs=theirs)


def _interleaved(
    rounds: int, variants: Mapping[str, Callable[[], float]], best: Callable[[list[float]], float]
) -> dict[str, float]:
    """Return the best of each variant over rounds that run all of them in turn."""
    samples: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, run in variants.items():
            samples[name].append(run())
    return {name: best(values) for name, values in samples.items()}


# --- loops of one call ---------------------------------------------------------------------------


def calls(bench: Bench, name: str, limit: dict[str, float], *, theirs: bool) -> list[Row]:
    """Return a call's rows: compiled, beside C; interpreted, beside ljsyscall's cost beyond C."""
    bench.note(name)
    count = int(limit["count"]) // (QUICK if bench.quick else 1)
    script = bench.folder / "calls.lua"

    def lua(library: str, *options: str) -> Callable[[], float]:
        own = str(count // INTERPRETED if options else count)
        return lambda: bench.run(bench.lua(*options, script, library, name, own))[0]

    binary = bench.compiled("calls")
    variants = {
        "c": lambda: bench.run([binary, name, str(count)])[0],
        "callgate": lua("callgate"),
        "callgate_off": lua("callgate", "-joff"),
    }
    if theirs:
        variants |= {"ljsyscall": lua("syscall"), "ljsyscall_off": lua("syscall", "-joff")}
    found = _interleaved(bench.rounds, variants, min)
    return [
        Row("calls", name, "JIT", found, found["callgate"] / found["c"], limit["c"]),
        Row(
            "calls", name, "-joff", found, _beyond(found), limit["interpreter"], interpreted=True
        ),
    ]  # fmt: skip


def _beyond(found: dict[str, float]) -> float | None:
    """Return how much interpreted calls cost beyond C, as a ratio to what ljsyscall's cost."""
    if "ljsyscall_off" not in found:
        return None
    ours, theirs = (found[name] - found["c"] for name in ("callgate_off", "ljsyscall_off"))
    return ours / theirs if ours > 0 and theirs > 0 else None  # none: C was disturbed in all rounds


# --- require -------------------------------------------------------------------------------------


def load(bench: Bench, name: str, limit: dict[str, float]) -> list[Row]:
    """Return the rows of ``require``, or of an expression that is evaluated after it."""
    bench.note(name)
    expression = [] if name == "require" else [name]
    command = bench.lua(bench.folder / "load.lua", "callgate", *expression)
    samples = [bench.run(command) for _ in range(bench.rounds * 3)]
    units = ("ms", "kb")
    found = {
        unit: statistics.median(sample[index] for sample in samples)
        for index, unit in enumerate(units)
    }
    return [
        Row("load", name, unit, found, found[unit], limit[unit]) for unit in units if unit in limit
    ]


# --- states under control ------------------------------------------------------------------------


def states(bench: Bench, name: str, limit: dict[str, float]) -> Row:
    """Return the row of something that ``callgate.state`` does: microseconds, or a ratio."""
    bench.note(name)
    count = int(limit["count"]) // (QUICK if bench.quick else 1)
    unit = next(key for key in limit if key != "count")
    command = bench.lua(bench.folder / "state.lua", name, str(max(1, count)))
    samples = [bench.run(command)[0] for _ in range(bench.rounds)]
    least = unit == "least"
    figure = max(samples) if least else min(samples)
    what = unit if unit == "us" else "ratio"
    return Row("state", name, what, {what: figure}, figure, limit[unit], least=least)


# --- servers -------------------------------------------------------------------------------------


def httpd(bench: Bench, limit: dict[str, float], *, theirs: bool) -> list[Row]:
    """Return the rows of examples/httpd.lua: requests per second to those of the others."""
    servers: dict[str, list[str]] = {
        "c": [bench.compiled("httpd")],
        "callgate": bench.lua(bench.examples / "httpd.lua"),
    }
    if theirs:
        servers["ljsyscall"] = bench.lua(bench.folder / "httpd.lua")
    variants = {
        name: partial(_served, bench, name, command, limit) for name, command in servers.items()
    }
    found = _interleaved(bench.rounds, variants, max)
    ratios = {name: found["callgate"] / found[name] for name in servers if name != "callgate"}
    return [
        Row("httpd", "httpd", f"to {short}", found, ratios.get(name), limit[name], least=True)
        for name, short in (("c", "C"), ("ljsyscall", "ljs"))
    ]


def _served(bench: Bench, name: str, command: list[str], limit: dict[str, float]) -> float:
    """Return how many requests a second a fresh server answers."""
    bench.note(f"httpd, {name}")
    port = _free_port()
    with _server(bench, [*command, str(port)]) as process:
        assert process.stderr is not None  # noqa: S101 - it is a pipe
        line = process.stderr.readline()
        if "listening" not in line:
            raise CallgateError(f"does not serve: {line.strip()}", where=" ".join(command))
        return _load(bench, process, port, limit, "requests")


def closing(bench: Bench, limit: dict[str, float], *, theirs: bool) -> Row:
    """Return the row of examples/httpd.lua beside ljsyscall's own example of a server.

    That one answers once on every connection and closes it, which ours does when asked to. The
    client has more to do than the servers then, so all share one processor: what a server spends
    is missing from the requests per second.
    """

    def example(port: int) -> list[str]:
        script = bench.built / "example.lua"
        script.write_text(ljsyscall_example(port), encoding="utf-8")
        return bench.lua(script)

    def ours(port: int) -> list[str]:
        return bench.lua(bench.examples / "httpd.lua", str(port))

    commands = {"callgate": ours, "ljsyscall": example}
    variants = {
        name: partial(_closing, bench, name, command, limit) for name, command in commands.items()
    }
    found: dict[str, float] = {}
    if theirs:
        try:
            with _one_processor():
                found = _interleaved(bench.rounds, variants, max)
        except Lacking as error:
            bench.warn(f"ljsyscall's own example cannot be had: {error.what}")
    figure = found["callgate"] / found["ljsyscall"] if found else None
    return Row("httpd", "httpd", "closing, to ljs", found, figure, limit["example"], least=True)


def _closing(
    bench: Bench, name: str, command: Callable[[int], list[str]], limit: dict[str, float]
) -> float:
    """Return how many requests a second a fresh server answers, each on its own connection."""
    bench.note(f"httpd that closes, {name}")
    port = _free_port()
    words = command(port)
    with _server(bench, words) as process:
        deadline = time.monotonic() + SECONDS
        while not _answers(port):  # ljsyscall's does not say when it listens
            if process.poll() is not None or time.monotonic() > deadline:
                raise CallgateError("does not serve", where=" ".join(words))
            time.sleep(0.01)
        return _load(bench, process, port, limit, "closed", "close")


def _answers(port: int) -> bool:
    with socket.socket() as client:
        if client.connect_ex(("127.0.0.1", port)) != 0:
            return False
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while client.recv(4096):
            pass
    return True


def _load(
    bench: Bench,
    server: subprocess.Popen[str],
    port: int,
    limit: dict[str, float],
    count: str,
    *words: str,
) -> float:
    """Return the requests per second of the client's; ``count`` is the limit that says how many.

    What a loaded machine breaks is measured once more, if the server has survived it; of one that
    has not, the error tells the end.
    """
    requests = int(limit[count]) // (QUICK if bench.quick else 1)
    numbers = (port, int(limit["connections"]), requests, SECONDS)
    command = [bench.compiled("client"), *(str(number) for number in numbers), *words]
    try:
        return _asked(bench, command, server)
    except CallgateError as error:
        if server.poll() is not None:
            raise
        bench.warn(f"measured again: {error.what}")
    return _asked(bench, command, server)


def _asked(bench: Bench, command: list[str], server: subprocess.Popen[str]) -> float:
    """Return what the client prints; an error tells how the server ended, if it did."""
    try:
        return bench.run(command)[0]
    except CallgateError as error:
        with contextlib.suppress(subprocess.TimeoutExpired):
            said = server.communicate(timeout=ENDING)[1].strip()
            message = f"{error.what}; the server ended with status {server.returncode}: {said}"
            raise CallgateError(message, where=error.where) from error
        raise


@contextlib.contextmanager
def _one_processor() -> Iterator[None]:
    """Keep what is started meanwhile on one of the processors that this program may use."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _server(bench: Bench, command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a server while the block runs."""
    process = subprocess.Popen(
        command, env={**os.environ, **bench.environment()}, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _gcc() -> str:
    tool = next(tool for tool in tools.TOOLS if tool.name == "gcc")
    found = tools.find(tool)
    if found is None:
        raise CallgateError(
            "gcc is not installed: there is nothing to compare with",
            hint=tools.install_command(list(tool.packages)),
        )
    return found
