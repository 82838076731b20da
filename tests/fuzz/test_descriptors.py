"""Random lives of descriptors, against a model that knows which numbers are open and whose.

Hypothesis drives descriptors.lua. What is open, and what it leads to, is read from /proc.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from callgate import luajit, paths

SCRIPT = Path(__file__).parent / "descriptors.lua"
LIBRARY = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
HIGHEST = 60  # number that is dup'ed onto


class Lives(RuleBasedStateMachine):
    """One process, and what should be open in it."""

    live = Bundle("live")  # slots of open objects
    closed = Bundle("closed")  # slots of closed ones
    pairs = Bundle("pairs")  # of slots: the ends of a socket pair, both open
    before: Path | None = None  # a folder with modules that stand before the library's

    def __init__(self) -> None:
        """Start the process."""
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        environment = luajit.environment(LIBRARY)
        if self.before:
            environment["LUA_PATH"] = f"{self.before}/?.lua;{environment['LUA_PATH']}"
        self.process = subprocess.Popen(
            [*luajit.interpreter(), str(SCRIPT), "hotloop=2"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.count = 0
        self.slots: dict[str, int] = {}  # of open objects -> number
        self.loose: set[int] = set()  # numbers that no object owns
        self.garbage: set[int] = set()  # open until the collector comes by
        self.leads_to: dict[int, str] = {}  # number -> what /proc says it leads to
        self.command("collect")  # it runs by then
        self.standard = set(self.open())

    def teardown(self) -> None:
        """End the process, which has nothing to say."""
        self.process.communicate()
        self.folder.cleanup()

    # --- the process -----------------------------------------------------------------------------

    def command(self, *words: object) -> list[int]:
        """Have a command done; return the numbers that it answers."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer, f"{words[0]} ended the process"
        assert not answer.startswith("!"), f"{words}: {answer}"
        return [int(word) for word in answer.split()]

    def open(self) -> dict[int, str]:
        """Return the open numbers, and what each leads to."""
        folder = Path(f"/proc/{self.process.pid}/fd")
        return {int(item.name): str(item.readlink()) for item in folder.iterdir()}

    def slot(self) -> str:
        """Return a name that no object had."""
        self.count += 1
        return f"s{self.count}"

    def path(self) -> str:
        """Return a path of its own, so that /proc tells files apart."""
        self.count += 1
        return f"{self.folder.name}/{self.count}"

    def born(self, slot: str, number: int) -> str:
        """Note that a slot's object owns a number."""
        assert number not in self.slots.values(), f"{number} is owned twice"
        assert number not in self.loose, f"{number} is somebody else's"
        self.garbage.discard(number)  # collected meanwhile
        self.slots[slot] = number
        self.leads_to[number] = self.open()[number]
        return slot

    # --- making ----------------------------------------------------------------------------------

    @rule(target=live)
    def open_file(self) -> str:
        """Open a new file."""
        slot = self.slot()
        return self.born(slot, *self.command("open", slot, self.path()))

    @rule(target=live)
    def make_epoll(self) -> str:
        """Make a descriptor of another kind."""
        slot = self.slot()
        return self.born(slot, *self.command("epoll", slot))

    @rule(target=live)
    def make_pipe(self) -> object:
        """Make two at once."""
        slots = self.slot(), self.slot()
        return multiple(*map(self.born, slots, self.command("pipe", *slots)))

    @rule(target=pairs)
    def make_pair(self) -> tuple[str, str]:
        """Make a socket pair."""
        slots = self.slot(), self.slot()
        first, second = map(self.born, slots, self.command("pair", *slots))
        return first, second

    @rule()
    def open_stranger(self) -> None:
        """Let something that is not the library open a file."""
        path = self.path()
        Path(path).touch()
        (number,) = self.command("stranger", path)
        assert number not in self.slots.values()
        self.garbage.discard(number)
        self.loose.add(number)
        self.leads_to[number] = path

    @rule(target=live, slot=live)
    def dup(self, slot: str) -> str:
        """Duplicate onto a new number."""
        new = self.slot()
        self.born(new, *self.command("dup", slot, new))
        assert self.leads_to[self.slots[new]] == self.leads_to[self.slots[slot]]
        return new

    @rule(slot=live, onto=live)
    def dup_onto(self, slot: str, onto: str) -> None:
        """Duplicate onto the number that another object owns, and goes on owning."""
        assert self.command("onto", slot, onto) == [self.slots[onto]]
        self.leads_to[self.slots[onto]] = self.leads_to[self.slots[slot]]

    @rule(target=live, slot=live, number=st.integers(40, HIGHEST))
    def dup_onto_number(self, slot: str, number: int) -> object:
        """Duplicate onto a free number, or one that nothing owns."""
        self.collect()
        if number in self.slots.values():
            return multiple()
        self.loose.discard(number)
        new = self.slot()
        return self.born(new, *self.command("onto_number", slot, new, number))

    @precondition(lambda self: self.loose)
    @rule(target=live, data=st.data())
    def adopt(self, data: st.DataObject) -> str:
        """Make an object own a number that nothing owned."""
        number = data.draw(st.sampled_from(sorted(self.loose)))
        self.loose.discard(number)
        slot = self.slot()
        return self.born(slot, *self.command("adopt", slot, number))

    @rule(target=live, slot=live, pair=pairs, back=st.booleans())
    def pass_over(self, slot: str, pair: tuple[str, str], *, back: bool) -> str:
        """Pass over a socket: a descriptor of its own arrives."""
        new = self.slot()
        ends = pair[::-1] if back else pair
        self.born(new, *self.command("pass", slot, *ends, new))
        assert self.leads_to[self.slots[new]] == self.leads_to[self.slots[slot]]
        return new

    @rule(slot=live, pair=pairs)
    def pass_and_forget(self, slot: str, pair: tuple[str, str]) -> None:
        """Pass over a socket to somebody who does not look at it."""
        before = set(self.open())
        self.command("pass_and_forget", slot, *pair)
        for number in set(self.open()) - before:
            self.garbage.add(number)

    # --- ending ----------------------------------------------------------------------------------

    @rule(target=closed, slot=consumes(live), by=st.sampled_from(["close", "close_call"]))
    def close(self, slot: str, by: str) -> str:
        """Close."""
        self.command(by, slot)
        assert self.slots.pop(slot) not in self.open()
        return slot

    @rule(slot=closed)
    def close_again(self, slot: str) -> None:
        """Close what is closed."""
        self.command("close_again", slot)

    @rule(slot=closed, which=st.integers(0, 10))
    def use(self, slot: str, which: int) -> None:
        """Use what is closed."""
        self.command("use", slot, which)

    @precondition(lambda self: self.loose)
    @rule(data=st.data())
    def close_number(self, data: st.DataObject) -> None:
        """Close a number that nothing owns."""
        number = data.draw(st.sampled_from(sorted(self.loose)))
        self.command("close_number", number)
        self.loose.discard(number)

    @rule(slot=consumes(live))
    def nogc(self, slot: str) -> None:
        """Hand ownership out."""
        number = self.slots.pop(slot)
        assert self.command("nogc", slot) == [number]
        self.loose.add(number)

    @rule(slot=consumes(live))
    def drop(self, slot: str) -> None:
        """Forget an object."""
        self.garbage.add(self.slots.pop(slot))
        self.command("drop", slot)

    @rule(slot=consumes(closed))
    def drop_closed(self, slot: str) -> None:
        """Forget an object that is closed: its number is somebody else's by then."""
        self.command("drop", slot)

    @rule()
    def collect(self) -> None:
        """Collect: what is forgotten is closed, and nothing else."""
        self.command("collect")
        self.garbage.clear()

    @rule()
    def fork(self) -> None:
        """Let a child drop and collect everything: this process notices nothing of it."""
        inside = set(self.command("fork"))
        self.command("wait")  # the child has answered, while the process was perhaps still reading
        assert inside == self.standard | self.loose

    @invariant()
    def is_as_expected(self) -> None:
        """Nothing has leaked, and nothing was closed, or replaced, that is somebody's."""
        found = self.open()
        kept = self.standard | self.loose | set(self.slots.values())
        assert kept <= set(found), f"closed: {kept - set(found)}"
        assert set(found) <= kept | self.garbage, f"leaked: {set(found) - kept - self.garbage}"
        for number in kept - self.standard:
            assert found[number] == self.leads_to[number]
        self.garbage &= set(found)


