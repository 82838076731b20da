"""Random wrong facts in the real model and the real library: every one is found and named."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.bundles import edited

from callgate import paths
from callgate.library import Member, fill, library_files
from callgate.model import Function
from callgate.pipeline import load_abi, open_tree
from callgate.report import Reporter
from callgate.targets import DEFAULT_TARGET, Target, load_targets
from callgate.verify import luajit
from callgate.verify.ccode import macro_names
from callgate.verify.compilers import compilers
from callgate.verify.questions import Sheet, questions
from callgate.verify.verification import compare

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from callgate.headers.trees import HeaderTree
    from callgate.model import Abi, Constant, Field, Record, Typedef

pytestmark = pytest.mark.slow
# A run of a witness takes seconds, and names what is wrong by itself: nothing is to be shrunk.
ONCE = settings(max_examples=3, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
DICE = st.randoms(use_true_random=True)
MANY = 150  # wrong items in one run of a witness


@dataclass(frozen=True)
class Real:
    """The project's own target."""

    target: Target
    tree: HeaderTree
    abi: Abi
    files: dict[str, str]  # of its library


@pytest.fixture(scope="module")
def real() -> Real:
    """Return the real model, from the cache where it has been parsed before."""
    target = load_targets(paths.data_dir("headers") / "targets.toml")[DEFAULT_TARGET]
    tree = open_tree(target)
    abi = load_abi(target, tree, Reporter(quiet=True)).abi
    return Real(target, tree, abi, library_files([Member(target, lambda: abi)]))


# --- one wrong fact in an item of the model ------------------------------------------------------


def wrong_constant(item: Constant, dice: random.Random) -> Constant:
    """Return the constant with its value, width or signedness changed."""
    if isinstance(item.value, str):
        return replace(item, value=item.value + "x")
    if isinstance(item.value, float):
        return replace(item, size=item.size * 2)
    which = dice.randrange(3)
    if which == 0:
        return replace(item, value=item.value + dice.choice([-1, 1]))
    if which == 1:
        return replace(item, size=item.size * 2)
    return replace(item, signed=not item.signed)


def wrong_field(item: Field, dice: random.Random) -> Field:
    """Return the field moved, resized, or of the other signedness."""
    kind: Any = item.type
    if item.bit_width is not None:
        if dice.randrange(2):
            return replace(item, bit_width=item.bit_width + 1)
        return replace(item, bit_offset=(item.bit_offset or 0) + 1)
    which = dice.randrange(3)
    if which == 0 and getattr(kind, "kind", "") == "integer":
        return replace(item, type=replace(kind, signed=not kind.signed))
    if which == 1 and getattr(kind, "size", None) and not hasattr(kind, "fields"):
        return replace(item, type=replace(kind, size=kind.size * 2))
    return replace(item, offset=item.offset + dice.choice([1, 2, 4]))


def wrong_record(item: Record, dice: random.Random) -> Record:
    """Return the record with another size or alignment, a wrong field, or two swapped."""
    named = [n for n, each in enumerate(item.fields) if each.name is not None]
    if not named or dice.randrange(4) == 0:
        return (
            replace(item, size=item.size + 1)
            if dice.randrange(2)
            else replace(item, align=item.align * 2)
        )
    fields = list(item.fields)
    plain = [n for n in named if fields[n].bit_width is None]
    if len(plain) > 1 and item.kind == "struct" and dice.randrange(4) == 0:
        one, two = plain[:2]
        first, second = fields[one], fields[two]
        if first.offset != second.offset:
            fields[one] = replace(first, offset=second.offset)
            fields[two] = replace(second, offset=first.offset)
            return replace(item, fields=tuple(fields))
    number = dice.choice(named)
    fields[number] = wrong_field(fields[number], dice)
    return replace(item, fields=tuple(fields))


def wrong_typedef(item: Typedef, _dice: random.Random) -> Typedef:
    """Return the typedef with another alignment."""
    kind: Any = item.type
    return replace(item, type=replace(kind, align=kind.align * 2))


WRONG: dict[str, Callable[[Any, random.Random], Any]] = {
    "constants": wrong_constant, "records": wrong_record, "typedefs": wrong_typedef,
}  # fmt: skip


