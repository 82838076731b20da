"""pycparser expressions -> ``callgate.tree`` expressions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pycparser import c_ast

from callgate import tree

if TYPE_CHECKING:
    from collections.abc import Callable

ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]+|[0-7]{1,3}|.)", re.S)
SIMPLE_ESCAPES = {b"n": 10, b"t": 9, b"r": 13, b"a": 7, b"b": 8, b"f": 12, b"v": 11, b"e": 27}


class ExpressionReader:
    """Turns expression nodes into tree nodes; ``type_of`` reads the types inside them."""

    def __init__(self, type_of: Callable[[c_ast.Node], tree.Type]) -> None:
        """``type_of`` takes a pycparser Typename."""
        self._type_of = type_of

    def read(self, node: c_ast.Node) -> tree.Expression:  # noqa: PLR0911 - one return per node type
        """Return the expression; constructs without a value become ``Unsupported``."""
        match node:
            case c_ast.Constant():
                return _constant(node)
            case c_ast.ID():
                return tree.Name(node.name)
            case c_ast.UnaryOp(op="sizeof" | "_Alignof" | "alignof" as operator):
                operand = node.expr
                inner = (
                    self._type_of(operand)
                    if isinstance(operand, c_ast.Typename)
                    else self.read(operand)
                )
                return tree.SizeOf(inner, align=operator != "sizeof")
            case c_ast.UnaryOp(op="+" | "-" | "~" | "!" | "&" | "*"):
                return tree.Unary(node.op, self.read(node.expr))
            case c_ast.BinaryOp():
                return tree.Binary(node.op, self.read(node.left), self.read(node.right))
            case c_ast.TernaryOp():
                return tree.Conditional(
                    self.read(node.cond), self.read(node.iftrue), self.read(node.iffalse)
                )
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
        return tree.Unsupported(_KIND.get(type(node).__name__, type(node).__name__))

    def _call(self, node: c_ast.FuncCall) -> tree.Expression:
        arguments = list(node.args.exprs) if isinstance(node.args, c_ast.ExprList) else []
        name = node.name.name if isinstance(node.name, c_ast.ID) else ""
        if name in {"offsetof", "__builtin_offsetof"} and len(arguments) == 2:  # noqa: PLR2004
            return tree.OffsetOf(self._type_of(arguments[0]), self.read(arguments[1]))
        if any(isinstance(item, c_ast.Typename) for item in arguments):
            return tree.Unsupported(f"call of {name or 'an expression'} with a type as argument")
        return tree.Call(self.read(node.name), tuple(self.read(item) for item in arguments))


_KIND = {
    "Compound": "statement expression",
    "CompoundLiteral": "compound literal",
    "InitList": "initializer list",
    "Assignment": "assignment",
    "UnaryOp": "increment or decrement",
    "GenericSelection": "_Generic",
}


def _constant(node: c_ast.Constant) -> tree.Expression:
    if node.type == "char" or node.value[-1:] == "'":
        return tree.Character(node.value)
    if node.type == "string" or node.value[:1] == '"':
        return tree.String(string_bytes(node.value))
    return tree.Number(node.value)


def string_bytes(text: str) -> bytes:
    """Return the bytes of (adjacent) string literals, quotes removed and escapes resolved."""
    parts = re.findall(r'"((?:\\.|[^"\\])*)"', text, re.S)
    raw = "".join(parts).encode("utf-8", errors="surrogateescape")

    def value(match: re.Match[bytes]) -> bytes:
        code = match[1]
        if code[:1] == b"x":
            return bytes([int(code[1:], 16) & 0xFF])
        if code.isdigit():
            return bytes([int(code, 8) & 0xFF])
        return bytes([SIMPLE_ESCAPES[code]]) if code in SIMPLE_ESCAPES else code

    return ESCAPE.sub(value, raw)
