"""Random sequences of lua(4)'s ioctls and sysctls on the emulated device, against a model of it.

Hypothesis drives lua4.lua. The model is what NetBSD's page and driver say, in Python.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from callgate import luajit, paths

SCRIPT = Path(__file__).parent / "lua4.lua"
LIBRARY = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())

ENOENT, ENXIO, EBUSY, EINVAL, ENOTTY = 2, 6, 16, 22, 25  # sys/errno.h, NetBSD
NAME, DESC = 15, 63  # bytes that fit

NAMES = st.sampled_from(
    [b"a", b"a", b"b", b"_d", b"e" * 15, b"e" * 16, b"e" * 15 + b"f", b"\xff\x01 /"]
)
DESCS = st.sampled_from([b"", b"words", b"d" * 63, b"d" * 64, b"\xfe"])
MODULES = st.sampled_from([b"m1", b"m2", b"m3", b"none"])
KINDS = ["count", "syntax", "fails", "bytecode", "asks", "returns", "empty", "loop"]
FILES = [f"@/{kind}.lua" for kind in KINDS]
PATHS = st.sampled_from([*FILES, "@/none", "@", "@/", "count.lua", "none.lua", ""])
BOOLEANS = ("require", "autoload", "bytecode")
DEFAULTS = {"require": 1, "autoload": 1, "bytecode": 0, "maxcount": 0, "verbose": 0}


@dataclass
class Modelled:
    """A state, as the model knows it."""

    desc: bytes
    user: bool
    asks: bool  # whether it has the command require
    modules: set[bytes] = field(default_factory=set)
    count: int = 0  # how often a file has added one to x


def word(text: bytes) -> str:
    """Return the text as lua4.lua reads it."""
    return text.hex() or "."


class Device(RuleBasedStateMachine):
    """One process with the device, and what should be true of it."""

    before: Path | None = None  # a folder with modules that stand before the library's

    def __init__(self) -> None:
        """Start the process."""
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        environment = luajit.environment(LIBRARY)
        if self.before:
            environment["LUA_PATH"] = f"{self.before}/?.lua;{environment['LUA_PATH']}"
        self.process = subprocess.Popen(
            [*luajit.interpreter(), str(SCRIPT), self.folder.name],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what kern.lua.verbose makes it say
            text=True,
        )
        self.states: dict[bytes, Modelled] = {}  # in the order of their making
        self.variables = dict(DEFAULTS)

    def teardown(self) -> None:
        """End the process, which has nothing to say."""
        self.process.communicate()
        self.folder.cleanup()

    def command(self, *words: object) -> tuple[int, list[str]]:
        """Have a command done; return 0 or the errno, and the other words of the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer, f"{words} ended the process"
        assert not answer.startswith("!"), f"{words}: {answer}"
        errno, *rest = answer.split()
        return int(errno), rest

    @rule(name=NAMES, desc=DESCS)
    def create(self, name: bytes, desc: bytes) -> None:
        """LUACREATE."""
        kept = name[:NAME]
        expected = ENXIO if name.startswith(b"_") else EBUSY if kept in self.states else 0
        assert self.command("create", word(name), word(desc)) == (expected, [])
        if not expected:
            self.states[kept] = Modelled(desc[:DESC], True, bool(self.variables["require"]))

    @rule(name=NAMES, desc=DESCS)
    def create_kernel(self, name: bytes, desc: bytes) -> None:
        """Let the kernel make a state."""
        if name not in self.states and len(name) <= NAME:
            assert self.command("kernel", word(name), word(desc)) == (0, [])
            self.states[name] = Modelled(desc[:DESC], False, bool(self.variables["require"]))

    @rule(name=NAMES)
    def destroy(self, name: bytes) -> None:
        """LUADESTROY."""
        state = self.states.get(name[:NAME])
        expected = 0 if state and state.user else EBUSY
        assert self.command("destroy", word(name)) == (expected, [])
        if not expected:
            del self.states[name[:NAME]]

    @rule(name=NAMES, module=MODULES)
    def require(self, name: bytes, module: bytes) -> None:
        """LUAREQUIRE."""
        state = self.states.get(name[:NAME])
        known = state is not None and module != b"none" and module not in state.modules
        assert self.command("require", word(name), word(module)) == (0 if known else ENXIO, [])
        if state and known:
            state.modules.add(module)

    def outcome(self, state: Modelled, kind: str) -> int:
        """Tell how a file of that kind ends, and do what it does."""
        if kind == "asks":
            if not state.asks:
                return EINVAL
            state.modules.add(b"m1")
        elif kind == "syntax" or (kind == "bytecode" and not self.variables["bytecode"]):
            return EINVAL
        elif kind in {"count", "fails", "loop", "bytecode"}:
            state.count += 1
        return EINVAL if kind in {"fails", "loop"} else 0

    @rule(name=NAMES, path=PATHS)
    def load(self, name: bytes, path: str) -> None:
        """LUALOAD."""
        kind = path.removeprefix("@/").removesuffix(".lua")
        if kind == "loop" and not self.variables["maxcount"]:
            return
        state = self.states.get(name[:NAME])
        if "/" not in path.replace("@", "/folder") or state is None:
            expected = ENXIO
        elif kind == "none":
            expected = ENOENT
        elif path in {"@", "@/"}:
            expected = EINVAL
        else:
            expected = self.outcome(state, kind)
        assert self.command("load", word(name), word(path.encode())) == (expected, [])

    @rule(room=st.integers(-2, 12))
    def info(self, room: int) -> None:
        """LUAINFO with room: as many as fit, the newest first."""
        rows = [
            f"{word(name)}:{word(state.desc)}:{state.user:d}"
            for name, state in reversed(self.states.items())
        ]
        assert self.command("info", room) == (0, rows[: max(room, 0)])

    @rule(name=st.sampled_from(sorted(DEFAULTS)), value=st.sampled_from([0, 1, 1000, -5, 0.5]))
    def sysctl(self, name: str, value: float) -> None:
        """Set a variable."""
        if name == "maxcount" and value == 1:
            value = 5000  # enough for every file but the loop
        fits = value in (0, 1) if name in BOOLEANS else value == int(value)
        old = self.variables[name]
        expected = (0, [str(old)]) if fits else (EINVAL, [])
        assert self.command("sysctl", name, value) == expected
        if fits:
            self.variables[name] = max(int(value), 0)

    @rule(request=st.sampled_from([0, 0x6C00, 0xC0506C03, 0xC4106C05, 0x20006C01]))
    def other(self, request: int) -> None:
        """Try an ioctl that is none of the device's."""
        assert self.command("other", request) == (ENOTTY, [])

    @rule()
    def reopen(self) -> None:
        """Close and open the device: the states stay."""
        assert self.command("reopen") == (0, [])

    @invariant()
    def is_as_expected(self) -> None:
        """There are the states that there should be, and their code has run as often as it did."""
        assert self.command("count") == (0, [str(len(self.states))])
        for name, state in self.states.items():
            assert self.command("peek", word(name)) == (0, [str(state.count)])


TestLua4 = Device.TestCase
TestLua4.settings = settings(
    max_examples=int(os.environ.get("CALLGATE_FUZZ_LUA4", "15")), stateful_step_count=40
)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ('if name:sub(1, 1) == "_" then', "if false then"),
        ("elseif not states.is_user(state) then", "elseif false then"),
        ("math.min(#list, record.num_states)", "math.min(#list, record.num_states + 1)"),
        ('if not path:find("/", 1, true) then', "if false then"),
        ("ffi.sizeof(field) - 1):match", "ffi.sizeof(field)):match"),
    ],
)
def test_finding(line: str, instead: str, tmp_path: Path) -> None:
    """An emulator that gets something wrong does not pass."""
    text = (LIBRARY / "callgate" / "lua4.lua").read_text()
    assert line in text
    broken = tmp_path / "callgate" / "lua4.lua"
    broken.parent.mkdir(parents=True)
    broken.write_text(text.replace(line, instead))
    machine = type("Broken", (Device,), {"before": tmp_path})
    quick = settings(
        max_examples=1000, stateful_step_count=40, database=None, phases=[Phase.generate]
    )
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        run_state_machine_as_test(machine, settings=quick)
