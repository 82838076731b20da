"""What the tests of the ABI share: layouts and values of a piece of C text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from callgate import model, paths, tree
from callgate.abi.layout import Layout
from callgate.abi.scope import Scope
from callgate.parse.declarations import DeclarationParser
from callgate.parse.preprocess import Splitter
from callgate.targets import load_data_models

if TYPE_CHECKING:
    from collections.abc import Callable

    from callgate.abi.evaluate import Value


@dataclass
class C:
    """A piece of C on one machine."""

    layout: Layout
    parser: DeclarationParser

    def record(self, name: str) -> model.Record:
        """Return the layout of ``struct name`` or ``union name``."""
        kind, _, tag = name.partition(" ")
        return self.layout.record(self.layout.scope.records[kind, tag])

    def size(self, name: str) -> tuple[int, int]:
        """Return size and alignment of a record."""
        found = self.record(name)
        return found.size, found.align

    def bits(self, name: str) -> dict[str, int]:
        """Return each named field's first bit, from the start of the record."""
        return {path: bit for path, bit, _ in self.record(name).walk()}

    def offsets(self, name: str) -> dict[str, int]:
        """Return each named field's offset in bytes."""
        return {path: bit // 8 for path, bit in self.bits(name).items()}

    def type(self, name: str) -> model.TypeRef:
        """Return the type that a typedef names."""
        return self.layout.type(tree.TypedefName(name))

    def enumeration(self, tag: str) -> model.Scalar:
        """Return the type of ``enum tag``."""
        return self.layout.enumeration(self.layout.scope.enumerations[tag])

    def value(self, text: str) -> Value:
        """Return the value and type of an expression."""
        parsed = self.parser.expression(text)
        assert parsed is not None, text
        return self.layout.evaluator.value(parsed)

    def facts(self, text: str) -> tuple[object, int, bool]:
        """Return an expression's value, size and signedness."""
        found = self.value(text)
        assert isinstance(found.type, model.Scalar)
        return found.value, found.type.size, found.type.signed


@pytest.fixture(scope="session")
def c() -> Callable[..., C]:
    """Return a function of C text and a data model's name that gives layouts and values."""
    models = load_data_models(paths.data_dir("headers") / "targets.toml")

    def made(text: str = "", machine: str = "x86_64") -> C:
        split = Splitter("test", lambda path: path).split(f'# 1 "t.h"\n{text}\n')
        assert not split.failures
        parser = DeclarationParser("test")
        declarations: list[tree.Declaration] = []
        for chunk in split.chunks:
            found, failure = parser.parse(chunk)
            assert failure is None, failure
            declarations += found
        return C(Layout(Scope.of(declarations), models[machine]), parser)

    return made
