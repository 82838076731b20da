"""Declarations of system call entry points in the kernel's own headers.

The kernel's headers cannot be preprocessed for every architecture at once, and a declaration's
#if conditions are facts worth keeping: so they are read as text, comments and macros blanked out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What is true wherever the kernel's headers are read for their prototypes: include/linux/syscalls.h
# gives none to architectures with a wrapper, whose calls take the same arguments.
_IMPLIED = {"__KERNEL__", "!CONFIG_ARCH_HAS_SYSCALL_WRAPPER"}

_DIRECTIVE = "\x01"  # stands in the text where a preprocessor line was
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_CONTINUED = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.MULTILINE)
_HEAD = re.compile(rf"([\w\s*{_DIRECTIVE}]+?)\s*\b(\w+)\s*\(")
_REST = re.compile(r"([^()]*)\)\s*(?:__attribute__\s*\(\(.*\)\)|__\w+|\s)*", re.DOTALL)
_ANNOTATIONS = {
    "asmlinkage", "extern", "notrace", "__user", "__force", "__iomem", "__kernel", "__weak",
}  # fmt: skip
_BASES = {"unsigned", "signed", "int", "long", "short", "char", "void"}
_TAGS = {"struct", "union", "enum"}


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A function that serves a system call, as one header declares it."""

    name: str  # ex) "sys_openat2"
    returns: str  # ex) "long"
    arguments: tuple[tuple[str | None, str], ...]  # ex) (("dfd", "int"), (None, "const char *"))
    header: str  # ex) "include/linux/syscalls.h"
    line: int
    conditions: tuple[str, ...]  # of the #if blocks around it: ex) ("!(CONFIG_CLONE_BACKWARDS)",)


def read_prototypes(text: str, header: str, wanted: set[str]) -> Iterator[EntryPoint]:
    """Yield the declarations in ``text`` of the functions named in ``wanted``.

    Raises CallgateError, with ``header:line``, on one of them that cannot be read.
    """
    plain = _COMMENT.sub(lambda found: "\n" * found[0].count("\n") or " ", text)
    conditions = _conditions(plain)
    plain = _CONTINUED.sub(lambda found: _DIRECTIVE + "\n" * found[0].count("\n"), plain)
    for start, statement in _statements(plain, header):
        head = _HEAD.match(statement)
        if head is None or head[2] not in wanted:
            continue
        line = plain.count("\n", 0, start + head.start(2)) + 1
        name, returns, arguments = read_declaration(statement, f"{header}:{line}")
        yield EntryPoint(name, returns, arguments, header, line, conditions[line - 1])


def read_declaration(text: str, where: str) -> tuple[str, str, tuple[tuple[str | None, str], ...]]:
    """Return name, result and arguments (name or None, type) of ``long sys_x(int fd, ...)``.

    Raises CallgateError with ``where`` on anything else.
    """
    head = _HEAD.match(text)
    rest = _REST.fullmatch(text, head.end()) if head else None
    if head is None or rest is None or _DIRECTIVE in text:
        shown = " ".join(text.replace(_DIRECTIVE, "#...").split())
        raise CallgateError(f"expected a function's declaration, got {shown!r}", where=where)
    returns = _joined([word for word in _tokens(head[1]) if word not in _ANNOTATIONS])
    return head[2], returns, tuple(_arguments(rest[1], where))


def holds(condition: str, config: frozenset[str]) -> bool:
    """Tell whether an #if condition is true where exactly the symbols of ``config`` are defined.

    Takes names, ``defined(NAME)``, ``!``, ``&&``, ``||`` and parentheses around the whole; any
    other expression counts as false.
    """
    condition = condition.strip()
    for word, combine in (("||", any), ("&&", all)):
        parts = _split(condition, word)
        if len(parts) > 1:
            return combine(holds(part, config) for part in parts)
    if condition.startswith("!"):
        return not holds(condition[1:], config)
    inner = re.fullmatch(r"(?:defined\s*)?\((.*)\)", condition)
    if inner:
        return holds(inner[1], config)
    return condition.removeprefix("defined ").strip() in config


