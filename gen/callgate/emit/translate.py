"""A C expression over a macro's parameters -> a Lua function of the same value.

C's types decide what an expression means, and a macro's parameters have none until it is used.
Here a parameter has the type of what the caller passes: ``long long`` for a Lua number or an
int64_t, ``unsigned long long`` for a uint64_t; pointers, records and types are as they come. All
else is typed as in C, from the target's data model.

Inside a translation every integer is a 64-bit cdata: uint64_t where C's type is unsigned with 64
bits, else an int64_t that holds the value. LuaJIT's arithmetic on these follows the usual
arithmetic conversions (LuaJIT FFI semantics, "64 bit integer arithmetic"), so what remains to be
said is where C cuts to 32 bits or fewer. At the end ``M.int`` makes a Lua number of it again where
that is exact. Comparisons give true and false. The helpers ``M.*`` are runtime/macro.lua.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from callgate import model, tree
from callgate.emit import values
from callgate.emit.ctext import RecordWriter
from callgate.emit.literals import EXACT, lua_string
from callgate.emit.luatext import ATOM, Text, binary, call, field, function, variable_names
from callgate.emit.members import NONE
from callgate.emit.operations import Operations
from callgate.emit.values import NO, YES, Untranslatable, Value, beside, helper
from callgate.parse.function_macros import ARGUMENT

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

    from callgate.abi.layout import Layout
    from callgate.emit.members import Members

# Functions whose value is known: byteswap.h, endian.h, GCC's manual "Other Builtins", POSIX htonl.
SWAPS = {
    "__bswap_16": 16, "__builtin_bswap16": 16, "__fswab16": 16,
    "__bswap_32": 32, "__builtin_bswap32": 32, "__fswab32": 32,
    "__bswap_64": 64, "__builtin_bswap64": 64, "__fswab64": 64,
}  # fmt: skip
NETWORK = {"htons": 16, "ntohs": 16, "htonl": 32, "ntohl": 32}  # swap on little-endian machines
IDENTITIES = {"__uint16_identity": 16, "__uint32_identity": 32, "__uint64_identity": 64}
OWN = ("__builtin_", "__atomic_", "__sync_", "__c11_")  # functions that compilers make of nothing
FUNCTIONS = "F"  # the table of the headers' functions, where they can be called
UNSIGNED = {16: "unsigned short", 32: "unsigned int", 64: "unsigned long long"}


@dataclass(frozen=True, slots=True)
class Translation:
    """A macro as Lua, or why there is none."""

    lua: str | None  # ex) "function(dev)\n  return M.int(M.shr(M.long(dev), 8))\nend"
    reason: str | None = None  # ex) "calls the function gnu_dev_major"


def translate(
    parameters: Sequence[str],
    expression: tree.Expression,
    layout: Layout,
    members: Members,
    *,
    calls: bool = False,
    second: tree.Expression | None = None,
    variables: Sequence[tuple[str, tree.Expression]] = (),
) -> Translation:
    """Return the Lua function of ``expression``, whose arguments are ``__callgate_0_`` and so on.

    ``layout`` and ``members`` give the types, sizes and enumerators of the macro's unit. With
    ``calls`` the headers' functions can be called: they are members of a table ``F``. ``second``
    is another result behind the first. ``variables`` are set before, in their order; they stand
    behind the arguments.
    """
    own = [name for name, _ in variables]
    names = variable_names([*parameters, *own])
    firsts = [first for _, first in variables]
    try:
        # twice: only at the end is it known how each parameter is used
        first = _Writer(names, layout, members, calls=calls)
        first.body(firsts, expression, second)
        writer = _Writer(names, layout, members, first.c.uses, calls=calls)
        statements = writer.body(firsts, expression, second)
    except Untranslatable as error:
        return Translation(None, str(error))
    del names[len(parameters) :]
    shown = [name if writer.c.is_used(name) else f"_{name}" for name in names]
    converted = [name for name in names if writer.c.converted_first(name)]
    if converted:
        made = ", ".join(call("long", name).text for name in converted)
        statements.insert(0, f"{', '.join(converted)} = {made}")
    return Translation(function(shown, statements))


class _Writer:
    """Writes one expression; ``c`` applies C's rules."""

    def __init__(
        self,
        names: Sequence[str],
        layout: Layout,
        members: Members,
        known: Counter[tuple[str, str]] | None = None,
        *,
        calls: bool = False,
    ) -> None:
        self._functions = layout.scope.functions if calls else {}
        self.c = Operations(layout.scalars, known, pointers=calls)
        self._members = members
        self._names = names
        self._layout = layout
        self._set: dict[str, Value] = {}  # the function's own variables
        self._dependent: set[int] = set()  # ids of the nodes with parameters in them
        self._by_node: dict[type, Callable[[Any], Value]] = {
            tree.Unary: self._unary, tree.Binary: self._binary, tree.Cast: self._cast,
            tree.Conditional: self._conditional, tree.SizeOf: self._size_of, tree.Call: self._call,
            tree.Member: self._member, tree.Index: self._index, tree.Name: self._name,
        }  # fmt: skip

    def body(
        self,
        firsts: Sequence[tree.Expression],
        node: tree.Expression,
        second: tree.Expression | None,
    ) -> list[str]:
        """Return the statements of the function and its variables; raises Untranslatable."""
        made = []
        for name, first in zip(self._names[len(self._names) - len(firsts) :], firsts, strict=True):
            self._find_dependent(first)
            value = self.write(first)
            text = self.c.object(value) if value.kind in {"object", "string"} else value.text
            made.append(f"local {name} = {text.text}")
            self._set[name] = Value(Text(name), value.kind, value.type)
        return made + self.statements(node, second)

    def statements(self, node: tree.Expression, second: tree.Expression | None = None) -> list[str]:
        """Return the statements of the function; raises Untranslatable.

        ``f(a), g(b)`` is two: a call for its effect, and the value.
        """
        before: list[str] = []
        if isinstance(node, tree.Binary) and node.operator == "," and _has(node.left, tree.Call):
            self._find_dependent(node)
            if not isinstance(node.left, tree.Call | tree.Binary):
                raise Untranslatable("calls a function for its effect")
            before = self.statements(node.left)
            last = before.pop().removeprefix("return ")
            if not last.startswith((f"{FUNCTIONS}.", f"{FUNCTIONS}[")):
                raise Untranslatable("calls a function for its effect")
            before.append(last)
            node = node.right
        results = ", ".join(self.result(item) for item in (node, second) if item is not None)
        return [*before, f"return {results}"]

    def result(self, node: tree.Expression) -> str:
        """Return the expression as what the caller gets; raises Untranslatable."""
        self._find_dependent(node)
        value = self.write(node)
        if value.kind == "integer":
            return values.result(value).text
        if value.kind != "object":
            return value.text.text
        text = self.c.object(value)
        small = value.scalar is not None and value.scalar.size < values.LONG_BYTES  # or void
        if small or value.parameter is not None or value.is_pointer:
            return text.text
        return call("int", text).text

    def write(self, node: tree.Expression) -> Value:
        """Return the translation of ``node``; raises Untranslatable."""
        if id(node) not in self._dependent:
            constant = self._constant(node)
            if constant is not None:
                return constant
        method = self._by_node.get(type(node))
        if method is None:
            raise Untranslatable(self._why_no_value(node))
        return method(node)

    def _find_dependent(self, node: object) -> bool:
        if isinstance(node, tree.Name):
            found = ARGUMENT.fullmatch(node.name) is not None
        else:
            found = False
            for item in _parts(node):
                found |= self._find_dependent(item)
        if found:
            self._dependent.add(id(node))
        return found

    # --- by node ---------------------------------------------------------------------------------

    def _constant(self, node: tree.Expression) -> Value | None:
        try:
            found = self._layout.evaluator.value(node)
        except NONE:
            return None  # it may still be translatable: htonl(1)
        if isinstance(found.value, bytes):
            return Value(Text(lua_string(found.value.decode("latin-1"))), "string")
        if isinstance(found.value, float) or not isinstance(found.type, model.Scalar):
            if isinstance(found.type, model.Pointer) and isinstance(found.value, int):
                exact = str(found.value) if found.value <= EXACT else f"{found.value}ULL"
                text = call("pointer", self._c_text(found.type), exact)
                return Value(text, "object", found.type, found.value)
            raise Untranslatable("floating point")
        hexadecimal = None
        if isinstance(node, tree.Number):
            hexadecimal = node.text[:1] == "0" and node.text != "0"
        return values.constant(found.value, found.type, hexadecimal=hexadecimal)

    def _why_no_value(self, node: tree.Expression) -> str:
        if id(node) in self._dependent:
            return "offsetof an argument"  # the one kind of node that none of the methods takes
        try:
            self._layout.evaluator.value(node)
        except NONE as error:
            return str(error) or type(error).__name__
        return f"no translation of {type(node).__name__}"

    def _name(self, node: tree.Name) -> Value:
        found = ARGUMENT.fullmatch(node.name)
        if found is None:
            raise Untranslatable(self._why_no_value(node))
        own = self._names[int(found[1])]
        if own in self._set:
            return self._set[own]
        return Value(Text(own), "object", parameter=own)

    def _unary(self, node: tree.Unary) -> Value:
        if node.operator == "&":
            return self._address(node.operand)
        operand = self.write(node.operand)
        if node.operator == "*":
            return self._element(operand, values.constant(0, self.c.scalars.int), node)
        if node.operator == "!":
            return Value(self.c.truth(operand, negated=True), "truth")
        return self.c.unary(node.operator, operand)

    def _binary(self, node: tree.Binary) -> Value:
        if node.operator == ",":
            if _has(node.left, tree.Call):
                raise Untranslatable("calls a function for its effect")
            return self.write(node.right)
        left, right = self.write(node.left), self.write(node.right)
        if node.operator in {"&&", "||"}:
            join = values.both if node.operator == "&&" else values.either
            return Value(join(self.c.truth(left), self.c.truth(right)), "truth")
        return self.c.binary(node.operator, left, right)

    def _conditional(self, node: tree.Conditional) -> Value:
        test = self.c.truth(self.write(node.test))
        if test in {YES, NO}:
            return self._taken(*((node.yes, node.no) if test == YES else (node.no, node.yes)))
        reaches = _has((node.yes, node.no), (tree.Member, tree.Index))
        return self.c.conditional(test, self.write(node.yes), self.write(node.no), reaches=reaches)

    def _taken(self, taken: tree.Expression, other: tree.Expression) -> Value:
        """Return the arm that a constant test takes, in the type that the other one gives it."""
        counted = self.c.uses.copy()
        beside_it = None
        with suppress(Untranslatable):
            beside_it = self.c.integer(self.write(other))
        self.c.uses = counted
        value = self.write(taken)
        if beside_it is None:
            return value
        if value.kind == "truth" and beside_it.type == self.c.scalars.int:
            return value
        chosen, beside_it, kind = self.c.balanced(value, beside_it)
        if kind is not None or beside_it.number is not None or beside_it.text == chosen.text:
            return chosen
        self.c.integer(self.write(other))  # counted after all
        text = call("choose", YES, chosen.text, beside_it.text)
        return Value(text, "integer", product=chosen.product)

    def _cast(self, node: tree.Cast) -> Value:
        if isinstance(node.type, tree.TypeOf) and id(node.type) in self._dependent:
            return self._cast_like(node.type.operand, node.operand)
        try:
            kind = self._layout.type(node.type)
        except NONE as error:
            raise Untranslatable(str(error)) from error
        if isinstance(kind, model.Pointer):
            own = self._variable(node.operand)
            if own is not None and own.type == kind:
                return own
            made_by, pointed = self._pointed(node)
            return Value(call(made_by, self._c_text(kind), pointed), "object", kind)
        operand = self.write(node.operand)
        if not isinstance(kind, model.Scalar) or kind.kind not in {"integer", "bool"}:
            what = kind.c_name if isinstance(kind, model.Scalar) else "a record"
            raise Untranslatable(f"casts to {what}")
        if kind.kind == "bool":
            return Value(self.c.truth(operand), "truth")
        if operand.is_pointer:
            address = call("u64", self.c.object(operand))
            operand = Value(address, "integer", self.c.scalars["unsigned long long"])
        return self.c.converted(self.c.addressed(operand), kind)

    def _variable(self, node: tree.Expression) -> Value | None:
        """Return the function's own variable that ``node`` is."""
        found = ARGUMENT.fullmatch(node.name) if isinstance(node, tree.Name) else None
        return self._set.get(self._names[int(found[1])]) if found else None

    def _pointed(self, node: tree.Cast) -> tuple[str, Text]:
        """Return the helper and the operand of a cast to a pointer.

        One pointer cast within another is dropped. M.cast wants memory, of a calculated address
        M.pointer makes a pointer.
        """
        inner = node.operand
        if isinstance(inner, tree.Binary) and inner.operator in {"+", "-"}:
            base = self.write(inner.left)
            if base.parameter is not None:  # (struct sockaddr *)(ee + 1): an argument that points
                count = beside(self.c.integer(self.write(inner.right)))
                return "cast", binary(inner.operator, self.c.object(base), count)
        while isinstance(inner, tree.Cast) and isinstance(_unqualified(inner.type), tree.Pointer):
            inner = inner.operand
        operand = self.write(inner)
        if operand.kind == "integer":
            return "pointer", operand.text
        return "cast", self.c.object(operand)

    def _cast_like(self, typed: tree.Type | tree.Expression, operand: tree.Expression) -> Value:
        """Translate ``(typeof(a)) b``."""
        if isinstance(typed, tree.Type):
            raise Untranslatable("typeof a type made of an argument")
        if typed == operand:
            return self.write(operand)
        pattern = self.write(typed)
        if pattern.is_pointer:
            text = call("cast", self._c_text(pattern.type), self.c.object(self.write(operand)))
            return Value(text, "object", pattern.type)
        pattern, value = self.c.integer(pattern), self.c.integer(self.write(operand))
        if pattern.scalar is not None:
            return self.c.converted(value, pattern.scalar)
        return Value(call("like", pattern.text, value.text), "integer", product=value.product)

    def _size_of(self, node: tree.SizeOf) -> Value:
        operand, size_t = node.operand, self.c.scalars.size_t
        if isinstance(operand, tree.Array) and operand.length is not None and not node.align:
            length = self.c.converted(self.write(operand.length), size_t)
            element = self._size_of(tree.SizeOf(operand.element))
            return length if element.number == 1 else self.c.binary("*", length, element)
        if isinstance(operand, tree.Type):
            found = None if id(operand) in self._dependent else self._constant(node)
            if found is None:
                raise Untranslatable("sizeof a type made of an argument, or incomplete")
            return found
        value = self.write(operand) if isinstance(operand, tree.Name) else None
        if value is None or value.parameter is None or node.align:
            raise Untranslatable("sizeof what an argument leads to")
        self.c.uses[value.parameter, "type"] += 1
        return Value(call(helper(size_t), call("sizeof", value.parameter)), "integer", size_t)

    def _call(self, node: tree.Call) -> Value:
        name = node.function.name if isinstance(node.function, tree.Name) else ""
        if name == "__builtin_constant_p":  # asked to choose between two ways to the same value
            return values.constant(1, self.c.scalars.int)
        if name == "__builtin_expect":
            return self.write(node.arguments[0])
        bits = SWAPS.get(name) or NETWORK.get(name) or IDENTITIES.get(name)
        if bits is None and name in self._functions and not self._functions[name].inline:
            return self._function(name, node.arguments)
        if bits is None:
            raise Untranslatable(self._why_not_called(name))
        kind = self.c.scalars[UNSIGNED[bits]]
        operand = self.c.converted(self.write(node.arguments[0]), kind)
        if name in SWAPS or (name in NETWORK and not self._layout.data_model.big_endian):
            return Value(call("swap", operand.text, str(bits)), "integer", kind)
        return operand

    def _function(self, name: str, arguments: Sequence[tree.Expression]) -> Value:
        """Return the call of one of the headers' functions."""
        try:
            kind = self._layout.function(self._functions[name].type)
        except NONE as error:
            raise Untranslatable(str(error)) from error
        if kind.variadic or len(kind.parameters) != len(arguments):
            what = "variadic function" if kind.variadic else "function with other arguments,"
            raise Untranslatable(f"calls the {what} {name}")
        texts = [
            self._passed(self.write(node), item.type).text
            for node, item in zip(arguments, kind.parameters, strict=True)
        ]
        called = field(Text(FUNCTIONS), name).text
        return Value(Text(f"{called}({', '.join(texts)})"), "object", kind.result)

    def _passed(self, value: Value, kind: model.TypeRef) -> Text:
        """Return an argument: LuaJIT converts it to the parameter's type as C does."""
        if not isinstance(kind, model.Scalar) or value.kind in {"object", "string"}:
            is_null = value.kind == "object" and value.number == 0
            return Text("nil") if is_null else self.c.object(value)
        if value.number is not None and value.kind == "integer":
            return values.result(value)
        return self.c.integer(value).text

    def _why_not_called(self, name: str) -> str:
        if ARGUMENT.fullmatch(name) or not name:
            return "uses an argument as a type or a function"
        known = self._layout.scope.functions.get(name)
        if known is None and name.startswith(OWN):
            return f"calls {name}, which is the compiler's own"
        if known is None:
            return f"calls {name}, which no header declares"
        return f"calls the {'inline function' if known.inline else 'function'} {name}"

    # --- what pointers and records hold ----------------------------------------------------------

    def _member(self, node: tree.Member) -> Value:
        value = self.write(node.base)
        base = self.c.pointed(value) if node.arrow else self.c.object(value)
        return Value(field(base, node.field), "object", self._members.type_of(node))

    def _index(self, node: tree.Index) -> Value:
        return self._element(self.write(node.base), self.write(node.index), node)

    def _element(self, base: Value, index: Value, node: tree.Expression) -> Value:
        place = beside(self.c.integer(index))
        text = Text(f"{self.c.object(base).at(ATOM)}[{place.text}]")
        return Value(text, "object", self._members.type_of(node))

    def _address(self, operand: tree.Expression) -> Value:
        if not isinstance(operand, tree.Index):
            raise Untranslatable("takes the address of a member")
        place = beside(self.c.integer(self.write(operand.index)))
        kind = model.Pointer(self._members.type_of(operand), *self._layout.data_model.pointer)
        base = self.c.object(self.write(operand.base))
        return Value(binary("+", base, place), "object", kind)

    def _c_text(self, kind: model.TypeRef | None) -> Text:
        writer = RecordWriter(
            lambda name: name if " " in name else f"struct {name}",
            big_endian=self._layout.data_model.big_endian,
        )
        return Text(f'"{writer.type_text(kind)}"' if kind is not None else '"void *"')


def _parts(node: object) -> list[object]:
    if isinstance(node, tuple):
        return list(node)
    return [getattr(node, item.name) for item in fields(node)] if is_dataclass(node) else []


def _has(node: object, kinds: type | tuple[type, ...]) -> bool:
    """Tell whether a node of such a kind is in ``node``."""
    return isinstance(node, kinds) or any(_has(item, kinds) for item in _parts(node))


def _unqualified(kind: tree.Type) -> tree.Type:
    return _unqualified(kind.type) if isinstance(kind, tree.Qualified) else kind
