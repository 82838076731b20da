"""Two surfaces compared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.explore.diff import (
    Change,
    FieldChange,
    as_json,
    counts,
    diff,
    is_known,
    nearest,
    select,
)
from callgate.explore.surface import Alias, Call, Entry, Layout, Member, Surface, Value
from callgate.headers.volatile import Volatile

VOLATILE = Volatile((("*_MAX", "the last one"),))
HEADER = "linux/test.h"
X = Member("x", "int", 0, 4)
Y = Member("y", "int", 4, 4)
POINT = Layout(8, 4, (X, Y), HEADER)
BASE = Surface(
    "old",
    "x86_64-linux-gnu",
    "7.2.0",
    {"A": Value(1, HEADER), "A_MAX": Value(3, HEADER)},
    {"struct point": POINT},
    {"word": Alias("typedef int word", 4, HEADER)},
    {"read": Call(0, "long read(int fd)")},
)


def point(layout: Layout) -> Change:
    """Return the only change where struct point becomes ``layout``."""
    (change,) = diff(BASE, replace(BASE, records={"struct point": layout}), VOLATILE)
    return change


class TestDiff:
    """Names added, removed and changed."""

    def test_nothing(self) -> None:
        """A surface does not differ from itself."""
        assert diff(BASE, BASE, VOLATILE) == []

    def test_constants(self) -> None:
        """A new, a missing and another value are told apart, and a bound is volatile."""
        new = replace(BASE, constants={"A_MAX": Value(4, HEADER), "B": Value(2, HEADER)})
        found = [(item.name, item.what, item.volatile) for item in diff(BASE, new, VOLATILE)]
        assert found == [("A", "removed", False), ("A_MAX", "changed", True), ("B", "added", False)]

    def test_another_type_of_value(self) -> None:
        """A number and the string that spells it differ."""
        new = replace(BASE, constants={**BASE.constants, "A": Value("1", HEADER)})
        assert [item.what for item in diff(BASE, new, VOLATILE)] == ["changed"]

    def test_another_header(self) -> None:
        """A name that only moved to another header has not changed."""
        new = replace(BASE, constants={**BASE.constants, "A": Value(1, "linux/other.h")})
        assert diff(BASE, new, VOLATILE) == []

    def test_system_call(self) -> None:
        """A number and a prototype are both compared."""
        for call in (Call(1, "long read(int fd)"), Call(0, "long read(long fd)")):
            (change,) = diff(BASE, replace(BASE, syscalls={"read": call}), VOLATILE)
            assert (change.kind, change.name, change.what) == ("syscalls", "read", "changed")

    def test_unknown_typedefs(self) -> None:
        """Typedefs are not compared with a side that does not know them."""
        assert diff(BASE, replace(BASE, typedefs=None), VOLATILE) == []
        assert len(diff(BASE, replace(BASE, typedefs={}), VOLATILE)) == 1

    def test_order(self) -> None:
        """Changes come by header, then kind, then name."""
        new = replace(
            BASE,
            constants={
                **BASE.constants,
                "Z": Value(1, "a.h"),
                "B": Value(1, "z.h"),
                "C": Value(1, "a.h"),
            },
            records={**BASE.records, "struct a": replace(POINT, header="a.h")},
        )
        names = [item.name for item in diff(BASE, new, VOLATILE)]
        assert names == ["C", "Z", "struct a", "B"]


class TestRecords:
    """Records that differ, field by field."""

    def test_grown(self) -> None:
        """A field at the end makes a record grow."""
        z = Member("z", "long", 8, 8)
        change = point(Layout(16, 8, (X, Y, z), HEADER))
        assert change.what == "grown"
        assert change.fields == (FieldChange(None, z),)
        assert change.fields[0].whats == ("added",)

    def test_shrunk(self) -> None:
        """A record without its last field has shrunk."""
        change = point(Layout(4, 4, (X,), HEADER))
        assert (change.what, change.fields) == ("shrunk", (FieldChange(Y, None),))

    def test_moved_and_resized(self) -> None:
        """A field at another place and of another size says both."""
        wide = Member("y", "long", 8, 8)
        (field,) = point(Layout(16, 8, (X, wide), HEADER)).fields
        assert field.whats == ("moved", "resized")

    def test_renamed(self) -> None:
        """Another name for the same bytes is one renamed field."""
        (field,) = point(Layout(8, 4, (X, replace(Y, name="why")), HEADER)).fields
        assert (field.whats, field.old) == (("renamed",), Y)

    def test_swapped(self) -> None:
        """Two fields that change places have moved; neither is renamed."""
        swapped = (replace(Y, offset=0), replace(X, offset=4))
        change = point(Layout(8, 4, swapped, HEADER))
        assert [each.whats for each in change.fields] == [("moved",), ("moved",)]

    def test_alignment(self) -> None:
        """Another alignment alone is a change without fields."""
        change = point(replace(POINT, align=8))
        assert (change.what, change.fields) == ("changed", ())

    def test_type_text(self) -> None:
        """Another spelling of a field's type is no change."""
        layout = replace(POINT, fields=(X, replace(Y, type="__s32")))
        assert diff(BASE, replace(BASE, records={"struct point": layout}), VOLATILE) == []


