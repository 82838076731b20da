"""Function-like macros: how the preprocessor is asked to expand one, and the expression it gives.

A macro is invoked with arguments that no header can contain, so the expansion shows where each
argument went; macros used inside are expanded and pasted tokens joined, as in C.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callgate.tree import MacroDefinition

# What ends it is its own: a digit pasted behind it does not make it another argument.
ARGUMENT = re.compile(r"__callgate_(\d+)_")
TOUCHED = re.compile(r"[\w.]*__callgate_\d+_[\w.]*")  # with what was pasted to it
# strings, characters, numbers and members are passed over; a word is what may be replaced
WORD = re.compile(
    r"""\"(?:\\.|[^"\\])*\"|'(?:\\.|[^'\\])*'|\.?\d[\w.]*|(?:\.|->)\s*\w+|([A-Za-z_]\w*)"""
)
STRING = re.compile(r'"(?:\\.|[^"\\])*"')
OPERATOR = re.compile(r"<<=|>>=|[-+*/%&|^]=|\+\+|--|[=!<>]=|=")
ASSIGNMENTS = {"<<=", ">>=", "-=", "+=", "*=", "/=", "%=", "&=", "|=", "^=", "++", "--", "="}
STATEMENT = re.compile(r"(?:do|if|for|while|return|switch|goto)\b")
DECLARATION = re.compile(
    r"(?:typedef|extern|static|struct|union|enum|const|unsigned|char|int|long|__attribute__|_Pragma"
    r"|#pragma|\[\[)(?!\w)"
)
BLOCK = re.compile(r"\(\s*\{([^{}]*)\}\s*\)")
WHOLE = re.compile(r"[\s(]*\{([^{}]*)\}[\s)]*")
LOCAL = re.compile(r"\s*(.+?[\s*])([A-Za-z_]\w*)\s*=(?!=)(.*)", re.DOTALL)
STEP = re.compile(r"\(\s*\(\s*(__callgate_\d+_)\s*\)\s*-=(.+)\)\s*", re.DOTALL)
# of a function; what is called here for its value alone may be called again
CALL = re.compile(
    r"(?!(?:sizeof|_Alignof|__alignof__|typeof|__typeof__|__typeof|__builtin_\w+|__bswap_\w+"
    r"|__fswab\w+|__uint\d+_identity|[hn]to[hn][sl])\b)\b[A-Za-z_]\w*\s*\((?!\s*\*)"
)
READ = re.compile(r"->|\[|\.\s*[A-Za-z_]|\*(?!\s*[)*])")  # memory: a call may change it
COMPILER = re.compile(r"__has_\w+|__GNUC__|__GNUC_MINOR__|__clang_\w+")
MAX_TEXT = 1 << 14  # characters; the longest real expansion has 3,000


def argument(index: int) -> str:
    """Return what stands for argument ``index`` in an invocation."""
    return f"__callgate_{index}_"


def invocation(macro: MacroDefinition, *, in_force: bool) -> str:
    """Return the text whose expansion is the macro's; empty where only its own header could say.

    A definition that was replaced later cannot be invoked: its body stands for it, which pastes
    nothing.
    """
    arguments = {name: argument(index) for index, name in enumerate(macro.parameters or ())}
    if in_force:
        return f"{macro.name}({', '.join(arguments.values())})"
    return "" if "#" in macro.body else _replaced(macro.body, arguments)


def expression_text(macro: MacroDefinition) -> tuple[str, str | None]:
    """Return the expansion as an expression, and the reason where it cannot be one."""
    text = macro.expansion
    bare = STRING.sub('""', text)
    found = {
        "takes any number of arguments": macro.variadic,
        "empty": not macro.body,
        "pastes tokens": (not text and "#" in macro.body)
        or any(not ARGUMENT.fullmatch(item) for item in TOUCHED.findall(bare)),
        "expands to nothing by itself": not text,
        "asks for the compiler's version or features": COMPILER.search(macro.body),
        "makes a string of an argument": any(map(ARGUMENT.search, STRING.findall(text))),
    }
    reason = next((reason for reason, applies in found.items() if applies), None)
    if reason is not None:
        return "", reason
    text = _without_blocks(text)
    return text, _obstacle(STRING.sub('""', text))


