"""GNU C -> C23, token by token, so that pycparser (dialect c23) takes real headers.

Attributes become ``[[gnu::...]]`` in the place where the C23 grammar wants them; spellings with
underscores become the plain keyword. Lines stay lines, so that places stay right.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TOKEN = re.compile(
    r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|[A-Za-z_$][\w$]*|\.?[0-9](?:[eEpP][+-]|[\w.])*'
    r"|\s+|."
)
ATTRIBUTE_WORDS = {"__attribute__", "__attribute"}
ASM_WORDS = {"__asm__", "__asm", "asm"}
SPELLINGS = {
    "__const": "const", "__const__": "const", "__volatile": "volatile", "__volatile__": "volatile",
    "__signed": "signed", "__signed__": "signed", "__inline": "inline", "__inline__": "inline",
    "__restrict": "restrict", "__restrict__": "restrict", "__extension__": "",
    "__typeof": "typeof", "__typeof__": "typeof", "__alignof": "_Alignof",
    "__alignof__": "_Alignof", "__builtin_offsetof": "offsetof", "__complex__": "_Complex",
    "__complex": "_Complex", "__thread": "_Thread_local", "__int128_t": "__int128",
    "__uint128_t": "unsigned __int128", "_Nonnull": "", "_Nullable": "", "_Null_unspecified": "",
    "__real__": "", "__imag__": "",
}  # fmt: skip
# Nothing to do for a text without any of these.
INTERESTING = re.compile(r"__|\basm\b|_N")
# Words that may stand before a type, and those that make up one.
LEADING = {
    "extern", "static", "inline", "const", "volatile", "typedef", "register", "restrict",
    "_Noreturn", "_Thread_local", "_Atomic",
}  # fmt: skip
BASIC = LEADING | {
    "void", "char", "short", "int", "long", "float", "double", "signed", "unsigned", "_Bool",
    "bool", "_Complex", "__int128",
}  # fmt: skip
MARK = "[[gnu::"  # what an attribute token begins with
LABEL = "asm_label"  # the attribute that stands for an asm label


class RewriteError(Exception):
    """An attribute or asm label without its balanced parentheses, at ``offset`` of the text."""

    def __init__(self, message: str, before: Sequence[str]) -> None:
        """``before`` are the tokens before the offending word."""
        super().__init__(message)
        self.offset = sum(map(len, before))


def rewrite(text: str) -> str:
    """Return one top-level declaration in C23; raises RewriteError on a broken attribute."""
    if not INTERESTING.search(text):
        return text
    return "".join(_rewrite(TOKEN.findall(text)))


def bare(text: str) -> str:
    """Return ``text`` rewritten, without its attributes and asm labels."""
    parts = _attributes(TOKEN.findall(text))
    return "".join("" if part.startswith(MARK) else part for part in parts).strip()


def source_position(text: str, offset: int) -> int:
    """Return the position in ``text`` of what stands at ``offset`` in ``rewrite(text)``.

    What the rewriting made has the position of the token before it.
    """
    tokens: list[str] = []
    for match in TOKEN.finditer(text):
        tokens.append(_Located.at(match[0], match.start()))
    place = reached = 0
    for part in _rewrite(tokens):
        if isinstance(part, _Located):
            place = part.offset
            if reached + len(part) > offset:
                return place + max(0, offset - reached)
        reached += len(part)
    return place


class _Located(str):
    """A token that knows where it was found: the rewriting passes it on like any other."""

    __slots__ = ("offset",)
    offset: int

    @classmethod
    def at(cls, text: str, offset: int) -> _Located:
        token = cls(text)
        token.offset = offset
        return token


def _rewrite(tokens: list[str]) -> list[str]:
    parts = _attributes(tokens)
    for step in _STEPS:
        parts = step(parts)
    return parts


def _attributes(source: Sequence[str]) -> list[str]:
    """Turn attributes and asm labels into one ``[[...]]`` token each, and spellings into C23's."""
    out: list[str] = []
    index = 0
    while index < len(source):
        token = source[index]
        if token in ATTRIBUTE_WORDS:
            start, end = _group(source, index)
            found = _attribute(source[start + 1 : end - 1])
            if found is None:
                raise RewriteError(f"expected '((' and '))' after {token}", source[:index])
            out += [found, _newlines(source[index:end])]
            index = end
        elif token in ASM_WORDS:
            start, end = _group(source, index)
            strings = " ".join(part for part in source[start:end] if part.startswith('"'))
            out += [f"{MARK}{LABEL}({strings})]]", _newlines(source[index:end])]
            index = end
        elif token == "__declspec":  # noqa: S105 - a keyword, not a password
            _, index = _group(source, index)
        else:
            out.append(SPELLINGS.get(token, token))
            index += 1
    return [part for part in out if part]


