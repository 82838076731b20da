"""One declaration's text -> ``callgate.tree`` declarations.

Attributes end where GNU C puts them: on the record whose closing brace or keyword they follow,
else on the declared entity (GCC manual, "Attribute Syntax").
"""

from __future__ import annotations

import re
import string
from contextlib import suppress
from typing import TYPE_CHECKING

from pycparser import c_ast

from callgate import tree
from callgate.parse.expressions import ExpressionReader, TooDeepError, string_bytes
from callgate.parse.grammar import BUILTIN_TYPES, Grammar, SyntaxFailure
from callgate.parse.memo import MISSING, Memo, hashed
from callgate.parse.preprocess import SHOWN, Chunk, Line
from callgate.parse.rewrite import BASIC, LABEL, LEADING, RewriteError, rewrite, source_position

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CANONICAL = {
    "__builtin_va_list": "va_list", "__float128": "_Float128", "_Float64x": "long double",
    "_Float64": "double", "_Float32x": "double", "_Float32": "float",
}  # fmt: skip
TYPE_ATTRIBUTES = {"mode", "vector_size", "neon_vector_type"}  # they make another type of theirs
LAYOUT_ATTRIBUTES = {"packed", "aligned", LABEL} | TYPE_ATTRIBUTES  # their argument is kept
NOT_NAMES = BASIC | {"struct", "union", "enum", "typeof", "sizeof", "auto", "_Alignas", "return"}
MAX_POINTERS = 64  # pointers to pointers; real headers have 3
WORD = re.compile(r"[A-Za-z_$][\w$]*|\S")
NAME_START = frozenset(string.ascii_letters + "_$")
LONG_LINE = 2000  # characters; beyond, names are not searched for their column
LOOK_BACK = 200  # characters around a failure in which an unknown type name is looked for

Attributes = tuple[tree.Attribute, ...]
Declared = tuple[tree.Type, Attributes]


class UnsupportedError(Exception):
    """A construct that ``callgate.tree`` has no node for."""

    def __init__(self, what: str, node: c_ast.Node) -> None:
        """``node`` gives the place."""
        super().__init__(f"{what} is not supported")
        self.line, self.column = _place(node)


