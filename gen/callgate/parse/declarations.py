"""One declaration's text -> ``callgate.tree`` declarations, through pycparser.

Attributes end where GNU C puts them: on the record whose closing brace or keyword they follow,
else on the declared entity (GCC manual, "Attribute Syntax").
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from pycparser import c_ast, c_parser

from callgate import tree
from callgate.parse.expressions import ExpressionReader, string_bytes
from callgate.parse.rewrite import RewriteError, rewrite

if TYPE_CHECKING:
    from collections.abc import Iterable

    from callgate.parse.preprocess import Chunk

# Compiler built-ins that headers use without declaring them.
BUILTIN_TYPES = (
    "__builtin_va_list", "_Float16", "_Float32", "_Float64", "_Float32x", "_Float64x", "_Float128",
    "__float128",
)  # fmt: skip
CANONICAL = {"__builtin_va_list": "va_list", "__float128": "_Float128", "_Float64x": "long double",
             "_Float64": "double", "_Float32x": "double", "_Float32": "float"}  # fmt: skip
LAYOUT_ATTRIBUTES = {"packed", "aligned", "mode", "vector_size", "__vector_size__"}
RECURSION_LIMIT = 20_000  # pycparser spends about 20 frames on a bracket, MAX_DEPTH is 128
SHOWN = 300

Declared = tuple[tree.Type, tuple[tree.Attribute, ...]]


class DeclarationParser:
    """Parses declarations one by one, keeping the typedef names of all before."""

    def __init__(self, unit: str, typedefs: Iterable[str] = ()) -> None:
        """``typedefs`` are names known from elsewhere."""
        self._unit = unit
        self._scope = dict.fromkeys((*BUILTIN_TYPES, *typedefs), True)
        self._parser = _ChunkParser(self._scope)
        self._expressions = ExpressionReader(self._typename)
        self._lines: list[tuple[str, int]] = []
        self._pack = 0
        sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))

    @property
    def typedefs(self) -> frozenset[str]:
        """The names that are types now."""
        return frozenset(name for name, is_type in self._scope.items() if is_type)

    def parse(self, chunk: Chunk) -> tuple[list[tree.Declaration], tree.Failure | None]:
        """Return the chunk's declarations, or what kept it from being parsed."""
        self._lines, self._pack = chunk.lines, chunk.pack
        text = chunk.text if chunk.body < 0 else chunk.text[: chunk.body] + ";"
        try:
            nodes = self._parser.feed(rewrite(text))
        except RewriteError as error:
            return [], self._failure(1, 1, str(error), text)
        except c_parser.ParseError as error:
            found = re.match(r".*?:(\d+)(?::(\d+))?: (.*)", str(error), re.S)
            line, column, message = (
                (int(found[1]), int(found[2] or 1), found[3]) if found else (1, 1, str(error))
            )
            return [], self._failure(line, column, f"cannot parse: {message}", text)
        except RecursionError:
            return [], self._failure(1, 1, "nested too deeply to parse", text)
        out: list[tree.Declaration] = []
        for node in nodes:
            out.extend(self._declaration(node, inline=chunk.body >= 0))
        return out, None

    def expression(self, text: str) -> tree.Expression | None:
        """Return the expression ``text``, or None where it is not one."""
        try:
            nodes = self._parser.feed(rewrite(f"enum {{ __value = ({text}) }};"), keep=False)
            value = nodes[0].type.values.enumerators[0].value
            return self._expressions.read(value)
        except (c_parser.ParseError, RewriteError, AttributeError, IndexError, RecursionError):
            return None

    def type_name(self, text: str) -> tree.Type | None:
        """Return the type that ``text`` names, or None where it names none."""
        expression = self.expression(f"sizeof({text})")
        if isinstance(expression, tree.SizeOf) and isinstance(expression.operand, tree.Type):
            return expression.operand
        return None

    # --- declarations ----------------------------------------------------------------------------

    def _declaration(self, node: c_ast.Node, *, inline: bool) -> list[tree.Declaration]:
        where = self._where(node)
        if isinstance(node, c_ast.Typedef):
            kind, attributes = self._declared(node.type)
            return [tree.Typedef(node.name, kind, where, attributes + _layout(self, node))]
        if not isinstance(node, c_ast.Decl):
            return []  # static_assert, pragma, a lone attribute: nothing declared
        kind, attributes = self._declared(node.type)
        if node.name is None:
            if isinstance(kind, tree.Record | tree.Enumeration | tree.Tagged):
                return [tree.TagDeclaration(kind, where)]
            return []
        if isinstance(kind, tree.Function):
            inline = inline or "inline" in node.funcspec
            label = next((item for item in attributes if item.name == "asm_label"), None)
            name = label.argument.value.decode() if _is_string(label) else None  # type: ignore[union-attr]
            return [tree.FunctionDeclaration(node.name, kind, where, inline, name)]
        return [tree.VariableDeclaration(node.name, kind, where)]

    def _failure(self, line: int, column: int, message: str, text: str) -> tree.Failure:
        header, number = self._lines[min(line, len(self._lines)) - 1]
        shown = text.strip().splitlines()
        near = "\n".join(shown[max(0, line - 2) : line + 1])[:SHOWN]
        return tree.Failure(tree.Where(self._unit, header, number, column), message, near)

    def _where(self, node: c_ast.Node) -> tree.Where:
        coord = getattr(node, "coord", None)
        line = coord.line if coord is not None else 1
        header, number = self._lines[min(max(line, 1), len(self._lines)) - 1]
        return tree.Where(self._unit, header, number, (coord.column or 1) if coord else 1)

    # --- types -----------------------------------------------------------------------------------

    def _typename(self, node: c_ast.Node) -> tree.Type:
        kind, attributes = self._declared(node.type)
        return tree.Attributed(kind, attributes) if attributes else kind

    def _declared(self, node: c_ast.Node) -> Declared:
        """Return the type and the attributes of the declared entity."""
        match node:
            case c_ast.TypeDecl():
                kind, attributes = self._base(node.type)
                kind = _qualified(kind, node.quals)
            case c_ast.PtrDecl():
                target, attributes = self._declared(node.type)
                kind = _qualified(tree.Pointer(target), node.quals)
            case c_ast.ArrayDecl():
                element, attributes = self._declared(node.type)
                length = None if node.dim is None else self._expressions.read(node.dim)
                kind = tree.Array(element, length)
            case c_ast.FuncDecl():
                result, attributes = self._declared(node.type)
                kind = self._function(node, result)
            case _:
                return self._base(node)
        return kind, attributes + _layout(self, node)

    def _function(self, node: c_ast.FuncDecl, result: tree.Type) -> tree.Function:
        parameters, variadic = [], False
        for item in node.args.params if node.args else []:
            if isinstance(item, c_ast.EllipsisParam):
                variadic = True
            elif isinstance(item, c_ast.ID):
                parameters.append(tree.Parameter(item.name, tree.Basic("int")))
            else:
                kind, _ = self._declared(item.type)
                if kind != tree.Basic("void"):
                    parameters.append(tree.Parameter(item.name, kind))
        return tree.Function(result, tuple(parameters), variadic)

    def _base(self, node: c_ast.Node) -> Declared:
        match node:
            case c_ast.IdentifierType():
                return self._named(node.names), ()
            case c_ast.AttributedType():
                kind, attributes = self._base(node.type)
                own = self._attributes(node.attributes)
                if isinstance(kind, tree.Record):
                    return _with_attributes(kind, own), attributes
                if isinstance(kind, tree.Enumeration):
                    return _with_enum_attributes(kind, own), attributes
                return kind, attributes + own
            case c_ast.Struct() | c_ast.Union():
                return self._record(node), ()
            case c_ast.Enum():
                return self._enumeration(node), ()
            case c_ast.TypeOf():
                operand = node.expr
                if isinstance(operand, c_ast.Typename):
                    return tree.TypeOf(self._typename(operand)), ()
                return tree.TypeOf(self._expressions.read(operand)), ()
            case c_ast.TypeDecl() | c_ast.PtrDecl() | c_ast.ArrayDecl() | c_ast.FuncDecl():
                return self._declared(node)
        return tree.Basic("int"), ()

    def _named(self, names: list[str]) -> tree.Type:
        if len(names) == 1 and names[0] in BUILTIN_TYPES:
            return tree.Basic(CANONICAL.get(names[0], names[0]))
        if len(names) == 1 and self._scope.get(names[0]):
            return tree.TypedefName(names[0])
        return tree.Basic(canonical(names))

    def _record(self, node: c_ast.Struct | c_ast.Union) -> tree.Type:
        kind = "struct" if isinstance(node, c_ast.Struct) else "union"
        if node.decls is None:
            return tree.Tagged(kind, node.name)
        fields = []
        for item in node.decls:
            if not isinstance(item, c_ast.Decl):
                continue
            declared, attributes = self._declared(item.type)
            width = None if item.bitsize is None else self._expressions.read(item.bitsize)
            own = attributes + _layout(self, item) + self._alignas(item)
            fields.append(tree.Field(item.name, declared, width, own))
        return tree.Record(
            kind,
            node.name,
            tuple(fields),
            self._attributes(node.attributes),
            self._pack,
            self._where(node),
        )

    def _alignas(self, node: c_ast.Decl) -> tuple[tree.Attribute, ...]:
        return tuple(
            tree.Attribute("aligned", self._expressions.read(item.alignment))
            for item in node.align or ()
            if isinstance(item, c_ast.Alignas) and not isinstance(item.alignment, c_ast.Typename)
        )

    def _enumeration(self, node: c_ast.Enum) -> tree.Type:
        if node.values is None:
            return tree.Tagged("enum", node.name)
        enumerators = tuple(
            tree.Enumerator(
                item.name,
                None if item.value is None else self._expressions.read(item.value),
                self._where(item),
            )
            for item in node.values.enumerators
        )
        attributes = self._attributes(node.attributes)
        return tree.Enumeration(node.name, enumerators, attributes, self._where(node))

    def _attributes(
        self, specifiers: Iterable[c_ast.AttributeSpecifier] | None
    ) -> tuple[tree.Attribute, ...]:
        found = []
        for specifier in specifiers or ():
            for item in specifier.attributes:
                name = item.name.strip("_") if item.name.startswith("__") else item.name
                argument = None
                if item.arguments and item.name == "asm_label":
                    argument = tree.String(string_bytes(item.arguments))
                elif item.arguments and name in LAYOUT_ATTRIBUTES:
                    argument = self._argument(name, item.arguments.strip())
                found.append(tree.Attribute(name, argument))
        return tuple(found)

    def _argument(self, name: str, text: str) -> tree.Expression:
        if name == "mode":
            return tree.Name(text.strip("_ "))
        if text.isdigit():
            return tree.Number(text)
        saved = self._lines, self._pack
        value = _Nested(self._scope).expression(text)
        self._lines, self._pack = saved
        return value if value is not None else tree.Unsupported(f"attribute argument {text!r}")


