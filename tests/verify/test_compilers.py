"""C compilers as witnesses: they agree with a right model and name every wrong item."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from callgate.errors import CallgateError
from callgate.model import Abi, Constant, Field, Location, Pointer, Prototype, Record, Scalar
from callgate.verify.ccode import macro_names
from callgate.verify.compilers import Compiler, compilers, machine
from callgate.verify.questions import questions, sheets
from callgate.verify.verification import compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.verify.conftest import Small


VOID = Scalar("void", "void", 0, 1)


def wrong(small: Small, abi: Abi, witness: Compiler | None = None) -> list[str]:
    """Return what the tree's compiler disagrees with: ``"name: fact"``."""
    witness = witness or compilers(small.target, small.tree)[0]
    found = []
    for sheet in sheets(questions(abi)):
        answers = witness.answer(sheet, macro_names(abi))
        found += compare(sheet.questions, answers, witness.name)[1]
    return [f"{item.name}: {item.fact}" for item in found]


def typedef(**changes: object) -> Callable[[Abi], Abi]:
    """Return a change of attributes of the type of t_int."""

    def apply(abi: Abi) -> Abi:
        old, *rest = abi.typedefs
        kind: Any = old.type
        return replace(abi, typedefs=(replace(old, type=replace(kind, **changes)), *rest))

    return apply


def prototype(name: str, **changes: object) -> Callable[[Abi], Abi]:
    """Return a change of a function: its result is void, or the parameter so numbered."""

    def one(item: Prototype) -> Prototype:
        if item.name != name:
            return item
        kind, parameters = item.type, list(item.type.parameters)
        if "result" in changes:
            return replace(item, type=replace(kind, result=VOID))
        if "variadic" in changes:
            return replace(item, type=replace(kind, variadic=False))
        if "left_out" in changes:
            return replace(item, type=replace(kind, parameters=tuple(parameters[:1])))
        parameters[1] = replace(parameters[1], type=Pointer(None, 8, 8))
        return replace(item, type=replace(kind, parameters=tuple(parameters)))

    return lambda abi: replace(abi, prototypes=tuple(map(one, abi.prototypes)))


def constants(**changes: dict[str, object]) -> Callable[[Abi], Abi]:
    """Return a change of constants' attributes by name."""

    def change(abi: Abi) -> Abi:
        changed = (replace(item, **changes.get(item.name, {})) for item in abi.constants)  # type: ignore[arg-type]
        return replace(abi, constants=tuple(changed))

    return change


def record(name: str, change: Callable[[Record], Record]) -> Callable[[Abi], Abi]:
    """Return a change of one record."""

    def apply(abi: Abi) -> Abi:
        records = (change(item) if item.name == name else item for item in abi.records)
        return replace(abi, records=tuple(records))

    return apply


def field(path: str, **changes: object) -> Callable[[Abi], Abi]:
    """Return a change of a field's attributes.

    ``signed``, ``size`` and ``length`` are those of its type, ``element_signed`` is that of the
    innermost element of an array of arrays.
    """
    name, _, wanted = path.rpartition(".")

    def one(item: Field) -> Field:
        kind: Any = item.type
        if "element_signed" in changes:
            inner = replace(kind.element, element=replace(kind.element.element, signed=False))
            return replace(item, type=replace(kind, element=inner))
        of_type = {key: changes[key] for key in changes if key in {"signed", "size", "length"}}
        own: Any = {key: changes[key] for key in changes if key not in of_type}
        return replace(item, type=replace(kind, **of_type), **own)

    def apply(old: Record) -> Record:
        fields = (one(item) if item.name == wanted else item for item in old.fields)
        return replace(old, fields=tuple(fields))

    return record(name, apply)


def swapped(old: Record) -> Record:
    """Return struct t_outer with `named` and `slots` in each other's place."""
    first, named, slots, *rest = old.fields
    return replace(old, fields=(first, replace(named, offset=8), replace(slots, offset=4), *rest))