def _attribute(inner: Sequence[str]) -> str | None:
    """Return ``[[gnu::packed, gnu::aligned(8)]]`` for what the outer parentheses hold, if sound."""
    words = [" " if part.isspace() else SPELLINGS.get(part, part) for part in inner]
    while words and words[0] == " ":
        words.pop(0)
    while words and words[-1] == " ":
        words.pop()
    if words[:1] != ["("] or words[-1:] != [")"]:
        return None
    names: list[str] = []
    depth, current = 0, ""
    for word in [*words[1:-1], ","]:
        depth += (word in "([{") - (word in ")]}")
        if word == "," and not depth:
            name = re.sub(r"^__(\w+?)__\b", r"\1", current.strip())
            if name:
                names.append(f"gnu::{name}")
            current = ""
        else:
            current += word
    return f"[[{', '.join(names)}]]" if names else ""


def _group(source: Sequence[str], word: int) -> tuple[int, int]:
    """Return the position of the ``(`` after ``source[word]`` and that after its match."""
    index = word + 1
    while index < len(source) and (source[index].isspace() or source[index] in _ASM_QUALIFIERS):
        index += 1
    if index >= len(source) or source[index] != "(":
        raise RewriteError(f"expected '(' after {source[word]}", source[:word])
    depth = 0
    for position in range(index, len(source)):
        depth += (source[position] == "(") - (source[position] == ")")
        if not depth:
            return index, position + 1
    raise RewriteError(f"'(' without ')' after {source[word]}", source[:word])


_ASM_QUALIFIERS = {"volatile", "__volatile__", "__volatile", "inline", "__inline", "goto"}


def _newlines(source: Sequence[str]) -> str:
    return "\n" * sum(part.count("\n") for part in source)


def _bit_fields(parts: list[str]) -> list[str]:
    """Move an attribute that follows a bit-field's width in front of the colon."""
    if ":" not in parts:
        return parts
    out: list[str] = []
    colon, depth, is_expression = -1, 0, False
    for part in parts:
        depth += (part == "(") - (part == ")")
        if depth == 0 and part in {";", "{", "}", ","}:
            colon, is_expression = -1, False
        elif part in {"?", "="}:
            is_expression = True  # the colon to come is not a bit-field's
        elif part == ":" and depth == 0 and not is_expression:
            colon = len(out)
        if part.startswith(MARK) and colon >= 0 and depth == 0:
            out.insert(colon, part)
            colon += 1
        else:
            out.append(part)
    return out


def _place(parts: list[str]) -> list[str]:
    """Move attributes among a declaration's specifiers to where C23 has them.

    ``static inline __attribute__((unused)) __u16 f(void)``: after an attribute pycparser, like the
    C23 grammar, takes no further specifier. One that only storage classes and qualifiers precede
    goes before these, one before or within a basic type's words goes behind them; one after ``(``
    or after a pointer's qualifiers goes where the pointer's attributes stand.
    """
    if not any(part.startswith(MARK) for part in parts):
        return parts
    out: list[str] = []
    begin = 0  # of the declaration under way in ``out``, -1 once it has a type
    star = -1  # the place after the last "*" in ``out``, -1 once a name has followed
    pending: list[str] = []  # attributes that wait for the end of the specifiers
    for index, part in enumerate(parts):
        following = _next(parts, index)
        if part.startswith(MARK):
            if begin >= 0 and out[begin:]:
                out.insert(begin, part)
            elif star >= 0:
                out.insert(star, part)
            elif _waits(parts, index, first=begin >= 0) or (following == "*" and _last(out) == "("):
                pending.append(part)
            else:
                out.append(part)
            continue
        out.append(part)
        if part.isspace():
            continue
        if following not in BASIC and not following.startswith(MARK):
            out += pending
            pending = []
        if part in LEADING:
            continue
        begin = len(out) if part in {";", "{", ",", "("} else -1
        star = len(out) if part == "*" else -1
    return out + pending


def _next(parts: list[str], index: int) -> str:
    return next((part for part in parts[index + 1 :] if not part.isspace()), "")


def _waits(parts: list[str], index: int, *, first: bool) -> bool:
    """Tell whether an attribute goes behind the specifiers that follow it.

    The ``first`` of a declaration stays before its qualifiers where a typedef or a tag is the type:
    ``__attribute__((deprecated)) const gchar *f(void)``.
    """
    if _next(parts, index) not in BASIC:
        return False
    words = (part for part in parts[index + 1 :] if not part.isspace())
    named = next((word for word in words if word not in LEADING and word[:2] != "[["), "")
    return named in BASIC or not first


def _last(parts: list[str]) -> str:
    return next((part for part in reversed(parts) if not part.isspace()), "")


_STEPS: tuple[Callable[[list[str]], list[str]], ...] = (_bit_fields, _place)
