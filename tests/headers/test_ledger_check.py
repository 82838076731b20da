"""Nothing released is lost or changed in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.headers.ledger import FOLDER, Ledger, load_ledger
from callgate.headers.ledger_check import Problem, check_ledger, update_ledger
from callgate.headers.tombstones import FILE, Tombstone, load_tombstones
from callgate.headers.volatile import Volatile, load_volatile
from callgate.pipeline import load_abi, open_tree
from callgate.report import Reporter
from callgate.targets import DEFAULT_TARGET, load_targets

from .ledger_models import abi, record

if TYPE_CHECKING:
    from callgate.model import Abi

POINT = record("struct p", "x", "y")
BASE = abi({"A": 5, "A_MAX": 7}, POINT, syscalls={"read": 3})
VOLATILE = Volatile((("*_MAX", "the last one"),))
ARM = {"x86_64": BASE, "arm": BASE}


def begun(**abis: Abi) -> Ledger:
    """Return a new ledger."""
    return update_ledger(abis or ARM, None)[0]


def problems(today: dict[str, Abi], *tombstones: Tombstone) -> list[Problem]:
    """Return what models have otherwise than the ledger of BASE on two architectures."""
    return check_ledger(today, begun(), tombstones, VOLATILE)


def only(today: Abi) -> Problem:
    """Return the single problem when both architectures are so."""
    (found,) = problems({"x86_64": today, "arm": today})
    return found


class TestCheck:
    """What is reported."""

    def test_nothing(self) -> None:
        """A ledger made of the models holds."""
        assert problems(ARM) == []

    def test_removed(self) -> None:
        """A name that is gone is named with its header and its meaning."""
        found = only(abi({"A_MAX": 7}, POINT, syscalls={"read": 3}))
        assert (found.name, found.what, found.old, found.new) == ("A", "removed", "5", None)
        assert found.breaks
        assert str(found) == "linux/test.h: constant A: 5 -> nothing: it is gone"

    def test_removed_on_one(self) -> None:
        """A name that is gone on one architecture only is reported for that one."""
        (found,) = problems(ARM | {"arm": abi({"A": 5, "A_MAX": 7}, POINT)})
        assert (found.kind, found.name, found.architectures) == ("syscalls", "read", ("arm",))

    def test_changed(self) -> None:
        """Another value breaks, unless the name is volatile: then it only has to be recorded."""
        found = only(abi({"A": 6, "A_MAX": 7}, POINT, syscalls={"read": 3}))
        assert (found.what, found.breaks) == ("changed", True)
        found = only(abi({"A": 5, "A_MAX": 8}, POINT, syscalls={"read": 3}))
        assert (found.what, found.breaks) == ("moved on", False)

    def test_number(self) -> None:
        """Another number of a system call breaks."""
        found = only(abi({"A": 5, "A_MAX": 7}, POINT, syscalls={"read": 4}))
        assert (found.what, found.old, found.new) == ("changed", "3", "4")

    @pytest.mark.parametrize(
        ("fields", "what", "breaks"),
        [
            ("xyz", "grown", False),
            ("x", "shrunk", True),
            ("yx", "rearranged", True),
            ("xzy", "rearranged", True),
        ],
    )
    def test_record(self, fields: str, what: str, breaks: bool) -> None:
        """A record may grow behind its known fields; nothing else may happen to it."""
        point = record("struct p", *fields)
        found = only(abi({"A": 5, "A_MAX": 7}, point, syscalls={"read": 3}))
        assert (found.name, found.what, found.breaks) == ("struct p", what, breaks)

    def test_new(self) -> None:
        """A new name breaks nothing, but has to be recorded."""
        found = only(abi({"A": 5, "A_MAX": 7, "B": 1}, POINT, syscalls={"read": 3}))
        assert (found.name, found.what, found.breaks) == ("B", "new", False)

    def test_one_architecture(self) -> None:
        """The models of some architectures are compared with what is known of these."""
        assert problems({"arm": BASE}) == []
        found = problems({"sparc": BASE})
        assert {item.what for item in found} == {"new"}

    def test_breaks_first(self) -> None:
        """What breaks comes before what is merely new."""
        found = problems({"arm": abi({"A_MAX": 7, "B": 1}, POINT, syscalls={"read": 3})})
        assert [item.what for item in found] == ["removed", "new"]


class TestTombstones:
    """What is accepted."""

    GONE = abi({"A_MAX": 7}, POINT, syscalls={"read": 3})

    def test_removal(self) -> None:
        """A row with the name's last meaning excuses a removal; one for elsewhere does not."""
        row = Tombstone("constants", "A", "why", "7.3.0", "5")
        assert problems(dict.fromkeys(ARM, self.GONE), row) == []
        elsewhere = Tombstone("constants", "A", "why", "7.3.0", "5", on=("sparc",))
        assert problems(dict.fromkeys(ARM, self.GONE), elsewhere)

    def test_another_meaning(self) -> None:
        """A row about another meaning of the name excuses nothing."""
        row = Tombstone("constants", "A", "why", "7.3.0", "6")
        assert [item.what for item in problems(dict.fromkeys(ARM, self.GONE), row)] == ["removed"]

    def test_stale(self) -> None:
        """A row for a name that is there, or that never was, is reported."""
        there = Tombstone("constants", "A", "why", "7.3.0", "5")
        never = Tombstone("constants", "NEVER", "why", "7.3.0", "5")
        assert [item.name for item in problems(ARM, there, never)] == ["NEVER", "A"]
        assert {item.what for item in problems(ARM, there, never)} == {"stale"}