class _ChunkParser(c_parser.CParser):
    """pycparser's parser with a scope that outlives one text.

    The public ``parse`` forgets typedefs at every call; these few lines repeat what it does around
    a scope of ours (pycparser is pinned, and tests/parse would notice a change).
    """

    def __init__(self, scope: dict[str, bool]) -> None:
        super().__init__(dialect="c23")
        self._names = scope

    def feed(self, text: str, *, keep: bool = True) -> list[c_ast.Node]:
        """Parse one declaration; on failure, or without ``keep``, the scope stays as it was."""
        trial: dict[str, bool] = _Overlay(self._names)
        self._scope_stack = [trial]
        self._typedef_checked_token = None
        self.clex.input(text, "")
        self._tokens = c_parser._TokenStream(self.clex.token)  # noqa: SLF001
        tree_ = self._parse_translation_unit_or_empty()
        rest = self._peek()
        if rest is not None:
            self._parse_error(f"unexpected {rest.value!r}", self._tok_coord(rest))
        if keep:
            self._names.update(trial)
        nodes: list[c_ast.Node] = tree_.ext
        return nodes


class _Overlay(dict[str, bool]):
    """A scope of new names over an existing one; the parser looks names up with ``in`` and []."""

    def __init__(self, below: dict[str, bool]) -> None:
        super().__init__()
        self._below = below

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or name in self._below

    def __missing__(self, name: str) -> bool:
        return self._below[name]


