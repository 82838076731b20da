"""GNU C -> C23, token by token, so that pycparser (dialect c23) takes real headers.

Attributes become ``[[gnu::...]]`` in the place where the C23 grammar wants them; spellings with
underscores become the plain keyword. White space, and with it every line number, is kept.
"""

from __future__ import annotations

import re

TOKEN = re.compile(
    r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|[A-Za-z_$][\w$]*|\.?[0-9](?:[eEpP][+-]|[\w.])*'
    r"|\s+|\[\[|\]\]|."
)
SPELLINGS = {
    "__const": "const", "__const__": "const", "__volatile": "volatile", "__volatile__": "volatile",
    "__signed": "signed", "__signed__": "signed", "__inline": "inline", "__inline__": "inline",
    "__restrict": "restrict", "__restrict__": "restrict", "__extension__": "",
    "__typeof": "typeof", "__typeof__": "typeof", "__alignof": "_Alignof",
    "__alignof__": "_Alignof", "__builtin_offsetof": "offsetof", "__complex__": "_Complex",
    "__thread": "_Thread_local", "__int128_t": "__int128", "__uint128_t": "unsigned __int128",
    "_Nonnull": "", "_Nullable": "", "__real__": "", "__imag__": "",
}  # fmt: skip
INTERESTING = re.compile(r"__|\basm\b|_N|;\s*;|\b(?:static|inline|extern)\b")
SPECIFIERS = {"extern", "static", "inline", "const", "_Noreturn", "typedef", "volatile"}


class RewriteError(Exception):
    """An attribute or asm label without its closing parenthesis."""


def tokens(text: str) -> list[str]:
    """Return every token and every run of white space of ``text``, in order."""
    return TOKEN.findall(text)


def rewrite(text: str) -> str:
    """Return one top-level declaration in C23; raises RewriteError on unbalanced parentheses."""
    if not INTERESTING.search(text):
        return text
    parts = _drop_empty_members(_attributes(tokens(text)))
    parts = _hoist(_bit_fields(parts))
    return "".join(parts)


def _attributes(source: list[str]) -> list[str]:
    """Turn attributes and asm labels into one ``[[...]]`` token each, and spellings into C23's."""
    out: list[str] = []
    index = 0
    while index < len(source):
        token = source[index]
        if token in {"__attribute__", "__attribute"}:
            start, index = _group(source, index + 1)
            out.append(_attribute(source[start + 1 : index - 1]) + _newlines(source[start:index]))
        elif token in {"__asm__", "__asm", "asm"}:
            start, index = _group(source, index + 1)
            label = "".join(part for part in source[start + 1 : index - 1] if part[:1] == '"')
            out.append(f"[[gnu::asm_label({label})]]{_newlines(source[start:index])}")
        elif token == "__declspec":  # noqa: S105 - a keyword, not a password
            _, index = _group(source, index + 1)
        else:
            out.append(SPELLINGS.get(token, token))
            index += 1
    return out


def _attribute(inner: list[str]) -> str:
    """Return ``[[gnu::packed, gnu::aligned(8)]]`` for the tokens between the outer parentheses."""
    text = "".join(inner).strip()
    if not (text.startswith("(") and text.endswith(")")):
        raise RewriteError("expected '((' after __attribute__")
    parts, depth, start = [], 0, 1
    for index, char in enumerate(text[:-1]):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 1:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:-1])
    names = []
    for part in parts:
        name = re.sub(r"\s+", " ", part).strip()
        if name:
            names.append("gnu::" + re.sub(r"^__(\w+?)__\b", r"\1", name))
    return f"[[{', '.join(names)}]]" if names else ""


def _group(source: list[str], index: int) -> tuple[int, int]:
    """Return the position of the next ``(`` and that after its match."""
    while index < len(source) and (source[index].isspace() or source[index].isidentifier()):
        index += 1
    if index >= len(source) or source[index] != "(":
        raise RewriteError("expected '(' after __attribute__ or asm")
    depth = 0
    for position in range(index, len(source)):
        depth += (source[position] == "(") - (source[position] == ")")
        if depth == 0:
            return index, position + 1
    raise RewriteError("'(' without ')' after __attribute__ or asm")


def _newlines(source: list[str]) -> str:
    return "\n" * sum(part.count("\n") for part in source)


def _drop_empty_members(parts: list[str]) -> list[str]:
    """Drop a stray ``;`` between members: GNU C allows it, C23 does not."""
    out: list[str] = []
    previous, depth = "", 0
    for part in parts:
        depth += (part == "{") - (part == "}")
        if part == ";" and previous in {";", "{"} and depth:
            continue
        out.append(part)
        if not part.isspace() and part:
            previous = part
    return out


def _bit_fields(parts: list[str]) -> list[str]:
    """Move an attribute that follows a bit-field's width in front of the colon."""
    out: list[str] = []
    colon, depth = -1, 0
    for part in parts:
        if part in {";", "{", "}"}:
            colon = -1
        depth += (part == "(") - (part == ")")
        if part == ":" and depth == 0:
            colon = len(out)
        if part.startswith("[[gnu::") and colon >= 0 and depth == 0:
            out.insert(colon, part)
            colon += 1
        else:
            out.append(part)
        if part == "," and depth == 0:
            colon = -1
    return out


def _hoist(parts: list[str]) -> list[str]:
    """Move an attribute among a declaration's leading specifiers to its front.

    ``static inline __attribute__((unused)) __u16 f(void)``: C23 has no attribute there, and after
    one pycparser would not recognise ``__u16`` as a type.
    """
    attributes, rest = [], 0
    for index, part in enumerate(parts):
        if part.startswith("[[gnu::"):
            attributes.append(index)
        elif not part or part.isspace() or part in SPECIFIERS:
            continue
        else:
            rest = index
            break
    if not attributes:
        return parts
    lead = [part for index, part in enumerate(parts[:rest]) if index not in attributes]
    return [parts[index] for index in attributes] + lead + parts[rest:]