class TestModel:
    """The compiler and a model with many wrong facts, each in an item of its own."""

    def found(self, real: Real, abi: Abi) -> set[str]:
        """Return the names of what the compiler disagrees with: the record's for a field."""
        asked = tuple(item for item in questions(abi) if item.location.unit == "uapi")
        witness = compilers(real.target, real.tree)[0]
        answers = witness.answer(Sheet("uapi", None, asked), macro_names(real.abi))
        wrong = compare(asked, answers, witness.name)[1]
        return {item.name.partition(".")[0] for item in wrong}

    def some(self, items: tuple[Any, ...], dice: random.Random) -> list[Any]:
        """Return some of the kernel unit's chosen items."""
        own = [item for item in items if item.location.unit == "uapi" and item.primary]
        own = [item for item in own if not isinstance(getattr(item, "type", None), Function)]
        return dice.sample(own, min(MANY, len(own)))

    def test_every_wrong_item_is_named(self, real: Real) -> None:
        """Each of hundreds of items with one wrong fact is named, and no other one."""

        @ONCE
        @given(DICE)
        def check(dice: random.Random) -> None:
            chosen = {name: self.some(getattr(real.abi, name), dice) for name in WRONG}
            right: dict[str, Any] = {name: tuple(items) for name, items in chosen.items()}
            abi = replace(real.abi, enumerations=(), prototypes=(), syscalls=(), **right)
            assert self.found(real, abi) == set()
            wrong: dict[str, Any] = {
                name: tuple(change(item, dice) for item in right[name])
                for name, change in WRONG.items()
            }
            # C measures no typedef of void, of a function or of an incomplete record.
            expected = {item.name.partition(".")[0] for item in questions(abi)}
            assert self.found(real, replace(abi, **wrong)) == expected

        check()


# --- one wrong fact in a line of the library -----------------------------------------------------

CONSTANT = re.compile(r"^(\w+) = (0x[0-9a-f]+|-?\d+),$", re.MULTILINE)
RECORD = re.compile(r'^\["(\w+ \w+)"\] = \[\[(.*?)\]\],$', re.MULTILINE | re.DOTALL)
MEMBER = re.compile(r"^  (u?int(?:8|16|32)_t) (\w+)(\[\w+\])?;$", re.MULTILINE)


def wrong_number(found: re.Match[str]) -> str:
    """Return a constant's line with another number."""
    return f"{found[1]} = {int(found[2], 0) + 1},"


def wrong_member(found: re.Match[str]) -> str:
    """Return a member's line with the type of the other signedness."""
    kind = found[1][1:] if found[1][0] == "u" else f"u{found[1]}"
    return f"  {kind} {found[2]}{found[3] or ''};"


class TestLibrary:
    """LuaJIT and a library with many wrong lines."""

    def spoiled(self, real: Real, dice: random.Random) -> tuple[dict[str, str], set[str]]:
        """Return the library's files with wrong lines, and the names of what is wrong."""
        bundles = sorted(name for name in real.files if re.match(r"callgate/(uapi|libc)/", name))
        headers: list[str] = []

        def listed(header: str, part: str, text: str) -> str:
            if part == "constants":
                headers.append(header)
            return text

        for name in bundles:
            edited(real.files[name], listed)
        chosen, names = set(dice.sample(headers, MANY)), set()

        def spoil(header: str, part: str, text: str) -> str:
            if header not in chosen:
                return text
            if part == "constants" and (constants := list(CONSTANT.finditer(text))):
                found = dice.choice(constants)
                names.add(found[1])
                return text[: found.start()] + wrong_number(found) + text[found.end() :]
            members = [
                (record, found)
                for record in RECORD.finditer(text)
                for found in MEMBER.finditer(text, record.start(2), record.end(2))
            ]
            if part == "records" and members:
                record, found = dice.choice(members)
                names.add(f"{record[1]}.{found[2]}")
                return text[: found.start()] + wrong_member(found) + text[found.end() :]
            return text

        files = dict(real.files)
        for name in bundles:
            files[name] = edited(files[name], spoil)
        return files, names

    def test_every_wrong_line_is_named(
        self, real: Real, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """Each of hundreds of wrong lines is named."""

        @ONCE
        @given(DICE)
        def check(dice: random.Random) -> None:
            files, names = self.spoiled(real, dice)
            library = tmp_path_factory.mktemp("library")
            fill(library, files)
            wrong = set()
            for batch in luajit.batches(real.abi, questions(real.abi)):
                found = compare(batch.questions, luajit.answer(batch, library), luajit.NAME)[1]
                wrong |= {self.library_name(item.name) for item in found}
            assert {self.library_name(name) for name in names} <= wrong
            assert len(names) > MANY

        check()

    def library_name(self, name: str) -> str:
        """Return a field's name without what only the library's name of its record has."""
        return re.sub(r"^(struct|union) ", "", name).replace("__libc.", ".")