class DeclarationParser:
    """Parses declarations one by one, keeping the typedef names of all before."""

    def __init__(self, unit: str, typedefs: Iterable[str] = (), memo: Memo | None = None) -> None:
        """``typedefs`` are names known from elsewhere, ``memo`` knows what was parsed before."""
        self._unit = unit
        self._memo = memo or Memo()
        self._grammar = Grammar(typedefs)
        self._expressions = ExpressionReader(self._typename)
        self._chunk = Chunk("", (Line("", 1, 1),), 0)
        self._text = [""]  # the chunk's lines
        self._defined: dict[int, tree.Type] = {}  # id of a specifier's node -> what a later
        # declarator of the same declaration refers to

    @property
    def typedefs(self) -> frozenset[str]:
        """The names that are types now."""
        return frozenset(name for name, is_type in self._grammar.names.items() if is_type)

    def parse(self, chunk: Chunk) -> tuple[Sequence[tree.Declaration], tree.Failure | None]:
        """Return the chunk's declarations, or what kept it from being parsed."""
        names = self._grammar.names
        place = [f"{line.header}:{line.number}:{line.column}" for line in chunk.lines]
        details = (self._unit, str(chunk.pack), str(chunk.has_body), *place)
        key = hashed("declaration", chunk.text, names, *details)
        known = self._memo.find(key)
        if known is MISSING:
            self._grammar.added = {}
            found, failure = self._parse(chunk)
            known = (tuple(found), failure, tuple(self._grammar.added.items()))
            self._memo.keep(key, known)
        else:
            names.update(known[2])
        return known[0], known[1]

    def value(self, text: str) -> tree.Expression | tree.Type | None:
        """Return the expression ``text``, or the type that it names, or None for neither."""
        key = hashed("value", text, self._grammar.names, self._unit)
        known: tree.Expression | tree.Type | None = self._memo.find(key)
        if known is MISSING:
            known = self.expression(text) or self.type_name(text)
            self._memo.keep(key, known)
        return known

    def _parse(self, chunk: Chunk) -> tuple[list[tree.Declaration], tree.Failure | None]:
        self._chunk = chunk
        self._text = chunk.text.split("\n")
        self._defined = {}
        found: list[tree.Declaration] = []
        try:
            text = rewrite(chunk.text)
        except RewriteError as error:
            return [], self._failure(str(error), error.offset)
        try:
            for node in self._grammar.declarations(text):
                found.extend(self._declaration(node))
        except (SyntaxFailure, UnsupportedError) as error:
            offset = _offset(text, error.line, error.column)
            message = str(error)
            if unknown := _unknown_type(text, offset, self._grammar.names):
                message, offset = f"unknown type name {unknown[0]!r}", unknown[1]
            return [], self._failure(message, source_position(chunk.text, offset))
        except TooDeepError as error:
            return [], self._failure(str(error), 0)
        return found, None

    def expression(self, text: str) -> tree.Expression | None:
        """Return the expression ``text``, or None where it is not one."""
        saved, self._defined = self._defined, {}
        try:
            source = rewrite(f"enum {{ __value = ({text}) }};")
            (node,) = self._grammar.declarations(source, keep=False)
            (item,) = node.type.values.enumerators
            return self._expressions.read(item.value)
        except (SyntaxFailure, RewriteError, UnsupportedError, TooDeepError):
            return None
        except (AttributeError, ValueError):
            return None  # the text closed the parenthesis and went on
        finally:
            self._defined = saved

    def type_name(self, text: str) -> tree.Type | None:
        """Return the type that ``text`` names, or None where it names none."""
        expression = self.expression(f"sizeof({text})")
        if isinstance(expression, tree.SizeOf) and isinstance(expression.operand, tree.Type):
            return expression.operand
        return None

    # --- declarations ----------------------------------------------------------------------------

    def _declaration(self, node: c_ast.Node) -> list[tree.Declaration]:
        if isinstance(node, c_ast.Typedef):
            kind, attributes = self._declared(node.type, self._attributes(node.attributes))
            where = self._where(node, node.name)
            return [tree.Typedef(node.name, kind, where, attributes)]
        if not isinstance(node, c_ast.Decl):
            return []  # static_assert, pragma, a lone attribute: nothing declared
        kind, attributes = self._declared(node.type, self._attributes(node.attributes))
        where = self._where(node, node.name)
        if node.name is None:
            if isinstance(kind, tree.Record | tree.Enumeration | tree.Tagged):
                return [tree.TagDeclaration(kind, where)]
            return []
        if isinstance(kind, tree.Function):
            inline = self._chunk.has_body or "inline" in node.funcspec
            return [tree.FunctionDeclaration(node.name, kind, where, inline, _label(attributes))]
        static = "static" in node.storage
        initial = self._initial(node.init) if static else None
        return [tree.VariableDeclaration(node.name, kind, where, static, initial)]

    def _initial(self, node: c_ast.Node | None) -> tree.Expression | None:
        if node is None or isinstance(node, c_ast.InitList):
            return None
        with suppress(UnsupportedError):
            return self._expressions.read(node)
        return None

    def _failure(self, message: str, offset: int) -> tree.Failure:
        """Return a failure at ``offset`` of the chunk's text."""
        text = self._chunk.text
        line = text.count("\n", 0, offset)
        begin = text.rfind("\n", 0, offset) + 1
        at = self._chunk.lines[min(line, len(self._chunk.lines) - 1)]
        where = tree.Where(self._unit, at.header, at.number, at.column + offset - begin)
        shown = text.split("\n")[max(0, line - 1) : line + 2]
        return tree.Failure(where, message, "\n".join(shown).strip()[:SHOWN])

    def _where(self, node: c_ast.Node, name: str | None) -> tree.Where:
        """Return where ``name`` stands; the rewriting keeps lines, but not columns."""
        line, column = _place(node)
        index = min(line, len(self._text)) - 1
        at = self._chunk.lines[index]
        if name is not None and len(self._text[index]) < LONG_LINE:
            column = _column(self._text[index], name) or column
        return tree.Where(self._unit, at.header, at.number, at.column + column - 1)

    # --- types -----------------------------------------------------------------------------------

    def _typename(self, node: c_ast.Node) -> tree.Type:
        kind, attributes = self._declared(node.type)
        return tree.Attributed(kind, attributes) if attributes else kind

    def _declared(self, node: c_ast.Node, entity: Attributes = (), depth: int = 0) -> Declared:
        """Return the type and the attributes of the declared entity, ``entity`` among them.

        Those that make another type act on the innermost type, as in GCC: an array of vectors is
        ``int v[4] __attribute__((vector_size(16)))``.
        """
        if depth > MAX_POINTERS:
            raise TooDeepError(f"pointers to pointers deeper than {MAX_POINTERS}")
        match node:
            case c_ast.TypeDecl():
                kind, attributes = self._base(node.type)
                attributes = entity + self._attributes(node.attributes) + attributes
                making = tuple(item for item in attributes if item.name in TYPE_ATTRIBUTES)
                rest = tuple(item for item in attributes if item.name not in TYPE_ATTRIBUTES)
                kind = tree.Attributed(kind, making) if making else kind
                return _qualified(kind, node.quals), rest
            case c_ast.PtrDecl() | c_ast.ArrayDecl() | c_ast.FuncDecl():
                entity += self._attributes(node.attributes)
                inner, attributes = self._declared(node.type, entity, depth + 1)
                return self._derived(node, inner), attributes
        kind, attributes = self._base(node)
        return kind, entity + attributes

    def _derived(self, node: c_ast.Node, inner: tree.Type) -> tree.Type:
        match node:
            case c_ast.PtrDecl():
                return _qualified(tree.Pointer(inner), node.quals)
            case c_ast.ArrayDecl():
                length = None if node.dim is None else self._expressions.read(node.dim)
                return tree.Array(inner, length)
        return self._function(node, inner)

    def _function(self, node: c_ast.FuncDecl, result: tree.Type) -> tree.Function:
        parameters, variadic = [], False
        for item in node.args.params if node.args else ():
            if isinstance(item, c_ast.EllipsisParam):
                variadic = True
            elif isinstance(item, c_ast.ID):  # an old-style list of names
                parameters.append(tree.Parameter(item.name, tree.Basic("int")))
            else:
                kind, _ = self._declared(item.type)
                parameters.append(tree.Parameter(item.name, kind))
        if parameters == [tree.Parameter(None, tree.Basic("void"))]:
            parameters = []
        return tree.Function(result, tuple(parameters), variadic)

    def _base(self, node: c_ast.Node) -> Declared:
        """Return the type of a declaration's specifiers."""
        kind: tree.Type
        match node:
            case c_ast.AttributedType():
                return self._attributed(node)
            case c_ast.IdentifierType():
                kind = self._named(node.names)
            case c_ast.Struct() | c_ast.Union():
                kind = self._record(node)
            case c_ast.Enum():
                kind = self._enumeration(node)
            case c_ast.TypeOf():
                of_type = isinstance(node.expr, c_ast.Typename)
                read = self._typename if of_type else self._expressions.read
                kind = tree.TypeOf(read(node.expr))
            case c_ast.Typename():  # _Atomic(type)
                kind = _qualified(self._typename(node), node.quals)
            case _:
                raise UnsupportedError(f"the type {type(node).__name__}", node)
        return kind, ()

    def _attributed(self, node: c_ast.AttributedType) -> Declared:
        """Return a type with the attributes after it: a record's own, else the entity's."""
        again = id(node.type) in self._defined
        kind, attributes = self._base(node.type)
        if again:  # a second declarator: they went to the definition
            return kind, attributes
        own = self._attributes(node.attributes)
        if isinstance(kind, tree.Record | tree.Enumeration):
            return self._define(node.type, _with_attributes(kind, own)), attributes
        return kind, attributes + own

    def _named(self, names: list[str]) -> tree.Type:
        if len(names) == 1 and names[0] in BUILTIN_TYPES:
            return tree.Basic(CANONICAL.get(names[0], names[0]))
        if len(names) == 1 and self._grammar.names.get(names[0]):
            return tree.TypedefName(names[0])
        return tree.Basic(canonical(names))

    def _define(self, node: c_ast.Node, kind: tree.Type) -> tree.Type:
        """Note that ``node`` is defined; a second declarator refers to what the first defined."""
        again = kind
        if isinstance(kind, tree.Record) and kind.tag:
            again = tree.Tagged(kind.kind, kind.tag)
        elif isinstance(kind, tree.Enumeration) and kind.tag:
            again = tree.Tagged("enum", kind.tag)
        self._defined[id(node)] = again  # an untagged one is the same object again
        return kind

    def _record(self, node: c_ast.Struct | c_ast.Union) -> tree.Type:
        kind = "struct" if isinstance(node, c_ast.Struct) else "union"
        if node.decls is None:
            return tree.Tagged(kind, node.name)
        if id(node) in self._defined:
            return self._defined[id(node)]
        fields = [self._field(item) for item in node.decls if isinstance(item, c_ast.Decl)]
        attributes = self._attributes(node.attributes)
        where = self._where(node, node.name)
        record = tree.Record(kind, node.name, tuple(fields), attributes, self._chunk.pack, where)
        return self._define(node, record)

    def _field(self, item: c_ast.Decl) -> tree.Field:
        kind, attributes = self._declared(item.type, self._attributes(item.attributes))
        width = None if item.bitsize is None else self._expressions.read(item.bitsize)
        return tree.Field(item.name, kind, width, attributes + self._alignas(item))

    def _alignas(self, node: c_ast.Decl) -> Attributes:
        return tuple(
            tree.Attribute(
                "aligned",
                tree.SizeOf(self._typename(item.alignment), align=True)
                if isinstance(item.alignment, c_ast.Typename)
                else self._expressions.read(item.alignment),
            )
            for item in node.align or ()
        )

    def _enumeration(self, node: c_ast.Enum) -> tree.Type:
        if node.underlying_type is not None:
            raise UnsupportedError("an enum with a fixed underlying type", node)
        if node.values is None:
            return tree.Tagged("enum", node.name)
        if id(node) in self._defined:
            return self._defined[id(node)]
        enumerators = tuple(
            tree.Enumerator(
                item.name,
                None if item.value is None else self._expressions.read(item.value),
                self._where(item, item.name),
            )
            for item in node.values.enumerators
            if isinstance(item, c_ast.Enumerator)
        )
        attributes = self._attributes(node.attributes)
        where = self._where(node, node.name)
        return self._define(node, tree.Enumeration(node.name, enumerators, attributes, where))

    # --- attributes ------------------------------------------------------------------------------

    def _attributes(self, specifiers: Iterable[c_ast.AttributeSpecifier] | None) -> Attributes:
        return tuple(
            self._attribute(item) for specifier in specifiers or () for item in specifier.attributes
        )

    def _attribute(self, item: c_ast.Attribute) -> tree.Attribute:
        text = (item.arguments or "").strip()
        if not text or item.name not in LAYOUT_ATTRIBUTES:
            return tree.Attribute(item.name)
        if item.name == LABEL:
            return tree.Attribute(LABEL, tree.String(string_bytes(text)))
        if item.name == "mode":
            return tree.Attribute("mode", tree.Name(text.strip("_")))
        if text.isdigit():
            return tree.Attribute(item.name, tree.Number(text))
        # The parser is in the middle of nothing: this runs on finished nodes.
        value = self.expression(text)
        if value is None:
            raise UnsupportedError(f"the argument of {item.name}({text})", item)
        return tree.Attribute(item.name, value)


