"""The ledger's files."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.errors import CallgateError
from callgate.headers.ledger import (
    Fact,
    Ledger,
    constant_text,
    kernel_facts,
    ledger_text,
    load_ledger,
    make_row,
    parse_shape,
    set_text,
    shape_of,
    write_ledger,
)

from .ledger_models import abi, record

if TYPE_CHECKING:
    from pathlib import Path

ARCHS = ("x86_64", "arm", "mips", "mipsel", "mips64", "powerpc")
HEADER = "linux/a.h"


def one(name: str, **facts: Fact | None) -> Ledger:
    """Return a ledger of one constant."""
    row = make_row(HEADER, "7.2.0", {each: facts.get(each) for each in ARCHS}, ARCHS)
    return Ledger(
        "7.2.0", "7.2.0", ARCHS, {"constants": {name: row}, "records": {}, "syscalls": {}}
    )


def line(ledger: Ledger) -> str:
    """Return the constant's line."""
    return ledger_text(ledger, "constants").splitlines()[-1]


class TestText:
    """One line a name."""

    def test_common(self) -> None:
        """A value that all architectures share is written once."""
        assert line(one("A", **dict.fromkeys(ARCHS, Fact("5")))) == "A 5"

    def test_deltas(self) -> None:
        """Architectures with another value follow, families by their pattern."""
        five, six = Fact("5"), Fact("6")
        facts = dict.fromkeys(ARCHS, five) | {"mips": six, "mipsel": six, "mips64": six}
        assert line(one("A", **facts)) == "A 5 mips*=6"

    def test_absent(self) -> None:
        """Where few have a name they are named; where few lack it, those are."""
        assert line(one("A", arm=Fact("5"))) == "A arm=5"
        facts: dict[str, Fact | None] = dict.fromkeys(ARCHS, Fact("5"))
        assert line(one("A", **(facts | {"arm": None}))) == "A 5 arm=-"

    def test_lost(self) -> None:
        """What is gone keeps its meaning and the version that had it last."""
        assert line(one("A", arm=Fact("5", "7.1.0"))) == "A arm=5@7.1.0"

    def test_sorted(self) -> None:
        """Names are sorted below sorted headers, after what the ledger covers."""
        rows = {
            name: make_row(header, "7.2.0", {"x86_64": Fact("1")}, ["x86_64"])
            for name, header in (("B", "b.h"), ("Z", "a.h"), ("A", "a.h"))
        }
        ledger = Ledger("7.2.0", "7.3.0", ("x86_64",), {"constants": rows})
        _, *lines = ledger_text(ledger, "constants").splitlines()
        assert lines[:3] == ["since 7.2.0", "kernel 7.3.0", "architectures x86_64"]
        assert lines[3:] == ["", "[a.h]", "A 1", "Z 1", "", "[b.h]", "B 1"]

    @pytest.mark.parametrize(
        ("chosen", "text"),
        [
            (("mips", "mipsel"), "mips,mipsel"),
            (("arm", "mips", "mipsel", "mips64"), "arm,mips*"),
            (("powerpc",), "powerpc"),
        ],
    )
    def test_sets(self, chosen: tuple[str, ...], text: str) -> None:
        """A family's pattern stands only where all of several members are meant."""
        assert set_text(chosen, ARCHS) == text

    def test_spaces(self) -> None:
        """A string's spaces are escaped, since spaces separate words."""
        assert constant_text("a b=c") == '"a\\u0020b=c"'
        assert json.loads(constant_text("a b=c")) == "a b=c"


TEXTS = st.one_of(
    st.integers().map(constant_text),
    st.floats(allow_nan=False).map(constant_text),
    st.text(alphabet=st.characters(max_codepoint=255)).map(constant_text),
    st.builds("{}/{}/{}/{}".format, *[st.integers(0, 99)] * 4),
)
VERSIONS = st.none() | st.sampled_from(["7.1.0", "7.2.13"])
FACTS = st.none() | st.builds(Fact, TEXTS, VERSIONS)
NAMES = st.text(string.ascii_letters + "_", min_size=1, max_size=3)
ROWS = st.tuples(
    st.sampled_from([HEADER, "b.h"]), st.sampled_from(["7.2.0", "7.3.0"]),
    st.fixed_dictionaries(dict.fromkeys(ARCHS, FACTS)),
).filter(lambda row: any(row[2].values())).map(lambda row: make_row(*row, ARCHS))  # fmt: skip
TABLES = st.fixed_dictionaries(
    {
        "constants": st.dictionaries(NAMES, ROWS),
        "records": st.dictionaries(NAMES.map(lambda name: f"struct {name}"), ROWS),
        "syscalls": st.dictionaries(NAMES, ROWS),
    }
)


class TestFiles:
    """Written and read."""

    @given(TABLES)
    def test_round_trip(
        self, tmp_path_factory: pytest.TempPathFactory, rows: dict[str, dict[str, object]]
    ) -> None:
        """What is written is read as it was, whatever the facts are."""
        folder = tmp_path_factory.mktemp("ledger")
        ledger = Ledger("7.2.0", "7.3.0", ARCHS, rows)  # type: ignore[arg-type]
        write_ledger(ledger, folder)
        found = load_ledger(folder)
        assert (found.since, found.kernel, found.architectures) == ("7.2.0", "7.3.0", ARCHS)
        for kind, names in ledger.rows.items():
            assert found.rows[kind].keys() == names.keys()
            for name, row in names.items():
                again = found.rows[kind][name]
                assert (again.header, again.since) == (row.header, row.since)
                assert [again.on(each) for each in ARCHS] == [row.on(each) for each in ARCHS]

    @pytest.mark.parametrize(
        ("extra", "said"),
        [
            ("A 6", "stands below linux/a.h as well"),
            ("B sparc=6", "no architecture is called sparc"),
        ],
    )
    def test_wrong_line(self, tmp_path: Path, extra: str, said: str) -> None:
        """A line that is not the format's is named with its number."""
        write_ledger(one("A", arm=Fact("5")), tmp_path)
        path = tmp_path / "constants.txt"
        path.write_text(path.read_text(encoding="utf-8") + extra + "\n", encoding="utf-8")
        with pytest.raises(CallgateError, match=rf"constants\.txt:8: .*{said}"):
            load_ledger(tmp_path)

    def test_parts_of_two_ledgers(self, tmp_path: Path) -> None:
        """Files that begin differently, as after half a merge, are refused."""
        write_ledger(one("A", arm=Fact("5")), tmp_path)
        path = tmp_path / "records.txt"
        text = path.read_text(encoding="utf-8").replace("kernel 7.2.0", "kernel 7.3.0")
        path.write_text(text, encoding="utf-8")
        with pytest.raises(CallgateError, match="its files begin differently"):
            load_ledger(tmp_path)


class TestFacts:
    """What of a model is recorded."""

    def test_kernel_only(self) -> None:
        """Constants, records and system calls of the kernel, none of the C library."""
        found = kernel_facts(abi({"A": 5}, record("struct p", "x"), syscalls={"read": 0}))
        assert found["constants"] == {"A": ("linux/test.h", "5")}
        assert found["records"].keys() == {"struct p"}
        assert found["syscalls"] == {"read": ("system calls", "0")}

    def test_shape(self) -> None:
        """A record's shape is kept by new fields behind, and by nothing else."""
        point = shape_of(record("struct p", "x", "y"))
        assert (point.size, point.align, point.fields) == (8, 4, 2)
        assert parse_shape(point.text) == point
        assert shape_of(record("struct p", "x", "y", "z"), 2).hash == point.hash
        assert shape_of(record("struct p", "y", "x")).hash != point.hash