class TestUpdate:
    """What is recorded."""

    NEXT = abi({"A_MAX": 8, "B": 1}, POINT, syscalls={"read": 3}, kernel="7.3.0")
    TODAY = dict.fromkeys(ARM, NEXT)

    def test_refused(self) -> None:
        """A break without a reason is left over."""
        _, rows, left = update_ledger(self.TODAY, begun(), (), VOLATILE)
        assert ([item.name for item in left], rows) == (["A"], ())

    def test_accepted(self) -> None:
        """With a reason it gets a tombstone, stays in the ledger as lost, and the check passes."""
        ledger, rows, left = update_ledger(self.TODAY, begun(), (), VOLATILE, reason="dropped")
        assert left == []
        assert rows == (Tombstone("constants", "A", "dropped", "7.3.0", "5"),)
        fact = ledger.rows["constants"]["A"].on("arm")
        assert fact is not None
        assert (fact.text, fact.last) == ("5", "7.2.0")
        assert check_ledger(self.TODAY, ledger, rows, VOLATILE) == []

    def test_lost_in_silence_by_hand(self) -> None:
        """A name marked as lost in the ledger needs its tombstone."""
        ledger, *_ = update_ledger(self.TODAY, begun(), (), VOLATILE, reason="dropped")
        found = check_ledger(self.TODAY, ledger, (), VOLATILE)
        assert [(item.name, item.what) for item in found] == [("A", "removed")]

    def test_since(self) -> None:
        """A new name has the version that it came with, an old one keeps its own."""
        ledger, *_ = update_ledger(self.TODAY, begun(), (), VOLATILE, reason="dropped")
        since = {name: row.since for name, row in ledger.rows["constants"].items()}
        assert since == {"A": "7.2.0", "A_MAX": "7.2.0", "B": "7.3.0"}
        assert (ledger.since, ledger.kernel) == ("7.2.0", "7.3.0")

    def test_returned(self) -> None:
        """A lost name that is back is found, and recorded as there; its tombstone goes."""
        ledger, rows, _ = update_ledger(self.TODAY, begun(), (), VOLATILE, reason="dropped")
        back = abi({"A": 5, "A_MAX": 8, "B": 1}, POINT, syscalls={"read": 3}, kernel="7.4.0")
        today = dict.fromkeys(ARM, back)
        found = {item.what for item in check_ledger(today, ledger, rows, VOLATILE)}
        assert found == {"stale", "returned"}
        ledger, rows, _ = update_ledger(today, ledger, rows, VOLATILE, reason="back")
        assert (rows, check_ledger(today, ledger, rows, VOLATILE)) == ((), [])

    def test_new_architecture(self) -> None:
        """An architecture that joins is recorded beside the others."""
        ledger, _, left = update_ledger(ARM | {"mips": abi({"A": 9})}, begun())
        row = ledger.rows["constants"]["A"]
        assert (left, ledger.architectures) == ([], ("x86_64", "arm", "mips"))
        assert [getattr(row.on(each), "text", None) for each in ledger.architectures] == [
            "5",
            "5",
            "9",
        ]

    def test_same_again(self) -> None:
        """An update that finds nothing new changes nothing."""
        ledger, *_ = update_ledger(ARM, begun())
        assert ledger == begun()


@pytest.mark.slow
def test_project() -> None:
    """The project's ledger holds for the project's own target: nothing is lost in silence."""
    data = paths.data_dir("headers")
    target = load_targets(data / "targets.toml")[DEFAULT_TARGET]
    today = load_abi(target, open_tree(target), Reporter(quiet=True)).abi
    found = check_ledger(
        {target.arch: today},
        load_ledger(data / FOLDER),
        load_tombstones(data / FILE),
        load_volatile(data / "volatile.toml"),
    )
    assert [str(item) for item in found] == []