# A change of one fact of the model, and what has to be named for it.
MUTATIONS: dict[str, tuple[Callable[[Abi], Abi], list[str]]] = {
    "a constant by one": (constants(T_BIT={"value": (1 << 31) + 1}), ["T_BIT: value"]),
    "the sign of a value": (constants(T_NEGATIVE={"value": 3}), ["T_NEGATIVE: value"]),
    "a constant's signedness": (constants(T_BIT={"signed": True}), ["T_BIT: signed"]),
    "a constant's width": (constants(T_BIG={"size": 4}), ["T_BIG: size"]),
    "an enumerator by one": (constants(T_BLUE={"value": 8}), ["T_BLUE: value"]),
    "a character": (constants(T_TEXT={"value": 'a\x01"c'}), ["T_TEXT: bytes"]),
    "a float": (constants(T_HALF={"value": 0.50001}), ["T_HALF: value"]),
    "a float's precision": (constants(T_THIRD={"size": 4}), ["T_THIRD: size"]),
    "a record's size": (
        record("struct t_plain", lambda item: replace(item, size=40)), ["struct t_plain: size"],
    ),
    "a record's alignment": (
        record("struct t_plain", lambda item: replace(item, align=4)), ["struct t_plain: align"],
    ),
    "two fields swapped": (
        record("struct t_outer", swapped),
        [f"struct t_outer.{name}: offset" for name in (
            "named", "named.x", "named.y", "slots", "slots[0].c", "slots[0].p",
        )],
    ),
    "a field widened": (field("struct t_plain.number", size=8), ["struct t_plain.number: size"]),
    "a field's signedness": (
        field("struct t_plain.number", signed=True), ["struct t_plain.number: signed"],
    ),
    "an element's signedness": (
        field("struct t_plain.list", element_signed=False), ["struct t_plain.list: signed"],
    ),
    "an array's length": (field("struct t_plain.list", length=4), ["struct t_plain.list: length"]),
    "a field's name": (field("struct t_plain.tag", name="gat"), ["struct t_plain.gat: "]),
    "a bit-field shifted": (
        field("struct t_bits.high", bit_offset=4), ["struct t_bits.high: position"],
    ),
    "a bit-field narrowed": (
        field("struct t_bits.rest", bit_width=8), ["struct t_bits.rest: width"],
    ),
    "a bit-field's signedness": (
        field("struct t_bits.high", signed=False), ["struct t_bits.high: signed"],
    ),
    "a wide bit-field shifted": (
        field("struct t_wide.sign", bit_offset=41), ["struct t_wide.sign: position"],
    ),
    "an enum's signedness": (
        lambda abi: replace(abi, enumerations=(replace(abi.enumerations[0], signed=True),)),
        ["enum t_color: signed"],
    ),
    "a typedef's size": (typedef(size=8), ["t_int: size"]),
    "a typedef's alignment": (typedef(align=8), ["t_int: align"]),
    "a typedef's signedness": (typedef(signed=False), ["t_int: signed"]),
    "a function's result": (prototype("t_color", result=None), ["t_color: compatible"]),
    "a parameter's type": (prototype("t_call", parameter=1), ["t_call: compatible"]),
    "a parameter left out": (prototype("t_call", left_out=1), ["t_call: compatible"]),
    "dots left out": (prototype("t_call", variadic=False), ["t_call: compatible"]),
    "a system call's number": (
        lambda abi: replace(abi, syscalls=(abi.syscalls[0], replace(abi.syscalls[1], number=8))),
        ["second: number"],
    ),
}  # fmt: skip


@pytest.fixture(params=["clang", "gcc"])
def witness(request: pytest.FixtureRequest, small: Small) -> Compiler:
    """Return each compiler in turn."""
    found = {item.name: item for item in compilers(small.target, small.tree)}
    if request.param not in found:
        pytest.skip("no gcc for the target is installed")
    return found[request.param]


class TestAnswers:
    """Compiler.answer()."""

    def test_right_model(self, small: Small, witness: Compiler) -> None:
        """Nothing is wrong with a right model, shadowing macros and all."""
        assert wrong(small, small.abi, witness) == []

    @pytest.mark.parametrize("name", MUTATIONS)
    def test_mutation(self, small: Small, name: str) -> None:
        """A model with one wrong fact is found out, and the item and the fact are named."""
        change, expected = MUTATIONS[name]
        assert wrong(small, change(small.abi)) == expected

    def test_rejected_item(self, small: Small, witness: Compiler) -> None:
        """What the compiler rejects is one disagreement; all others are still asked."""
        place = Location("uapi", "t/small.h", 1)
        more = tuple(Constant(f"T_NONE{n}", n, 4, True, "macro", place) for n in range(3))
        change = constants(T_BLUE={"value": 8})
        abi = change(replace(small.abi, constants=(*small.abi.constants, *more)))
        expected = ["T_BLUE: value", "T_NONE0: ", "T_NONE1: ", "T_NONE2: "]
        assert sorted(wrong(small, abi, witness)) == expected

    def test_variant(self, small: Small) -> None:
        """Two headers' definitions of a name are each checked against their own header."""
        small.write("t/b.h", "#undef T_BIT\n#define T_BIT 5\n")
        units = small.tree.data / "units.toml"
        units.write_text(units.read_text().replace('"t/small.h"', '"t/small.h", "t/b.h"'))
        again = Constant("T_BIT", 5, 4, True, "macro", Location("uapi", "t/b.h", 2), primary=False)
        abi = replace(small.abi, constants=(*small.abi.constants, again))
        assert wrong(small, abi) == []
        wrong_one = replace(again, value=6)
        abi = replace(small.abi, constants=(*small.abi.constants, wrong_one))
        assert wrong(small, abi) == ["T_BIT: value"]

    def test_broken_header(self, small: Small, witness: Compiler) -> None:
        """A unit whose headers do not compile is an error with the compiler's message."""
        small.write("t/small.h", "int = 3;\n")
        with pytest.raises(CallgateError, match=r"small\.h:1:.*error"):
            wrong(small, small.abi, witness)


class TestMachine:
    """machine()."""

    def test_missing(self) -> None:
        """A compiler that is not installed compiles for no machine."""
        assert machine("no-such-compiler-here") is None

    def test_of_another_machine(self, small: Small) -> None:
        """A gcc for another machine is no witness."""
        target = replace(small.target, gcc_machine="sparc64-linux-gnu")
        assert [item.name for item in compilers(target, small.tree)] == ["clang"]
