"""What is asked of each kind of item, and in which translation unit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from callgate.model import Constant, Function, Location, RecordName, Scalar, Typedef
from callgate.verify.questions import Question, members, questions, sheets

if TYPE_CHECKING:
    from tests.verify.conftest import Small

    from callgate.model import TypeRef


def facts(asked: list[Question], kind: str, name: str) -> dict[str, object]:
    """Return the facts of one question."""
    found = next(item for item in asked if (item.kind, item.name) == (kind, name))
    return dict(zip(found.facts, found.expected, strict=True))


class TestQuestions:
    """questions()."""

    def test_constants(self, small: Small) -> None:
        """A constant is asked for its value, width and signedness, a string for its bytes."""
        asked = questions(small.abi)
        assert facts(asked, "constant", "T_NEGATIVE") == {"value": -3, "size": 4, "signed": 1}
        assert facts(asked, "enumerator", "T_BLUE") == {"value": 7, "size": 4, "signed": 1}
        assert facts(asked, "string", "T_TEXT") == {"bytes": 'a\x01"b', "size": 5}
        assert facts(asked, "float", "T_HALF") == {"value": 0.5, "size": 4}

    def test_field(self, small: Small) -> None:
        """A field is asked for offset, size and signedness; an array for all its lengths too."""
        asked = questions(small.abi)
        number = {"offset": 4, "size": 4, "signed": 0}
        assert facts(asked, "field", "struct t_plain.number") == number
        assert facts(asked, "field", "struct t_plain.list") == {
            "offset": 8, "size": 12, "length": 3, "length 2": 2, "signed": 1,
        }  # fmt: skip
        assert facts(asked, "field", "struct t_plain.next") == {"offset": 24, "size": 8}

    def test_flexible_array(self, small: Small) -> None:
        """A flexible array has no size, but its element has."""
        tail = {"offset": 112, "element size": 4, "signed": 1}
        assert facts(questions(small.abi), "field", "struct t_outer.tail") == tail

    def test_bit_field(self, small: Small) -> None:
        """A bit-field is asked for position and width in bits; a nameless one is not asked."""
        asked = questions(small.abi)
        high = {"position": 3, "width": 5, "signed": 1}
        assert facts(asked, "bit-field", "struct t_bits.high") == high
        assert sum(item.kind == "bit-field" for item in asked) == 5

    def test_paths(self, small: Small) -> None:
        """Fields of anonymous records stand under their own names, of named ones under a path."""
        outer = small.abi.record["struct t_outer"]
        assert [(item.path, item.bit // 8) for item in members(outer)] == [
            ("a", 0), ("named", 4), ("named.x", 4), ("named.y", 4), ("slots", 8),
            ("slots[0].c", 8), ("slots[0].p", 16), ("extended", 96), ("tail", 112),
        ]  # fmt: skip

    def test_typedefs_that_c_does_not_measure(self, small: Small) -> None:
        """Nothing is asked of typedefs of void, of functions and of incomplete records."""
        void = Scalar("void", "void", 0, 1)
        place = Location("uapi", "t/small.h", 1)
        kinds: tuple[TypeRef, ...] = void, Function(void, ()), RecordName("struct t_nowhere", 0, 1)
        typedefs = tuple(Typedef(f"t_{n}", kind, place) for n, kind in enumerate(kinds))
        asked = questions(replace(small.abi, typedefs=typedefs))
        assert [item.name for item in asked if item.kind == "typedef"] == []


class TestSheets:
    """sheets()."""

    def test_one_per_unit(self, small: Small) -> None:
        """What is unique in its unit is asked in the whole unit."""
        (only,) = sheets(questions(small.abi))
        assert (only.unit, only.header) == ("uapi", None)
        assert len(only.questions) == len(questions(small.abi))

    def test_two_definitions(self, small: Small) -> None:
        """Of a name that two headers define, each definition is asked with its header alone."""
        again = Constant("T_BIT", 1, 4, True, "macro", Location("uapi", "t/b.h", 1), primary=False)
        asked = questions(replace(small.abi, constants=(*small.abi.constants, again)))
        places = [(item.unit, item.header, len(item.questions)) for item in sheets(asked)]
        alone = [("uapi", "t/b.h", 1), ("uapi", "t/small.h", 1)]
        assert places == [("uapi", None, len(asked) - 2), *alone]

    def test_macro_over_enumerator(self, small: Small) -> None:
        """A macro and an enumerator of one name can both be asked in one unit."""
        place = Location("uapi", "t/small.h", 1)
        again = Constant("T_RED", 1, 4, True, "macro", place, primary=False)
        asked = questions(replace(small.abi, constants=(*small.abi.constants, again)))
        assert [item.header for item in sheets(asked)] == [None]
