"""Names explained, and the model dumped."""

from __future__ import annotations

from callgate.explore.dump import dump
from callgate.explore.show import differing, nearest, show, untranslated
from callgate.explore.text import type_text
from callgate.model import (
    Abi,
    Argument,
    Array,
    Constant,
    Field,
    Function,
    Location,
    Macro,
    Parameter,
    Pointer,
    Record,
    Scalar,
    Syscall,
    Unevaluated,
)

WHERE = Location("uapi", "linux/test.h", 7)
INT = Scalar("integer", "int", 4, 4, signed=True)
CHAR = Scalar("integer", "char", 1, 1, signed=True)
INNER = Record(
    "",
    "union",
    4,
    4,
    (Field("x", INT, 0), Field("flag", INT, 0, bit_offset=0, bit_width=3)),
    WHERE,
)
FIELDS = (Field("tag", CHAR, 0), Field(None, INNER, 4), Field("y", INT, 8))
POINT = Record("struct point", "struct", 12, 4, FIELDS, WHERE)
ABI = Abi(
    "x86_64-linux-gnu",
    "7.2.0",
    (
        Constant("O_CREAT", 64, 4, signed=True, kind="macro", location=WHERE, text="0100"),
        Constant("O_CREAT", 1, 4, True, "macro", Location("libc", "x.h", 1), "1", primary=False),
    ),
    (POINT,),
    (),
    (),
    (),
    (Macro("W", ("x",), "do {} while (0)", WHERE, reason="a statement"),),
    (Unevaluated("NOTHING", "", "empty", WHERE),),
    (Syscall("read", 0, "sys_read", "long", (Argument("buf", "char *"),), WHERE),),
)


class TestShow:
    """Every definition of a name is explained."""

    def test_constant_and_its_variant(self) -> None:
        """Both values are shown, with their places, and which of them was chosen."""
        lines = show(ABI, "O_CREAT")
        assert lines[0] == "O_CREAT = 64 (0x40): macro, 4 bytes, signed"
        assert lines[1] == "  linux/test.h:7: 0100"
        assert lines[3].endswith("(not the one chosen for the plain name)")

    def test_record_as_byte_map(self) -> None:
        """A record shows every byte, holes and bit-fields included."""
        lines = [" ".join(line.split()) for line in show(ABI, "point")]
        assert lines[0] == "struct point: 12 bytes, aligned to 4"
        assert "0 1 char tag" in lines
        assert "1 3 (padding)" in lines
        assert "4:0 3 b int flag : 3" in lines
        assert "8 4 int y" in lines

    def test_system_call(self) -> None:
        """A system call shows its number and its prototype."""
        assert show(ABI, "read")[0] == "system call 0: long read(char *buf)"

    def test_what_has_no_value_says_why(self) -> None:
        """A macro without a value or a translation shows the reason."""
        assert show(ABI, "NOTHING")[-1].endswith("no value: empty")
        assert show(ABI, "W")[-1].strip() == "Lua: not translated: a statement"

    def test_unknown(self) -> None:
        """An unknown name has nothing to show, and a nearest one."""
        assert show(ABI, "O_CRAET") == []
        assert "O_CREAT" in nearest(ABI, "O_CRAET")


class TestLists:
    """What is found across names."""

    def test_differing(self) -> None:
        """Both definitions of a name are listed, the chosen one first."""
        assert differing(ABI) == ["O_CREAT  linux/test.h:7  64", "O_CREAT  x.h:1  1"]

    def test_untranslated(self) -> None:
        """A macro without a Lua function is listed with the reason."""
        assert untranslated(ABI) == ["W  linux/test.h:7  a statement"]


class TestText:
    """Declarations read as C does."""

    def test_declarators(self) -> None:
        """Pointers to arrays and functions have their parentheses."""
        assert type_text(Array(CHAR, 108, 108, 1), "sun_path") == "char sun_path[108]"
        function = Function(INT, (Parameter("x", INT),))
        assert type_text(Pointer(function, 8, 8), "f") == "int (*f)(int x)"
        assert type_text(Pointer(CHAR, 8, 8, const=True), "s") == "const char *s"


class TestDump:
    """The dump keeps its promise to other tools."""

    def test_shape(self) -> None:
        """Constants, records and system calls stand under their names."""
        value = dump(ABI)
        assert value["target"] == "x86_64-linux-gnu"
        assert value["constants"] == {"O_CREAT": {"value": 64, "header": "linux/test.h", "line": 7}}
        assert value["syscalls"]["read"] == {
            "number": 0,
            "returns": "long",
            "arguments": [{"name": "buf", "type": "char *"}],
            "entry": "sys_read",
        }

    def test_fields(self) -> None:
        """Fields of anonymous members stand under their own names, bit-fields with their bits."""
        fields = {item["name"]: item for item in dump(ABI)["records"]["struct point"]["fields"]}
        assert (fields["x"]["offset"], fields["x"]["size"]) == (4, 4)
        assert (fields["flag"]["bit_offset"], fields["flag"]["bit_width"]) == (0, 3)
