"""Header modules, the index and the literals in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callgate.emit.facts import facts
from callgate.emit.headers import emit_headers
from callgate.emit.literals import lua_key, lua_literal, lua_string, wrap
from callgate.emit.names import RecordNames
from callgate.model import Abi, Constant, Field, Location, Macro, Record, Scalar
from callgate.paths import data_dir
from callgate.targets import load_targets

INT = Scalar("integer", "int", 4, 4, signed=True)
TARGET = load_targets(data_dir("headers") / "targets.toml")["x86_64-linux-gnu"]


def constant(
    value: float | str, *, text: str = "", signed: bool = True, name: str = "X"
) -> Constant:
    """Return a constant of linux/test.h."""
    where = Location("uapi", "linux/test.h", 1)
    return Constant(name, value, 8, signed, "macro", where, text)


def struct(name: str, unit: str, *, primary: bool = True, size: int = 4) -> Record:
    """Return a struct of one int in a header of that unit."""
    where = Location(unit, f"{unit}/test.h", 1)
    return Record(name, "struct", size, 4, (Field("a", INT, 0),), where, primary=primary)


def abi(constants: tuple[Constant, ...] = (), records: tuple[Record, ...] = ()) -> Abi:
    """Return a model that holds only these."""
    return Abi("x86_64-linux-gnu", "7.2.0", constants, records, (), (), (), (), (), ())


class TestLiterals:
    """A constant's literal has its value, exactly."""

    @pytest.mark.parametrize(
        ("value", "signed", "expected"),
        [
            (12, True, "12"),
            (-1, True, "-1"),
            (2**53, False, "9007199254740992"),
            (2**53 + 1, False, "9007199254740993ULL"),
            (2**64 - 1, False, "18446744073709551615ULL"),
            (-(2**63), True, "-9223372036854775808LL"),
        ],
    )
    def test_integers(self, value: int, signed: bool, expected: str) -> None:
        """What a double cannot hold is written as 64-bit cdata."""
        assert lua_literal(constant(value, signed=signed)) == expected

    def test_bits_are_shown_as_bits(self) -> None:
        """What the header writes as bits is written in hexadecimal."""
        assert lua_literal(constant(64, text="(1 << 6)")) == "0x40"
        assert lua_literal(constant(255, text="0xff")) == "0xff"

    def test_strings(self) -> None:
        """Every byte of a string survives."""
        assert lua_string('a"\\\n\0é') == '"a\\"\\\\\\n\\000\\233"'

    def test_keys(self) -> None:
        """A key that Lua would take for a keyword is quoted."""
        assert lua_key("O_CREAT") == "O_CREAT"
        assert lua_key("end") == '["end"]'


class TestNames:
    """One name in the library means one layout."""

    def test_another_units_record_has_a_suffix(self) -> None:
        """The record that was not chosen keeps its layout under a name of its own."""
        kernel = struct("struct stat", "uapi")
        libc = struct("struct stat", "libc", primary=False, size=8)
        names = RecordNames(abi(records=(kernel, libc)))
        assert names.of(kernel) == "struct stat"
        assert names.of(libc) == "struct stat__libc"
        assert names.spell("struct stat", "libc") == "struct stat__libc"
        assert names.spell("struct stat", "uapi") == "struct stat"

    def test_typedef_of_an_untagged_record(self) -> None:
        """A typedef's name that is also a tag gets out of its way."""
        tagged, untagged = struct("struct x", "uapi"), struct("x", "uapi", size=8)
        names = RecordNames(abi(records=(tagged, untagged)))
        assert names.of(tagged) == "struct x"
        assert names.of(untagged) == "struct x_t"


def written(model: Abi) -> dict[str, str]:
    """Return the files of a library of one target."""
    return emit_headers([facts(model, TARGET)], model.kernel)


class TestModules:
    """What is written, and how it is found."""

    def test_a_constant_is_indexed(self) -> None:
        """A constant stands in its header's module and in a volume of the index."""
        files = written(abi((constant(5, name="FIVE"),)))
        assert "\nFIVE = 5,\n" in files["uapi/linux/_t.lua"]
        assert "\nF uapi/linux/test.h\n" in files["index/01.lua"]
        assert "\nF 01\n" in files["index/init.lua"]

    def test_order_of_input_does_not_matter_to_the_index(self) -> None:
        """The index is sorted by bytes, whatever the order of the headers."""
        names = ("b", "A", "a_", "B1")
        constants = tuple(constant(1, name=name) for name in names)
        one = written(abi(constants))["index/01.lua"]
        other = written(abi(constants[::-1]))["index/01.lua"]
        assert one == other

    def test_a_line_is_a_run_of_names(self) -> None:
        """Neighbours of one header share a line, under what tells its first name from the last."""
        place = Location("uapi", "linux/other.h", 1)
        names = ("AB1", "AB2", "AC", "ACK", "B")
        items = [constant(1, name=name) for name in names]
        items[3] = replace(items[3], location=place)
        lines = written(abi(tuple(items)))["index/01.lua"].splitlines()[2:-1]
        assert lines == ["A uapi/linux/test.h", "ACK uapi/linux/other.h", "B uapi/linux/test.h"]

    def test_lines_are_wrapped(self) -> None:
        """Long lists are broken between names, and none is lost."""
        names = [f"NAME_{number}" for number in range(100)]
        lines = list(wrap(names, 80))
        assert max(map(len, lines)) <= 80
        assert " ".join(lines).split() == names


def test_macros_cast_to_their_own_units_records() -> None:
    """A macro's cast names the record that its own header means, as the library calls it."""
    lua = 'function(p)\n  return M.cast("const struct x *", p).a\nend'
    macro = Macro("GET", ("p",), "", Location("libc", "libc/test.h", 1), lua)
    other = Macro(
        "SAME", ("p",), "p", Location("uapi", "uapi/test.h", 1), "function(p)\n  return p\nend"
    )
    records = (struct("struct x", "uapi"), struct("struct x", "libc", primary=False, size=8))
    files = written(replace(abi(records=records), macros=(macro, other)))
    assert 'M.cast("const struct x__libc *", p).a' in files["libc/libc/_t.lua"]
    assert "\nSAME = function(p)\n    return p\n  end,\n" in files["uapi/uapi/_t.lua"]