def canonical(names: list[str]) -> str:
    """Return the one spelling of a basic type: ``unsigned long`` for ``long unsigned int``."""
    words = set(names)
    longs = names.count("long")
    if "char" in words:
        sign = next((word for word in ("unsigned", "signed") if word in words), "")
        return f"{sign} char".strip()
    for word in ("void", "float", "double"):
        if word in words:
            whole = "long double" if longs and word == "double" else word
            return f"{whole} _Complex" if "_Complex" in words else whole
    if words & {"_Bool", "bool"}:
        return "_Bool"
    base = "__int128" if "__int128" in words else "short" if "short" in words else "int"
    if longs:
        base = "long long" if longs > 1 else "long"
    return f"unsigned {base}" if "unsigned" in words else base


def _qualified(kind: tree.Type, quals: list[str] | None) -> tree.Type:
    found = tuple(word in (quals or ()) for word in ("const", "volatile", "_Atomic"))
    return tree.Qualified(kind, *found) if any(found) else kind


def _with_attributes(
    kind: tree.Record | tree.Enumeration, more: Attributes
) -> tree.Record | tree.Enumeration:
    attributes = kind.attributes + more
    if isinstance(kind, tree.Record):
        return tree.Record(kind.kind, kind.tag, kind.fields, attributes, kind.pack, kind.where)
    return tree.Enumeration(kind.tag, kind.enumerators, attributes, kind.where)


