"""Preprocessed text (``-E -dD``) -> top-level declarations and macro definitions, with places."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callgate.errors import CallgateError
from callgate.parse.rewrite import RewriteError, bare
from callgate.tree import Failure, MacroDefinition, Where

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 64  # brackets within brackets; no real header exceeds 20
MAX_CHUNK = 1 << 20  # characters of one declaration; the largest real one has 90,000
MAX_FAILURES = 1000
MAX_ITEMS = 300_000  # declarations, or macro definitions; the largest unit has 9,000 and 36,000
SHOWN = 300  # characters of offending text in a message

# The flags after the path tell that a file begins (1), or that it goes on after another (2).
MARKER = re.compile(r'#(?:line)? (\d+) "((?:[^"\\]|\\.)*)"(?: ([12])\b)?')
DEFINE = re.compile(r"#define ([A-Za-z_$][\w$]*)(?:\(([^)]*)\))?\s*(.*)")
UNDEF = re.compile(r"#undef ([A-Za-z_$][\w$]*)")
PRAGMA_PACK = re.compile(r"#\s*pragma pack\s*\(([^)]*)\)")
STRUCTURE = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[{}()\[\];]')


@dataclass(frozen=True, slots=True)
class Line:
    """Where a line of a chunk's text comes from."""

    header: str
    number: int
    column: int  # of its first character


@dataclass(frozen=True, slots=True)
class Chunk:
    """One top-level declaration as text; of a function definition all but the body."""

    text: str
    lines: tuple[Line, ...]
    pack: int  # the #pragma pack in force at its last closing brace, 0 for none
    has_body: bool = False


@dataclass(slots=True)
class Split:
    """What one preprocessed unit consists of."""

    chunks: list[Chunk] = field(default_factory=list)
    macros: list[MacroDefinition] = field(default_factory=list)  # every definition, in order
    in_force: dict[str, int] = field(default_factory=dict)  # name -> its index, at the end
    withdrawn: set[int] = field(default_factory=set)  # undefined by whoever includes their header
    headers: list[str] = field(default_factory=list)  # in order of first entry
    failures: list[Failure] = field(default_factory=list)


class Splitter:
    """Cuts the text at ``;`` and at the end of function bodies, outside of all brackets.

    What is unbalanced is given up where the unit's own text goes on: one broken header does not
    swallow those after it.
    """

    def __init__(self, unit: str, header_of: Callable[[str], str]) -> None:
        """``header_of`` turns a path of a line marker into the name to include."""
        self._unit = unit
        self._header_of = header_of
        self._out = Split()
        self._pack = _Pack()
        self._definitions: dict[str, list[int]] = {}
        self._open: tuple[str, ...] = ()  # the headers under way, each included by the one before
        self._opened: list[tuple[str, ...]] = []  # and those at each macro definition
        self._draft = _Draft()

    def split(self, text: str) -> Split:
        """Return the parts of ``text``; what is unbalanced is in ``Split.failures``.

        Raises CallgateError when there is more of that, or of anything, than is worth going on for.
        """
        header, number = "<unknown>", 0
        names: dict[str, str] = {}
        for raw in text.split("\n"):
            if raw.startswith("#"):
                marker = MARKER.match(raw)
                if marker:
                    path = marker[2]
                    if path not in names:
                        names[path] = self._header_of(path)
                    header, number = names[path], int(marker[1]) - 1
                    self._enter(header, marker[3])
                    if header.startswith("<"):
                        self._give_up()
                    continue
                number += 1
                self._directive(raw, Where(self._unit, header, number))
                continue
            number += 1
            if raw and not raw.isspace():
                self._line(raw, header, number)
        self._give_up()
        self._out.headers = [
            name for name in dict.fromkeys(names.values()) if not name.startswith("<")
        ]
        return self._out

    def _directive(self, raw: str, where: Where) -> None:
        if define := DEFINE.match(raw):
            self._define(define, where)
        elif undef := UNDEF.match(raw):
            self._out.in_force.pop(undef[1], None)
            self._out.withdrawn.update(
                index
                for index in self._definitions.get(undef[1], ())
                if where.header in self._opened[index]
                or self._out.macros[index].where.header in self._open
            )
        elif pragma := PRAGMA_PACK.match(raw):
            self._pack.apply(pragma[1])

    def _enter(self, header: str, flag: str | None) -> None:
        """Note which headers are open: a macro that any of them takes back is never in force."""
        if flag == "1":
            self._open = (*self._open, header)
        elif header in self._open:
            self._open = self._open[: self._open.index(header) + 1]
        else:
            self._open = (header,)

    def _define(self, define: re.Match[str], where: Where) -> None:
        name = define[1]
        if where.header.startswith("<"):
            return
        parameters, variadic = None, False
        if define[2] is not None:
            parts = [part.strip() for part in define[2].split(",") if part.strip()]
            variadic = bool(parts) and parts[-1].endswith("...")
            parameters = tuple(part.removesuffix("...") or "__VA_ARGS__" for part in parts)
        index = len(self._out.macros)
        self._bounded(index, "macros", where)
        self._out.in_force[name] = index
        self._definitions.setdefault(name, []).append(index)
        self._opened.append(self._open)
        body = define[3].strip()
        self._out.macros.append(MacroDefinition(name, parameters, body, where, variadic))

    # --- declarations ----------------------------------------------------------------------------

    def _line(self, raw: str, header: str, number: int) -> None:
        start = 0  # of what belongs to the declaration under way
        self._draft.in_line = False
        for match in STRUCTURE.finditer(raw):
            draft, char = self._draft, match[0]
            if char == "{" and not draft.depth and not draft.in_body:
                draft.add(raw, start, match.start(), header, number)
                start = match.start()
                draft.in_body = draft.is_function()
            draft.count(char)
            if draft.unbalanced:
                self._fail(f"{char!r} without its opening bracket", header, number, match)
                self._draft = _Draft()
                start = match.end()
            elif draft.depth > MAX_DEPTH:
                self._fail(f"brackets nested deeper than {MAX_DEPTH}", header, number, match)
            elif draft.depth == 0:
                if char == "}":
                    draft.pack = self._pack.now
                if char == ";" or (char == "}" and draft.in_body):
                    draft.add(raw, start, match.end(), header, number)
                    self._end()
                    start = match.end()
        self._draft.add(raw, start, len(raw), header, number)
        if self._draft.size > MAX_CHUNK:
            self._fail(f"a declaration longer than {MAX_CHUNK:,} characters", header, number)

    def _end(self) -> None:
        """Keep the declaration under way, which is complete."""
        chunk = self._draft.chunk()
        if chunk is not None:
            self._out.chunks.append(chunk)
            first = chunk.lines[0]
            where = Where(self._unit, first.header, first.number, first.column)
            self._bounded(len(self._out.chunks), "declarations", where)
        self._draft = _Draft()

    def _bounded(self, count: int, what: str, where: Where) -> None:
        if count > MAX_ITEMS:
            raise CallgateError(f"more than {MAX_ITEMS:,} {what} in one unit", where=str(where))

    def _give_up(self) -> None:
        """Drop the declaration under way: the header that began it is over."""
        if self._draft.lines:
            first = self._draft.lines[0]
            message = "the header ends within this declaration; expected ';' or a closing bracket"
            self._fail(message, first.header, first.number)
        self._draft = _Draft()

    def _fail(
        self, message: str, header: str, number: int, match: re.Match[str] | None = None
    ) -> None:
        """Note that the declaration under way is broken; it is skipped to its end."""
        if self._draft.failed:
            return
        self._draft.failed = True
        shown = "\n".join(self._draft.text) or (match.string if match else "")
        where = Where(self._unit, header, number, match.start() + 1 if match else 1)
        self._out.failures.append(Failure(where, message, shown.strip()[:SHOWN]))
        if len(self._out.failures) > MAX_FAILURES:
            raise CallgateError(
                f"more than {MAX_FAILURES:,} broken declarations, the last: {message}",
                where=str(where),
            )