class _Nested(DeclarationParser):
    """A second parser over the same names, for an expression inside a declaration's attribute."""

    def __init__(self, scope: dict[str, bool]) -> None:
        super().__init__("")
        self._scope = scope
        self._parser = _ChunkParser(scope)
        self._lines = [("", 1)]


def canonical(names: list[str]) -> str:
    """Return the one spelling of a basic type: ``unsigned long`` for ``long unsigned int``."""
    words = [name for name in names if name not in {"signed", "int"}]
    unsigned = "unsigned" in words
    longs = words.count("long")
    if "char" in words:
        return "unsigned char" if unsigned else "signed char" if "signed" in names else "char"
    for whole in ("void", "_Bool", "bool", "float"):
        if whole in words:
            plain = "_Bool" if whole == "bool" else whole
            return f"{plain} _Complex" if "_Complex" in words else plain
    if "double" in words:
        plain = "long double" if longs else "double"
        return f"{plain} _Complex" if "_Complex" in words else plain
    base = "__int128" if "__int128" in words else "short" if "short" in words else "int"
    if longs:
        base = "long long" if longs > 1 else "long"
    return f"unsigned {base}" if unsigned else base


def _layout(parser: DeclarationParser, node: c_ast.Node) -> tuple[tree.Attribute, ...]:
    return parser._attributes(getattr(node, "attributes", None))  # noqa: SLF001 - same module


def _qualified(kind: tree.Type, quals: list[str]) -> tree.Type:
    const, volatile = "const" in (quals or ()), "volatile" in (quals or ())
    return tree.Qualified(kind, const, volatile) if const or volatile else kind


def _with_attributes(kind: tree.Record, more: tuple[tree.Attribute, ...]) -> tree.Record:
    attributes = kind.attributes + more
    return tree.Record(kind.kind, kind.tag, kind.fields, attributes, kind.pack, kind.where)


def _with_enum_attributes(
    kind: tree.Enumeration, more: tuple[tree.Attribute, ...]
) -> tree.Enumeration:
    return tree.Enumeration(kind.tag, kind.enumerators, kind.attributes + more, kind.where)


def _is_string(attribute: tree.Attribute | None) -> bool:
    return attribute is not None and isinstance(attribute.argument, tree.String)
