"""Random records: our layout against the compilers' own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from callgate import model, tree
from callgate.verify.objects import extent

from .record_text import PRELUDE, records
from .witness import CLANG_TARGETS, NUMBERS, PREFIX, layout_of, witnesses

if TYPE_CHECKING:
    from .witness import Witness

Facts = dict[str, object]
WITNESSES = [f"clang-{name}" for name in CLANG_TARGETS] + ["gcc-x86_64", "gcc-i386"]


def stated(text: str, witness: Witness) -> tuple[Facts, list[str], dict[str, str]]:
    """Return our facts, the C expressions that give numbers, and the bit-fields' initializers."""
    _, layout = layout_of(text, witness.data_model)
    facts: Facts = {}
    objects: dict[str, str] = {}
    for kind in layout.scope.order:
        if not isinstance(kind, tree.Record) or not kind.tag:
            continue
        found = layout.record(kind)
        facts[f"sizeof({found.name})"] = found.size
        facts[f"_Alignof({found.name})"] = found.align
        for path, bit, item in found.walk():
            if item.bit_width is None:
                facts[f"__builtin_offsetof({found.name}, {path})"] = bit // 8
                if not isinstance(item.type, model.Array) or item.type.length is not None:
                    facts[f"sizeof((({found.name} *)0)->{path})"] = item.type.size  # type: ignore[union-attr]
            else:
                name = f"{PREFIX}{len(objects)}"
                objects[name] = f"const {found.name} {name} = {{ .{path} = -1 }};"
                facts[name] = (bit, item.bit_width)
    return facts, [name for name in facts if name not in objects], objects


def check(text: str, witness: Witness, folder: Path) -> int:
    """Compare every fact of ``text``; returns how many there are."""
    facts, numbers, objects = stated(PRELUDE + text, witness)
    asked = ", ".join(f"(unsigned long long)({item})" for item in numbers)
    source = "\n".join(
        [
            PRELUDE + text,
            f"const unsigned long long {NUMBERS}[] = {{ {asked} }};",
            *objects.values(),
        ]
    )
    data = witness.compile(source, folder)
    answers: Facts = dict(zip(numbers, data.numbers(NUMBERS), strict=True))
    for name in objects:
        answers[name] = extent(data.data[name], big_endian=data.big_endian)
    wrong = [
        f"{objects.get(name, name)}: ours {facts[name]}, {witness.name}'s {answers[name]}"
        for name in facts
        if facts[name] != answers[name]
    ]
    assert not wrong, "\n".join([*wrong, text])
    return len(facts)


@pytest.mark.parametrize("name", WITNESSES)
def test_records_are_laid_out_as_the_compiler_does(name: str) -> None:
    """Size, alignment, offsets and bit positions of any record are the compiler's."""
    witness = witnesses().get(name)
    if witness is None:
        pytest.skip(f"no {name} on this machine")

    with tempfile.TemporaryDirectory(prefix="callgate-") as folder:

        @given(records(common=witness.is_gcc))  # where they differ we follow clang
        def agrees(text: str) -> None:
            if name in {
                "clang-mips",
                "clang-mipsel",
            }:  # its aligned without an argument is 16, GCC's is 8 as stated
                text = text.replace("aligned)", "aligned(8))")
            assert check(text, witness, Path(folder)) > 0

        agrees()