def _conditions(text: str) -> list[tuple[str, ...]]:
    """Return the #if conditions in force at each line, without include guards and _IMPLIED."""
    stack: list[tuple[str, ...]] = []  # per open #if: the branches passed, negated, and this one
    out = []
    lines = text.splitlines()
    for index, line in enumerate(lines):
        found = re.match(r"\s*#\s*(ifdef|ifndef|if|elif|else|endif)\b\s*(.*)", line)
        word, rest = (found[1], found[2]) if found else ("", "")
        below = index + 1
        while rest.endswith("\\") and below < len(lines):
            rest, below = rest[:-1] + lines[below], below + 1
        rest = " ".join(rest.split())
        if word in {"ifdef", "if"}:
            stack.append((rest,))
        elif word == "ifndef":
            following = next((each for each in lines[below:] if each.strip()), "")
            guard = re.match(rf"\s*#\s*define\s+{re.escape(rest)}\b", following)
            stack.append(() if guard else (f"!{rest}",))
        elif word in {"else", "elif"} and stack and stack[-1]:
            *passed, last = stack[-1]
            this = (rest,) if word == "elif" else ()
            stack[-1] = (*passed, f"!({last})", *this)
        elif word == "endif" and stack:
            stack.pop()
        out.append(tuple(item for branch in stack for item in branch if item not in _IMPLIED))
    return out


def _statements(text: str, header: str) -> Iterator[tuple[int, str]]:
    """Yield ``(offset, text)`` of what ends with a semicolon and has no braces."""
    depth = start = 0
    head: str | None = None  # what stands before the statement's first brace
    for found in re.finditer(r"[{};]", text):
        if found[0] == "{":
            head = text[start : found.start()] if head is None else head
            depth += 1
        elif found[0] == "}":
            depth -= 1
            if depth == 0 and head is not None and head.rstrip().endswith(")"):  # a function's body
                start, head = found.end(), None
        elif depth == 0:
            statement = text[start : found.start()]
            if head is None:
                bare = statement.lstrip(f"{_DIRECTIVE}\n\t ")
                yield found.start() - len(bare), bare
            start, head = found.end(), None
        if depth < 0:
            break
    if depth != 0:
        line = text.count("\n", 0, start) + 1
        raise CallgateError(
            "braces that do not match, in what begins here", where=f"{header}:{line}"
        )


def _arguments(text: str, where: str) -> Iterator[tuple[str | None, str]]:
    """Yield ``(name or None, C type)`` of each parameter."""
    parts = [part.strip() for part in text.split(",")]
    if parts in ([""], ["void"]):
        return
    for part in parts:
        words = [word for word in _tokens(part) if word not in _ANNOTATIONS]
        if not words or not all(re.fullmatch(r"\w+|\*", word) for word in words):
            raise CallgateError(f"expected a parameter's declaration, got {part!r}", where=where)
        name = words.pop() if _is_named(words) else None
        yield name, _joined(words)


def _is_named(words: list[str]) -> bool:
    """Tell whether the last word is the parameter's name: a whole type stands before it."""
    *before, last = words
    if last == "*" or last in _BASES:
        return False
    given = [word for word in before if word != "const"]
    return bool(given) and not (len(given) == 1 and given[0] in _TAGS)


def _tokens(text: str) -> list[str]:
    return re.findall(r"\w+|\S", text)


def _joined(words: list[str]) -> str:
    """Return a C type as written in a declaration: ``const char *const *``."""
    return re.sub(r"\* (?=\*|const\b)", "*", " ".join(words))


def _split(text: str, word: str) -> list[str]:
    """Split at ``word`` outside parentheses."""
    parts, depth, start = [], 0, 0
    for found in re.finditer(rf"[()]|{re.escape(word)}", text):
        if found[0] == word:
            if depth == 0:
                parts.append(text[start : found.start()])
                start = found.end()
        else:
            depth += 1 if found[0] == "(" else -1
    return [*parts, text[start:]]