def step(macro: MacroDefinition) -> tuple[str, str] | None:
    """Return a step's value and what becomes of its counter, as expressions; None for all else.

    ``((len) -= ALIGN(p->len), p + ALIGN(p->len))``: C's caller gives a variable for ``len``, which
    a function cannot change but return: ``p + ALIGN(p->len)`` and ``len - ALIGN(p->len)``.
    """
    found = STEP.fullmatch(macro.expansion)
    parts = _listed(found[2]) if found else []
    if found is None or len(parts) != 2:  # noqa: PLR2004 - what is taken away, and the value
        return None
    value, left = parts[1], f"({found[1]}) - ({parts[0]})"
    return None if _obstacle(value) or _obstacle(left) else (value, left)


def block(macro: MacroDefinition) -> tuple[list[tuple[str, str]], str] | None:
    """Return a block's variables, names and first values, and its value; None for all else.

    ``({ int y = f(x); y + y; })``: each variable is evaluated once, in their order (C23 6.8.1). In
    the expressions they go by what stands for the arguments that follow the macro's own.
    """
    found = WHOLE.fullmatch(re.sub(r"\b__extension__\b", "", macro.expansion))
    parts = _block_parts(found[1]) if found else None
    if parts is None or _obstacle(STRING.sub('""', parts[1])):
        return None
    known: dict[str, str] = {}
    variables: list[tuple[str, str]] = []
    for kind, name, first in parts[0]:
        own = argument(len(macro.parameters or ()) + len(variables))
        kind_text = _replaced(kind, known)
        variables.append((name, f"(({kind_text})({_replaced(first, known)}))"))
        known[name] = f"(({kind_text})({own}))"
    return variables, _replaced(parts[1], known)


def _listed(text: str) -> list[str]:
    """Return what stands between the commas outside of all brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _obstacle(text: str) -> str | None:
    """Return why ``text``, in which strings are empty, is no expression."""
    found = {
        "statement expression": "({" in text.replace(" ", ""),
        "statement": ";" in text or STATEMENT.match(text),
        "initializer": text[0] in "{[.",
        "declaration": DECLARATION.match(text),
        "assigns": not ASSIGNMENTS.isdisjoint(OPERATOR.findall(text)),
        "a list, not one value": len(_listed(text)) > 1,
    }
    return next((reason for reason, applies in found.items() if applies), None)


def _without_blocks(text: str) -> str:
    """Return ``text`` with ``({ T a = x; a + 1; })`` as ``(((T)(x)) + 1)``, inner blocks first.

    Only variables that are initialised and never assigned can be replaced by what they stand for;
    a block with anything else stays as it is.
    """
    text = re.sub(r"\b__extension__\b", "", text)
    while len(text) < MAX_TEXT:
        for block in BLOCK.finditer(text):
            value = _block_value(block[1])
            if value is not None:
                text = f"{text[: block.start()]}({value}){text[block.end() :]}"
                break
        else:
            break
    return text


def _block_value(inner: str) -> str | None:
    """Return the value of what stands in a block's braces; None where it is not that of a text.

    A variable's value is evaluated once, and before what follows: no call can be put in its place,
    and nothing that a call may change before it is used.
    """
    parts = _block_parts(inner)
    if parts is None:
        return None
    variables, value = parts
    firsts = [first for _, _, first in variables]
    if any(map(CALL.search, firsts)) or (CALL.search(value) and any(map(READ.search, firsts))):
        return None
    known: dict[str, str] = {}
    for kind, name, first in variables:
        known[name] = f"(({_replaced(kind, known)})({_replaced(first, known)}))"
    return _replaced(value, known)


def _block_parts(inner: str) -> tuple[list[tuple[str, str, str]], str] | None:
    """Return the variables (type, name, first value) and the value; None for what has others."""
    *statements, rest = inner.split(";")
    if rest.strip() or not statements:
        return None
    variables = []
    for statement in statements[:-1]:
        local = LOCAL.fullmatch(statement)
        if local is None or STATEMENT.match(statement.strip()):
            return None
        variables.append((local[1].strip(), local[2], local[3]))
    value = statements[-1]
    if not ASSIGNMENTS.isdisjoint(OPERATOR.findall(value)) or STATEMENT.match(value.strip()):
        return None
    return variables, value


def _replaced(text: str, known: Mapping[str, str]) -> str:
    """Return ``text`` with the words in ``known`` replaced."""
    return WORD.sub(lambda found: known.get(found[1], found[0]) if found[1] else found[0], text)