@dataclass(slots=True)
class _Draft:
    """The declaration under way."""

    text: list[str] = field(default_factory=list)  # its lines so far
    lines: list[Line] = field(default_factory=list)
    size: int = 0  # characters
    braces: int = 0  # open ones
    inner: int = 0  # open parentheses and square brackets
    pack: int = 0  # the #pragma pack at its last closing brace
    in_line: bool = False  # the last piece is of the line under way
    in_body: bool = False  # of a function: not kept
    failed: bool = False  # reported: not kept

    @property
    def depth(self) -> int:
        return self.braces + self.inner

    @property
    def unbalanced(self) -> bool:
        return self.braces < 0 or self.inner < 0

    def count(self, char: str) -> None:
        """Note a bracket."""
        if char == "{":
            self.braces += 1
        elif char == "}":
            self.braces -= 1
        elif char in "([":
            self.inner += 1
        elif char in ")]":
            self.inner -= 1

    def add(self, raw: str, start: int, end: int, header: str, number: int) -> None:
        """Append a piece of a line."""
        if self.in_body or self.failed:
            return
        piece = raw[start:end]
        if not piece or piece.isspace():
            return
        if self.in_line and self.text:
            self.text[-1] += piece
        else:
            self.text.append(piece)
            self.lines.append(Line(header, number, start + 1))
        self.in_line = True
        self.size += len(piece)

    def is_function(self) -> bool:
        """Tell whether a ``{`` that comes now opens a function's body, not a record's."""
        try:
            head = bare("\n".join(self.text))
        except RewriteError:
            return False  # parsing the declaration will say what is wrong
        return head.endswith(")") and "=" not in head

    def chunk(self) -> Chunk | None:
        """Return what was collected, None for nothing."""
        text = "\n".join(self.text)
        if self.failed or text.strip() in {";", ""}:
            return None
        text = f"{text};" if self.in_body else text
        return Chunk(text, tuple(self.lines), self.pack, self.in_body)


class _Pack:
    """The state of ``#pragma pack``; GCC's and clang's manuals give the forms."""

    def __init__(self) -> None:
        self.now = 0
        self._stack: list[tuple[str, int]] = []

    def apply(self, arguments: str) -> None:
        """Carry out ``#pragma pack(arguments)``: N, push, pop, each with a label and N or not."""
        words = [word.strip() for word in arguments.split(",")]
        labels = [word for word in words[1:] if word and not word.isdigit()]
        label = labels[0] if labels else ""
        if words[0] == "push":
            self._stack.append((label, self.now))
        elif words[0] == "pop":
            self._pop(label)
        elif words == [""]:
            self.now = 0
        numbers = [int(word) for word in words if word.isdigit()]
        if numbers:
            self.now = numbers[-1]

    def _pop(self, label: str) -> None:
        """Pop one level, or down to the one pushed with ``label``; nothing if there is none."""
        if label and label not in {name for name, _ in self._stack}:
            return
        while self._stack:
            name, self.now = self._stack.pop()
            if not label or name == label:
                return
