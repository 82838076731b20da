"""LuaJIT as a witness: it agrees with a right library and names every wrong item of another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from callgate.errors import CallgateError
from callgate.verify import luajit
from callgate.verify.questions import questions
from callgate.verify.verification import Disagreement, compare

if TYPE_CHECKING:
    from pathlib import Path

    from tests.verify.conftest import Small

    from callgate.model import Abi


def disagreements(abi: Abi, library: Path) -> list[Disagreement]:
    """Return what LuaJIT disagrees with."""
    found = []
    for batch in luajit.batches(abi, questions(abi)):
        found += compare(batch.questions, luajit.answer(batch, library), luajit.NAME)[1]
    return found


def wrong(abi: Abi, library: Path) -> list[str]:
    """Return what LuaJIT disagrees with: ``"kind name: fact"``."""
    return [f"{item.kind} {item.name}: {item.fact}" for item in disagreements(abi, library)]


SMALL = "uapi/t/_s.lua"


def edit(path: Path, old: str, new: str) -> None:
    """Replace the one ``old`` in a file; of a bundle's header the list then says the new length."""
    text = path.read_text()
    assert text.count(old) == 1, text
    listed, between, body = text.partition("\n]==], [==[\n")
    if between:
        title, _, line = listed.rpartition("\n")
        words, end = line.split(" "), 0
        for place in range(3, len(words), 2):
            end += int(words[place])
            if body.index(old) < end:
                words[place] = str(int(words[place]) + len(new) - len(old))
                break
        listed = f"{title}\n{' '.join(words)}"
    path.write_text(
        listed + between + body.replace(old, new) if between else text.replace(old, new)
    )


# A change of the library's text, and what has to be named for it.
MUTATIONS = {
    "a constant by one": (
        SMALL, "T_BLUE = 7", "T_BLUE = 8", ["enumerator T_BLUE: value", "name T_BLUE: value"],
    ),
    "a constant's sign": (
        SMALL, "T_NEGATIVE = -3", "T_NEGATIVE = 3",
        ["constant T_NEGATIVE: value", "name T_NEGATIVE: value"],
    ),
    "a constant of 64 bits rounded": (
        SMALL, "T_BIG = 0x8000000000000000ULL", "T_BIG = 0x8000000000000001ULL",
        ["constant T_BIG: value", "name T_BIG: value"],
    ),
    "a constant missing": (
        SMALL, "T_BLUE = 7,\n", "",
        ["module uapi/t/small.h: constants", "enumerator T_BLUE: ", "name T_BLUE: "],
    ),
    "a constant too many": (
        SMALL, "T_BLUE = 7,", "T_BLUE = 7, T_GREEN = 8,", ["module uapi/t/small.h: constants"],
    ),
    "a string": (
        SMALL, r"\001", r"\002", ["string T_TEXT: value", "name T_TEXT: value"],
    ),
    "the index": (
        "index/01.lua", "T uapi/t/small.h",
        "T uapi/t/small.h\nT_BIT uapi/t/other.h\nT_BIU uapi/t/small.h", ["name T_BIT: "],
    ),
    "two fields swapped": (
        SMALL, "int8_t tag;\n  uint32_t number;", "uint32_t number;\n  int8_t tag;",
        ["field struct t_plain.tag: offset", "field struct t_plain.number: offset",
         "field struct t_plain.list: offset"],
    ),
    "a field widened": (
        SMALL, "uint32_t number;", "uint64_t number;",
        ["record struct t_plain: size", "field struct t_plain.number: offset",
         "field struct t_plain.number: size", "field struct t_plain.list: offset",
         "field struct t_plain.next: offset", "record struct t_outer: size",
         "field struct t_outer.slots: size", "field struct t_outer.slots[0].p: size",
         "field struct t_outer.extended: offset", "field struct t_outer.tail: offset"],
    ),
    "a field's signedness": (
        SMALL, "uint32_t number;", "int32_t number;", ["field struct t_plain.number: signed"],
    ),
    "an array's lengths": (
        SMALL, "list[3][2]", "list[2][3]",
        ["field struct t_plain.list: length", "field struct t_plain.list: length 2"],
    ),
    "an element's signedness": (
        SMALL, "int16_t list", "uint16_t list", ["field struct t_plain.list: signed"],
    ),
    "a field's name": (SMALL, "next;", "last;", ["field struct t_plain.next: "]),
    "a float's size": (
        SMALL, "float y;", "double y;",
        ["field struct t_outer.named: offset", "field struct t_outer.named: size",
         "field struct t_outer.named.x: offset", "field struct t_outer.named.y: offset",
         "field struct t_outer.named.y: size", "field struct t_outer.slots: offset",
         "field struct t_outer.slots[0].c: offset", "field struct t_outer.slots[0].p: offset"],
    ),
    "a flexible array's element": (
        SMALL, "int32_t tail[]", "uint32_t tail[]", ["field struct t_outer.tail: signed"],
    ),
    "a bit-field widened": (
        SMALL, "high : 5", "high : 6",
        ["bit-field struct t_bits.high: width", "bit-field struct t_bits.rest: position"],
    ),
    "a bit-field's signedness": (
        SMALL, "int32_t high", "uint32_t high", ["bit-field struct t_bits.high: signed"],
    ),
    "a lowered bit-field shifted": (
        SMALL, "shift = 40", "shift = 41", ["bit-field struct t_wide.sign: position"],
    ),
    "a lowered bit-field widened": (
        SMALL, "width = 20", "width = 21", ["bit-field struct t_wide.sign: width"],
    ),
    "a lowered bit-field's signedness": (
        SMALL, "signed = true", "signed = false", ["bit-field struct t_wide.sign: signed"],
    ),
    "a typedef": (
        SMALL, 't_byte = "uint8_t"', 't_byte = "int16_t"',
        ["typedef t_byte: size", "typedef t_byte: align", "typedef t_byte: signed"],
    ),
    "a system call's number": (
        "numbers/x64.lua", "second = 7", "second = 8", ["system call second: number"],
    ),
    "a system call too many": (
        "numbers/x64.lua", "second = 7,", "second = 7, third = 8,",
        ["module numbers: system calls"],
    ),
}  # fmt: skip


