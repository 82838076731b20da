"""pycparser expressions -> ``callgate.tree`` expressions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pycparser import c_ast

from callgate import tree

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 200  # of the tree; a sum of 200 terms has that. The deepest real one has 29
ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]+|[0-7]{1,3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
SIMPLE_ESCAPES = {b"n": 10, b"t": 9, b"r": 13, b"a": 7, b"b": 8, b"f": 12, b"v": 11, b"e": 27}
OFFSETOF_ARGUMENTS = 2
WITHOUT_VALUE = {
    "Compound": "statement expression",
    "CompoundLiteral": "compound literal",
    "InitList": "initializer list",
    "Assignment": "assignment",
    "UnaryOp": "increment or decrement",
    "GenericSelection": "_Generic",
}


class TooDeepError(Exception):
    """An expression or type nested deeper than any real one."""


class ExpressionReader:
    """Turns expression nodes into tree nodes; ``type_of`` reads the types inside them."""

    def __init__(self, type_of: Callable[[c_ast.Node], tree.Type]) -> None:
        """``type_of`` takes a pycparser Typename."""
        self._type_of = type_of
        self._depth = 0

    def read(self, node: c_ast.Node) -> tree.Expression:
        """Return the expression; constructs without a value become ``Unsupported``.

        Raises TooDeepError.
        """
        if self._depth >= MAX_DEPTH:
            raise TooDeepError(f"an expression deeper than {MAX_DEPTH}")
        self._depth += 1
        try:
            return self._read(node)
        finally:
            self._depth -= 1

    def _read(self, node: c_ast.Node) -> tree.Expression:  # noqa: C901, PLR0911 - one per node type
        match node:
            case c_ast.Constant():
                return _constant(node)
            case c_ast.ID():
                return tree.Name(node.name)
            case c_ast.UnaryOp():
                return self._unary(node)
            case c_ast.BinaryOp():
                return tree.Binary(node.op, self.read(node.left), self.read(node.right))
            case c_ast.TernaryOp():
                test, yes, no = node.cond, node.iftrue, node.iffalse
                return tree.Conditional(self.read(test), self.read(yes), self.read(no))
            case c_ast.Cast():
                return tree.Cast(self._type_of(node.to_type), self.read(node.expr))
            case c_ast.StructRef():
                return tree.Member(self.read(node.name), node.field.name, node.type == "->")
            case c_ast.ArrayRef():
                return tree.Index(self.read(node.name), self.read(node.subscript))
            case c_ast.FuncCall():
                return self._call(node)
            case c_ast.ExprList() if node.exprs:
                joined = self.read(node.exprs[0])
                for item in node.exprs[1:]:
                    joined = tree.Binary(",", joined, self.read(item))
                return joined
        return _unsupported(node)

    def _unary(self, node: c_ast.UnaryOp) -> tree.Expression:
        if node.op in {"sizeof", "_Alignof", "alignof"}:
            is_type = isinstance(node.expr, c_ast.Typename)
            operand = self._type_of(node.expr) if is_type else self.read(node.expr)
            return tree.SizeOf(operand, align=node.op != "sizeof")
        if node.op in {"+", "-", "~", "!", "&", "*"}:
            return tree.Unary(node.op, self.read(node.expr))
        return _unsupported(node)

    def _call(self, node: c_ast.FuncCall) -> tree.Expression:
        arguments = list(node.args.exprs) if isinstance(node.args, c_ast.ExprList) else []
        name = node.name.name if isinstance(node.name, c_ast.ID) else ""
        if name in {"offsetof", "__builtin_offsetof"} and len(arguments) == OFFSETOF_ARGUMENTS:
            return tree.OffsetOf(self._type_of(arguments[0]), self.read(arguments[1]))
        if any(isinstance(item, c_ast.Typename) for item in arguments):
            return tree.Unsupported(f"call of {name or 'an expression'} with a type as argument")
        return tree.Call(self.read(node.name), tuple(self.read(item) for item in arguments))


def _unsupported(node: c_ast.Node) -> tree.Unsupported:
    name = type(node).__name__
    return tree.Unsupported(WITHOUT_VALUE.get(name, name))


def _constant(node: c_ast.Constant) -> tree.Expression:
    text = node.value
    if text[-1:] == "'":
        return tree.Character(text)
    if text[-1:] == '"':
        if text[0] in "LUu" and not text.startswith("u8"):
            return tree.Unsupported("wide string")
        return tree.String(string_bytes(text))
    if text in {"true", "false"}:
        return tree.Number(str(int(text == "true")))
    if text == "nullptr":
        return tree.Unsupported(text)
    return tree.Number(text)


def string_bytes(text: str) -> bytes:
    """Return the bytes of (adjacent) string literals, quotes removed and escapes resolved."""
    # An escape ends with its literal: "\\x1" "2" has two bytes (C23 5.1.1.2, phases 5 and 6).
    parts = re.findall(r'"((?:\\.|[^"\\])*)"', text, re.DOTALL)
    return b"".join(_resolved(part) for part in parts)


def _resolved(literal: str) -> bytes:
    def value(match: re.Match[bytes]) -> bytes:
        code = match[1]
        if code[:1] == b"x":
            return bytes([int(code[1:], 16) & 0xFF])
        if code[:1] in {b"u", b"U"} and len(code) > 1:
            return chr(int(code[1:], 16)).encode("utf-8", errors="replace")
        if code.isdigit():
            return bytes([int(code, 8) & 0xFF])
        return bytes([SIMPLE_ESCAPES[code]]) if code in SIMPLE_ESCAPES else code

    return ESCAPE.sub(value, literal.encode("utf-8", errors="surrogateescape"))
