"""The texts of spec/operations in parts: what an operation takes, and what it returns."""

from __future__ import annotations

import re
from dataclasses import dataclass

RESULT = re.compile(r"^(?P<head>.*?) ?-> (?P<result>\w+)(?: (?P<made>\w+))?$")
PART = re.compile(
    r"(?:(?P<name>[\w.]+): )?"
    r"(?:(?P<how>none|value|address|in|out|both|size|flags|choice|constant|array|count|length|fd"
    r"|string|path|data|buffer|key|element|\d+)(?: (?P<word>[\w.]+))?)?"
)
TYPED = frozenset({"in", "out", "both", "size", "array"})  # the word after these is a type
OF_MAPS = frozenset({"key", "element", "info"})  # as long as an object of bpf says
NAMED = frozenset({"flags", "choice"})  # after these a group


@dataclass(frozen=True, slots=True)
class Part:
    """One argument, or one member of the record that a command fills in: ``flags: flags BPF_F``."""

    how: str  # ex) "flags"; empty where only a result is said
    word: str | None  # ex) "BPF_F": the type, group or member that it speaks of
    name: str | None = None  # ex) "flags": the member


@dataclass(frozen=True, slots=True)
class Operation:
    """One row."""

    parts: tuple[Part, ...]
    result: str | None = None  # ex) "fd"
    made: str | None = None  # ex) "bpf_map": the kind of descriptor


def read_operation(text: str) -> Operation | None:
    """Return a row's text in parts, None where it cannot be read."""
    found = RESULT.fullmatch(text)
    head, result, made = found.groups() if found else (text, None, None)
    braces = re.fullmatch(r"(?:\w+ )?\{ ?(.*?) ?\}", head)
    parts = []
    for item in (braces[1] if braces else head).split(", "):
        part = PART.fullmatch(item)
        if part is None or bool(braces and item) != bool(part["name"]):
            return None
        parts.append(Part(part["how"] or "", part["word"], part["name"]))
    return Operation(tuple(parts), result, made) if text else None