class TestSelect:
    """Filters by kind and by name."""

    NEW = replace(BASE, constants={}, records={}, syscalls={})

    def test_kinds(self) -> None:
        """Only the kinds asked for are kept."""
        kept = select(diff(BASE, self.NEW, VOLATILE), ["records", "syscalls"], None)
        assert [item.name for item in kept] == ["struct point", "read"] or len(kept) == 2

    @pytest.mark.parametrize("pattern", ["struct point", "point", "po*", "struct p*"])
    def test_record_without_its_tag(self, pattern: str) -> None:
        """A glob meets a record's name with and without "struct"."""
        kept = select(diff(BASE, self.NEW, VOLATILE), (), pattern)
        assert [item.name for item in kept] == ["struct point"]

    def test_unknown_name(self) -> None:
        """A glob that nothing matches gets the nearest name, on either side."""
        assert is_known("A*", BASE, self.NEW)
        assert not is_known("poimt", BASE, self.NEW)
        assert nearest("poimt", self.NEW, BASE) == "did you mean point?"


def test_counts() -> None:
    """Changes are counted by kind and by what happened; what is zero is left out."""
    new = replace(BASE, constants={"A_MAX": Value(4, HEADER)})
    assert counts(diff(BASE, new, VOLATILE)) == {
        "constants": {"removed": 1, "changed": 1, "volatile": 1}
    }


def test_json() -> None:
    """The JSON has both sides, the counts, and each change with its fields."""
    new = replace(BASE, name="new", records={"struct point": Layout(4, 4, (X,), HEADER)})
    value = as_json(BASE, new, diff(BASE, new, VOLATILE))
    assert value["old"] == {"name": "old", "target": "x86_64-linux-gnu", "kernel": "7.2.0"}
    assert value["counts"] == {"records": {"shrunk": 1}}
    assert value["changes"] == [
        {
            "kind": "records",
            "name": "struct point",
            "what": "shrunk",
            "header": HEADER,
            "volatile": False,
            "old": {"size": 8, "align": 4},
            "new": {"size": 4, "align": 4},
            "fields": [
                {
                    "what": ["removed"],
                    "old": {"name": "y", "type": "int", "offset": 4, "size": 4},
                    "new": None,
                }
            ],
        }
    ]


# --- symmetry ------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c", "d_MAX"])
HEADERS = st.sampled_from(["linux/a.h", "linux/b.h"])
SMALL = st.integers(0, 3)
BITS = st.none() | st.tuples(SMALL, SMALL)
MEMBERS = st.builds(Member, NAMES, st.just("int"), SMALL, SMALL, BITS)
FIELDS = st.lists(MEMBERS, max_size=4, unique_by=lambda item: item.name).map(tuple)
SURFACES = st.builds(
    Surface,
    st.just("x"),
    st.just("x"),
    st.just("7.2.0"),
    st.dictionaries(NAMES, st.builds(Value, SMALL | st.text(max_size=1), HEADERS)),
    st.dictionaries(NAMES, st.builds(Layout, SMALL, SMALL, FIELDS, HEADERS)),
    st.dictionaries(NAMES, st.builds(Alias, NAMES, SMALL, HEADERS)),
    st.dictionaries(NAMES, st.builds(Call, SMALL, NAMES)),
)
MIRRORED = {"added": "removed", "removed": "added", "grown": "shrunk", "shrunk": "grown"}


def facts(change: Change) -> tuple[str, str, Entry | None, Entry | None, str]:
    """Return a change without its fields."""
    return (change.kind, change.name, change.old, change.new, change.what)


def mirrored(change: Change) -> tuple[str, str, Entry | None, Entry | None, str]:
    """Return what the change is in the other direction."""
    what = MIRRORED.get(change.what, change.what)
    return (change.kind, change.name, change.new, change.old, what)


class TestSymmetry:
    """What the comparison says in one direction it says mirrored in the other."""

    @given(SURFACES)
    def test_itself(self, one: Surface) -> None:
        """No surface differs from itself."""
        assert diff(one, one, VOLATILE) == []

    @given(SURFACES, SURFACES)
    def test_mirror(self, one: Surface, other: Surface) -> None:
        """diff(A, B) and diff(B, A) name the same changes, mirrored, fields included."""
        there, back = diff(one, other, VOLATILE), diff(other, one, VOLATILE)
        key = repr
        assert sorted(map(facts, there), key=key) == sorted(map(mirrored, back), key=key)
        by_name = {(item.kind, item.name): item for item in back}
        for item in there:
            twin = by_name[item.kind, item.name]
            fields = [(each.old, each.new, sorted(each.whats)) for each in item.fields]
            swapped = [
                (
                    each.new,
                    each.old,
                    sorted(MIRRORED.get(what, what) for what in each.whats),
                )
                for each in twin.fields
            ]
            assert sorted(fields, key=key) == sorted(swapped, key=key)

    @given(SURFACES, SURFACES)
    def test_complete(self, one: Surface, other: Surface) -> None:
        """A name without a change is the same in both, but for its header."""
        changed = {(item.kind, item.name) for item in diff(one, other, VOLATILE)}
        for name in one.constants.keys() | other.constants.keys():
            if ("constants", name) not in changed:
                assert one.constants[name].value == other.constants[name].value
