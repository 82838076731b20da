"""A unit's preprocessed text, and whether that of another target means the same."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from callgate.parse.broken import preprocess_whole

if TYPE_CHECKING:
    from callgate.headers.trees import HeaderTree
    from callgate.headers.units import UnitSpec
    from callgate.tree import Failure

PREDEFINED = re.compile(r"#define ([A-Za-z_$][\w$]*)")
FIRST_HEADER = re.compile(r'^#(?:line)? \d+ "/', re.MULTILINE)  # what stands before is not a file


@dataclass(frozen=True)
class Preprocessed:
    """A unit before anything of it is parsed."""

    headers: HeaderTree
    spec: UnitSpec
    source: str
    text: str
    failures: tuple[Failure, ...]  # the headers left out

    @classmethod
    def of(cls, headers: HeaderTree, spec: UnitSpec) -> Preprocessed:
        """Run the preprocessor; raises CallgateError when the unit as a whole fails."""
        source, text, failures = preprocess_whole(headers, spec)
        return cls(headers, spec, source, text, tuple(failures))

    def means_the_same_as(self, other: Preprocessed) -> bool:
        """Tell whether ``other`` is parsed to the same unit, though it is another target's.

        Compilers predefine macros by float ABI and C library, ``__ARM_PCS_VFP``: they make a
        difference only where the headers' text names them.
        """
        if (self._origin, self._digest, self.failures) != (
            other._origin, other._digest, other.failures,
        ):  # fmt: skip
            return False
        differing = set(self._predefined) ^ set(other._predefined)
        names = [PREDEFINED.match(line) for line in differing]
        return all(
            name is not None
            and not re.search(rf"\b{re.escape(name[1])}\b", self.text[self._begin :])
            for name in names
        )

    @property
    def _origin(self) -> tuple[object, ...]:
        headers = self.headers
        folders = dict.fromkeys(headers.kernel_dirs)
        return headers.name, headers.version, tuple(folders), headers.data, self.spec

    @cached_property
    def _begin(self) -> int:
        """The position of the first header: the compiler's own macros stand before."""
        found = FIRST_HEADER.search(self.text)
        return found.start() if found else 0

    @cached_property
    def _predefined(self) -> list[str]:
        return self.text[: self._begin].splitlines()

    @cached_property
    def _digest(self) -> bytes:
        parts = (self.source, self.text[self._begin :])
        whole = "\0".join(parts).encode("utf-8", errors="surrogateescape")
        return hashlib.sha256(whole).digest()
