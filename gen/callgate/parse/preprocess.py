"""Preprocessed text (``-E -dD``) -> top-level declarations and macro definitions, with places."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callgate.tree import Failure, MacroDefinition, Where

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 128  # brackets within brackets; real headers stay below 20
MAX_CHUNK = 1 << 20  # characters of one declaration; the largest real one has 90,000
SHOWN = 300  # characters of offending text in a message

MARKER = re.compile(r'#(?:line)? (\d+) "((?:[^"\\]|\\.)*)"')
DEFINE = re.compile(r"#define ([A-Za-z_$][\w$]*)(\(([^)]*)\))? ?(.*)", re.S)
PRAGMA_PACK = re.compile(r"#pragma pack\s*\(([^)]*)\)")
STRUCTURE = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[{}()\[\];]')
RECORD_HEAD = re.compile(r"\b(struct|union|enum)\b[^()=;]*$")


@dataclass(slots=True)
class Chunk:
    """One top-level declaration as text."""

    text: str
    lines: list[tuple[str, int]]  # header and line of each line of the text
    pack: int  # the #pragma pack in force at its end, 0 for none
    body: int = -1  # where a function definition's body starts, -1 for none


@dataclass(slots=True)
class Split:
    """What one preprocessed unit consists of."""

    chunks: list[Chunk] = field(default_factory=list)
    macros: list[MacroDefinition] = field(default_factory=list)  # every definition, in order
    last: dict[str, int] = field(default_factory=dict)  # name -> index of the one in force at the end
    headers: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


class Splitter:
    """Cuts the text at ``;`` and at the end of function bodies, outside of all brackets."""

    def __init__(self, unit: str, header_of: Callable[[str], str]) -> None:
        """``header_of`` turns a path of a line marker into the name to include."""
        self._unit = unit
        self._header_of = header_of
        self._out = Split()
        self._pack: list[int] = []
        self._pack_now = 0
        self._reset()

    def split(self, text: str) -> Split:
        """Return the parts of ``text``; what is unbalanced is reported as a failure."""
        header, line = "<unknown>", 0
        seen: dict[str, None] = {}
        names: dict[str, str] = {}
        for raw in text.split("\n"):
            if raw.startswith("#"):
                marker = MARKER.match(raw)
                if marker:
                    path = marker[2]
                    header = names.get(path) or names.setdefault(path, self._header_of(path))
                    line = int(marker[1]) - 1
                    seen.setdefault(header)
                    continue
                line += 1
                self._directive(raw, Where(self._unit, header, line))
                continue
            line += 1
            if raw and not raw.isspace():
                self._line(raw, header, line)
        if any(part.strip() for part in self._text):
            self._fail("the file ends within a declaration; expected ';' or '}'")
        self._out.headers = [name for name in seen if not name.startswith("<")]
        return self._out

    def _directive(self, raw: str, where: Where) -> None:
        define = DEFINE.match(raw)
        if define:
            if where.header.startswith("<"):
                return
            name, parameters = define[1], None
            variadic = False
            if define[2] is not None:
                parts = [part.strip() for part in define[3].split(",") if part.strip()]
                variadic = bool(parts) and parts[-1].endswith("...")
                parameters = tuple(part.removesuffix("...") or "__VA_ARGS__" for part in parts)
            self._out.last[name] = len(self._out.macros)
            body = define[4].strip()
            self._out.macros.append(MacroDefinition(name, parameters, body, where, variadic))
        elif raw.startswith("#undef "):
            self._out.last.pop(raw[7:].strip(), None)
        elif raw.startswith("#pragma"):
            pack = PRAGMA_PACK.match(raw)
            if pack:
                self._pragma_pack([part.strip() for part in pack[1].split(",")])

    def _pragma_pack(self, words: list[str]) -> None:
        if words[0] == "push":
            self._pack.append(self._pack_now)
        elif words[0] == "pop":
            self._pack_now = self._pack.pop() if self._pack else 0
        numbers = [int(word) for word in words if word.isdigit()]
        if numbers:
            self._pack_now = numbers[-1]
        elif words == [""]:
            self._pack_now = 0

    def _line(self, raw: str, header: str, line: int) -> None:
        start = 0
        for match in STRUCTURE.finditer(raw):
            char = match[0]
            if char in "([":
                self._parens += 1
            elif char in ")]":
                self._parens -= 1
            elif char == "{":
                if self._braces == 0 and self._parens == 0:
                    self._open_body(raw[start : match.start()])
                self._braces += 1
            elif char == "}":
                self._braces -= 1
                if self._braces == 0 and self._parens == 0 and self._body >= 0:
                    self._add(raw[start : match.end()], header, line)
                    self._end()
                    start = match.end()
            elif char == ";" and self._braces == 0 and self._parens == 0:
                self._add(raw[start : match.end()], header, line)
                self._end()
                start = match.end()
            if self._braces < 0 or self._parens < 0 or self._braces + self._parens > MAX_DEPTH:
                self._add(raw[start:], header, line)
                deep = self._braces + self._parens > MAX_DEPTH
                self._fail(
                    f"brackets nested deeper than {MAX_DEPTH}" if deep else f"{char!r} without its opening"
                )
                return
        if raw[start:].strip():
            self._add(raw[start:], header, line)
        if self._size > MAX_CHUNK:
            self._fail(f"a declaration longer than {MAX_CHUNK:,} characters")

    def _open_body(self, before: str) -> None:
        """Decide whether the ``{`` that follows opens a function's body or a record's."""
        head = "\n".join([*self._text, before])
        plain = re.sub(r"__attribute__\s*\(\(.*?\)\)\s*", " ", head, flags=re.S).rstrip()
        if plain.endswith(")") and not RECORD_HEAD.search(plain) and "=" not in plain:
            self._body = len(head)

    def _add(self, text: str, header: str, line: int) -> None:
        self._text.append(text)
        self._lines.append((header, line))
        self._size += len(text) + 1

    def _end(self) -> None:
        text = "\n".join(self._text)
        if text.strip() not in {";", ""}:
            self._out.chunks.append(Chunk(text, self._lines, self._pack_now, self._body))
        self._reset()

    def _fail(self, message: str) -> None:
        header, line = self._lines[0] if self._lines else ("<unknown>", 0)
        text = "\n".join(self._text).strip()[:SHOWN]
        self._out.failures.append(Failure(Where(self._unit, header, line), message, text))
        self._reset()

    def _reset(self) -> None:
        self._text: list[str] = []
        self._lines: list[tuple[str, int]] = []
        self._size = 0
        self._braces = 0
        self._parens = 0
        self._body = -1