TestDescriptors = Lives.TestCase
TestDescriptors.settings = settings(
    max_examples=int(os.environ.get("CALLGATE_FUZZ_LIVES", "30")), stateful_step_count=40
)


@pytest.mark.parametrize(
    ("module", "line", "instead"),
    [
        (
            "fd",
            "  fill(self, 4, 255) -- to -1: what costs the interpreter least\n  gc(self, nil)",
            "  gc(self, nil)",
        ),  # closes twice
        ("fd", "  return gc(self, nil)\nend", "  return self\nend"),  # closes what it gave away
        ("fd", "    __gc = collect,\n", ""),  # never closes
        ("behaviour/messages", "descriptors.type(numbers[i])", "numbers[i]"),  # nobody owns it
        ("behaviour/descriptors", "if descriptors.number(given) then", "if false then"),
    ],
)
def test_finding(module: str, line: str, instead: str, tmp_path: Path) -> None:
    """A library that loses a descriptor, or closes a stranger's, does not pass."""
    text = (LIBRARY / "callgate" / f"{module}.lua").read_text()
    assert line in text
    broken = tmp_path / "callgate" / f"{module}.lua"
    broken.parent.mkdir(parents=True)
    broken.write_text(text.replace(line, instead))
    machine = type("Broken", (Lives,), {"before": tmp_path})
    quick = settings(
        max_examples=400, stateful_step_count=40, database=None, phases=[Phase.generate]
    )
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        run_state_machine_as_test(machine, settings=quick)
