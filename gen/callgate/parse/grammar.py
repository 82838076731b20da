"""pycparser with a scope that outlives one text.

``CParser.parse`` forgets the typedef names of earlier texts. Declarations are parsed one by one
here, so that one that fails costs no other; ``Grammar.parse`` repeats the few lines of it around a
scope of our own. These are internals of pycparser 3.12, the locked version: tests/parse fail at
once should another one differ.
"""

from __future__ import annotations

import contextlib
import re
import sys
from typing import TYPE_CHECKING, Any

from pycparser import c_ast, c_parser

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Types that compilers know and headers use without declaring them.
BUILTIN_TYPES = (
    "__builtin_va_list", "_Float16", "_Float32", "_Float64", "_Float32x", "_Float64x", "_Float128",
    "__float128", "__SVFloat32_t", "__SVFloat64_t", "__SVBool_t",
)  # fmt: skip
STACK = 6000  # frames: pycparser takes about 20 for a bracket, and brackets nest 64 deep at most
# pycparser takes quadratic time for a declarator's suffixes: x[1][1][1]...; real ones have 4.
SUFFIXES = re.compile(r"(?:[\])]\s*[\[(][^][()]*){64}")
POSITION = re.compile(r".*?:(\d+):(\d+): (.*)", re.DOTALL)


class SyntaxFailure(Exception):  # noqa: N818 - not an error of the program
    """A text that is not C; ``line`` and ``column`` count from 1 in that text."""

    def __init__(self, message: str, line: int, column: int) -> None:
        """Keep the place apart from the message."""
        super().__init__(message)
        self.line = line
        self.column = column


class Grammar(c_parser.CParser):  # type: ignore[misc]  # pycparser ships no type information
    """Parses texts in C23, one after the other."""

    def __init__(self, typedefs: Iterable[str] = ()) -> None:
        """``typedefs`` are names known from elsewhere."""
        super().__init__(dialect="c23")
        self.names = dict.fromkeys((*BUILTIN_TYPES, *typedefs), True)  # False: not a type
        self.added: dict[str, bool] = {}  # the names that the last kept text brought

    def declarations(self, text: str, *, keep: bool = True) -> list[c_ast.Node]:
        """Parse ``text``; its names are remembered, unless it fails or ``keep`` is not set.

        Raises SyntaxFailure.
        """
        if suffixes := SUFFIXES.search(text):
            begin = suffixes.start()
            line, column = text.count("\n", 0, begin) + 1, begin - text.rfind("\n", 0, begin)
            raise SyntaxFailure("more brackets in a row than any real declaration", line, column)
        own = _Scope(self.names)
        self._scope_stack: list[Any] = [own]
        self._typedef_checked_token = None
        self.clex.input(text, "")
        self._tokens = c_parser._TokenStream(self.clex.token)  # noqa: SLF001 - see above
        try:
            with _deeper_stack():
                parsed = self._parse_translation_unit_or_empty()
        except c_parser.ParseError as error:
            raise self._failure(str(error), text) from None
        except RecursionError:
            raise SyntaxFailure("nested too deeply", 1, 1) from None
        except AssertionError:  # pycparser asserts some of what it expects
            raise SyntaxFailure("not a declaration", 1, 1) from None
        if keep:
            self.added = dict(own)
            self.names.update(own)
        nodes: list[c_ast.Node] = parsed.ext
        return nodes

    def _failure(self, said: str, text: str) -> SyntaxFailure:
        """Return pycparser's message in plain words, with its place."""
        found = POSITION.fullmatch(said)
        message = found[3] if found else said.lstrip(":? ")
        if message.startswith("before: "):
            message = f"unexpected {message.removeprefix('before: ')!r}"
        if found:
            return SyntaxFailure(message, int(found[1]), int(found[2]))
        following = None
        with contextlib.suppress(c_parser.ParseError):
            following = self._tokens.peek(1)
        if following is not None:
            return SyntaxFailure(message, following.lineno, following.column)
        lines = text.rstrip().split("\n")
        message = "the text ends before the declaration does"
        return SyntaxFailure(message, len(lines), max(1, len(lines[-1])))


class _Scope(dict[str, bool]):
    """The names of one text over those of all before; the parser asks with ``in`` and ``[]``."""

    def __init__(self, below: dict[str, bool]) -> None:
        super().__init__()
        self._below = below

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or name in self._below

    def __missing__(self, name: str) -> bool:
        return self._below[name]


@contextlib.contextmanager
def _deeper_stack() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, STACK))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