def _label(attributes: Attributes) -> str | None:
    for item in attributes:
        if item.name == LABEL and isinstance(item.argument, tree.String):
            return item.argument.value.decode("utf-8", errors="surrogateescape")
    return None


def _place(node: c_ast.Node) -> tuple[int, int]:
    coord = getattr(node, "coord", None)
    return (coord.line or 1, coord.column or 1) if coord is not None else (1, 1)


def _column(line: str, word: str) -> int:
    """Return the column, from 1, at which ``word`` stands in ``line``; 0 when it does not."""
    start = line.find(word)
    while start >= 0:
        end = start + len(word)
        around = line[max(0, start - 1) : start] + line[end : end + 1]
        if not any(char.isalnum() or char in "_$" for char in around):
            return start + 1
        start = line.find(word, end)
    return 0


def _offset(text: str, line: int, column: int) -> int:
    """Return the position of a line and column, both from 1, in ``text``."""
    lines = text.split("\n")
    before = sum(len(item) + 1 for item in lines[: line - 1])
    return min(before + column - 1, max(0, len(text) - 1))


def _unknown_type(text: str, offset: int, names: dict[str, bool]) -> tuple[str, int] | None:
    """Return the identifier near ``offset`` that stands where only a type can, and its place."""
    words = list(WORD.finditer(text, max(0, offset - LOOK_BACK), offset + LOOK_BACK))
    here = next((index for index, word in enumerate(words) if word.end() > offset), len(words) - 1)
    for index in (here - 1, here):
        if not 0 <= index < len(words) - 1:
            continue
        word, following = words[index][0], words[index + 1][0]
        before = words[index - 1][0] if index else ""
        is_name = word[0] in NAME_START and word not in NOT_NAMES and not names.get(word)
        is_declarator = before in BASIC - LEADING or names.get(before)
        if is_name and not is_declarator and (following[0] in NAME_START or following == "*"):
            return word, words[index].start()
    return None