class TestAnswers:
    """batches() and answer()."""

    def test_right_library(self, small: Small, library: Path) -> None:
        """Nothing is wrong with the library as it is written."""
        assert disagreements(small.abi, library) == []

    def test_embedded(
        self, small: Small, library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Where no LuaJIT is installed the embedded one testifies."""
        monkeypatch.delenv("LUAJIT", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert disagreements(small.abi, library) == []
        assert "embedded" in luajit.version()

    @pytest.mark.parametrize("name", MUTATIONS)
    def test_mutation(self, small: Small, library: Path, name: str) -> None:
        """A library with one wrong fact is found out, and what it touches is named."""
        module, old, new, expected = MUTATIONS[name]
        edit(library / "callgate" / module, old, new)
        assert wrong(small.abi, library) == expected

    def test_missing_record(self, small: Small, library: Path) -> None:
        """A record that LuaJIT cannot declare is named with LuaJIT's reason, its fields too."""
        edit(library / "callgate" / SMALL, "uint32_t number", "uint32 number")
        found = disagreements(small.abi, library)
        assert found[0].name == "struct t_plain"
        assert "uint32" in str(found[0].answer)
        assert [item.name for item in found[:3]] == [
            "struct t_plain", "struct t_plain.tag", "struct t_plain.number",
        ]  # fmt: skip

    def test_broken_module(self, small: Small, library: Path) -> None:
        """A module that does not load is named with every constant in it."""
        (library / "callgate" / SMALL).write_text("return {{{")
        found = disagreements(small.abi, library)
        assert (found[0].kind, found[0].name) == ("module", "uapi/t/small.h")
        assert {"T_BIT", "T_RED"} <= {item.name for item in found}

    def test_breaks_off(self, small: Small, library: Path) -> None:
        """A library that ends the process is an error that names the question."""
        text = 'return { "t/small.h 0 constants 13", "\\nos.exit(3),\\n" }\n'
        (library / "callgate" / SMALL).write_text(text)
        with pytest.raises(CallgateError, match=r"broke off at 'module uapi/t"):
            disagreements(small.abi, library)

    def test_several_processes(
        self, small: Small, library: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Records are spread over processes, and none is lost."""
        monkeypatch.setattr(luajit, "TYPES_PER_PROCESS", 6)
        asked = questions(small.abi)
        batches = luajit.batches(small.abi, asked)
        assert len(batches) == 5
        names = [item.name for batch in batches[1:] for item in batch.questions]
        expected = [item.name for item in asked if item.kind in {"record", "field", "bit-field"}]
        assert names == expected
        assert disagreements(small.abi, library) == []

    def test_shadowed_constant(self, small: Small, library: Path) -> None:
        """A second definition in the same header does not count as another constant."""
        again = replace(small.abi.constants[0], primary=False)
        abi = replace(small.abi, constants=(*small.abi.constants, again))
        assert disagreements(abi, library) == []
