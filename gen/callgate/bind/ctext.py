"""C text of declarations with their real types: pointers to functions keep their prototypes.

The same writer serves LuaJIT and the C compilers: only the names of records differ, so what the
compilers agree with is what LuaJIT is told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from callgate.bind import bits
from callgate.emit.ctext import (
    INDENT,
    Accessor,
    RecordText,
    RecordWriter,
    is_unknown,
    member_attributes,
)
from callgate.model import (
    Array,
    Field,
    Function,
    Pointer,
    Record,
    RecordName,
    Scalar,
    TypeRef,
    Variable,
    Vector,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

# Types that LuaJIT knows by name (lj_ctype.h: CTTYDEFP) and C by <stddef.h>, <stdint.h>: where the
# headers say so, the text is the same on machines where they are different basic types.
NAMED = frozenset({"size_t", "ssize_t", "ptrdiff_t", "intptr_t", "uintptr_t"})
NAME = "$"  # stands for the name in the text of a function or of a variable


class DeclarationWriter(RecordWriter):
    """Writes types for LuaJIT; with ``exact`` for C compilers, which know what LuaJIT lacks."""

    def __init__(
        self,
        spell: Callable[[str], str],
        *,
        taken: Container[str] = (),
        big_endian: bool = False,
        exact: bool = False,
    ) -> None:
        """``spell`` gives a record's name in C text; ``taken`` are the tags that records have."""
        super().__init__(spell, big_endian=big_endian)
        self._taken = taken
        self._exact = exact
        self._outer = ""  # the tag of the record that is being rendered
        self.nested: dict[str, Record] = {}  # untagged ones that have got a tag of their own

    def render_as(self, tag: str, record: Record) -> RecordText:
        """Return the text of a record that the file knows by ``tag``."""
        self._outer = tag.rpartition(" ")[2]
        return self.render(record)

    def declaration(self, kind: TypeRef, name: str = NAME) -> str:
        """Return the declaration of ``name`` as of a type: ``int $(const char *)``."""
        if isinstance(kind, Array):
            length = "" if kind.length is None else str(kind.length)
            return self.declaration(kind.element, f"{name}[{length}]")
        return _tidy(self._named(kind, name))

    def variable(self, item: Variable) -> str:
        """Return the declaration of a variable: LuaJIT refuses to write one that is const."""
        return _tidy(self._qualified(item.type, NAME, "const " if item.const else ""))

    def type_of(self, kind: TypeRef) -> str:
        """Return a type's own text: ``int (*)(void *)``."""
        return self.declaration(kind, "")

    def _tagged(self, kind: TypeRef, name: str) -> TypeRef:
        """Return a type whose untagged record, or array of such, is called ``name``."""
        if isinstance(kind, Array):
            return replace(kind, element=self._tagged(kind.element, name))
        if not isinstance(kind, Record):
            return kind
        tag = f"{kind.kind} {name}"
        while tag in self._taken or self.nested.get(tag, kind) != kind:
            tag += "_"
        self.nested[tag] = kind
        return RecordName(tag, kind.size, kind.align)

    # --- members ---------------------------------------------------------------------------------

    def _body(
        self, record: Record, base: int, prefix: str, accessors: list[Accessor], *, tail: bool
    ) -> str:
        if bits.takes(record):
            return super()._body(record, base, prefix, accessors, tail=tail)
        lines: list[tuple[int, str]] = []
        spans = bits.spans(record)
        for start, end in spans:
            lines.append((start, f"uint8_t _bits{base + start}[{end - start}]"))
        last = record.fields[-1]
        for item in record.fields:
            if item.bit_width is None:
                text = self._declare(
                    item.type, item.name or "", base + item.offset, prefix, accessors,
                    tail=tail and item is last,
                )  # fmt: skip
                lines.append((item.offset, text + member_attributes(record, item)))
            elif item.name:
                accessors.append(_accessor(item, item.name, base, spans))
        if record.kind == "struct":
            lines.sort(key=lambda line: line[0])  # a member of no size stays before what follows
        inner, outer = (INDENT * (prefix.count("/") + more) for more in (1, 0))
        parts = ["packed"] if record.packed or record.pack else []
        if bits.is_naturally_aligned(record):  # a packed record around it may lower that
            place = 0 if bits.is_open(record) else len(lines)
            align = f"uint{record.align * bits.BYTE}_t _align{base}[0]"
            lines.insert(place, (0, align))
        elif record.align > 1:
            parts.append(f"aligned({record.align})")
        body = "".join(f"{inner}{text};\n" for _, text in lines)
        attributes = f" __attribute__(({', '.join(parts)}))" if parts else ""
        return f"{{\n{body}{outer}}}{attributes}"

    def _declare(
        self,
        kind: TypeRef,
        name: str,
        offset: int,
        prefix: str,
        accessors: list[Accessor],
        *,
        tail: bool,
    ) -> str:
        """Return a member; an untagged record gets a tag where it cannot do without.

        It has accessors by its tag. And the attributes behind the brace, ``aligned`` and
        ``packed``, are to LuaJIT those of the member, too (lj_cparse.c: cp_decl_struct).
        """
        if name if has_accessors(kind) else has_attributes(kind):
            kind = self._tagged(kind, f"{self._outer}__{name or offset}")
        return super()._declare(kind, name, offset, prefix, accessors, tail=tail)

    def _is_lowered(self, kind: Scalar) -> bool:
        return is_unknown(kind)

    # --- declarations ----------------------------------------------------------------------------

    def _named(self, kind: TypeRef, declarator: str) -> str:
        if isinstance(kind, Function):
            return self._named(kind.result, f"{declarator}({self._parameters(kind)})")
        if not isinstance(kind, Pointer):
            return f"{self._plain(kind)}{declarator}"
        target = kind.target
        if isinstance(target, Function):
            return self._named(target, f"(*{declarator})")
        qualifiers = ("const " if kind.const else "") + ("volatile " if kind.volatile else "")
        qualifiers += "_Atomic " if kind.atomic and self._exact else ""
        if isinstance(target, Array):
            return self._qualified(target, f"(*{declarator})", qualifiers)
        if isinstance(target, Pointer):
            return self._named(target, f"{qualifiers}*{declarator}")
        return f"{qualifiers}{self._target(target)}*{declarator}"

    def _qualified(self, kind: TypeRef, declarator: str, qualifiers: str) -> str:
        """Return a declaration as of a qualified type; of an array its elements are qualified."""
        while isinstance(kind, Array):
            declarator += "[]" if kind.length is None else f"[{kind.length}]"
            kind = kind.element
        if isinstance(kind, Pointer):
            return self._named(kind, f"{qualifiers}{declarator}")
        return f"{qualifiers}{self._named(kind, declarator)}"

    def _target(self, target: TypeRef | None) -> str:
        """Return what a pointer points to, ready for the star."""
        if target is None or (
            not self._exact and (is_unknown(target) or isinstance(target, Record))
        ):
            return "void "
        return self._plain(target)

    def _plain(self, kind: TypeRef) -> str:
        if isinstance(kind, RecordName):
            return f"{self._spell(kind.name)} "
        if isinstance(kind, Vector):
            element = self._plain(kind.element)
            return f"{element}__attribute__((vector_size({kind.size}))) "
        if not isinstance(kind, Scalar):
            return super()._plain(kind)
        if self._exact and kind.enum:  # compilers do not take its integer for it everywhere
            return f"{kind.enum if ' ' in kind.enum else kind.typedef or kind.c_name} "
        return f"{kind.typedef if kind.typedef in NAMED else kind.c_name} "

    def _parameters(self, kind: Function) -> str:
        texts = [self.type_of(_adjusted(item.type)) for item in kind.parameters]
        texts += ["..."] if kind.variadic else []
        return ", ".join(texts) or "void"


def _accessor(item: Field, name: str, base: int, spans: Sequence[tuple[int, int]]) -> Accessor:
    """Return where a bit-field is in the bytes that stand for its run."""
    place = item.offset * bits.BYTE + (item.bit_offset or 0)
    start = max(start for start, _ in spans if start * bits.BYTE <= place)
    kind = item.type
    return Accessor(
        name,
        f"_bits{base + start}",
        place - start * bits.BYTE,
        item.bit_width or 0,
        signed=isinstance(kind, Scalar) and kind.signed,
        boolean=isinstance(kind, Scalar) and kind.kind == "bool",
    )


def _adjusted(kind: TypeRef) -> TypeRef:
    """Return a parameter's type as C takes it: of an array or a function it is a pointer."""
    if isinstance(kind, Array):
        return Pointer(kind.element, 0, 0)
    return Pointer(kind, 0, 0) if isinstance(kind, Function) else kind


def has_accessors(kind: TypeRef) -> bool:
    """Tell whether a type is an untagged record with bit-fields by accessors, or an array of it."""
    while isinstance(kind, Array):
        kind = kind.element
    return isinstance(kind, Record) and bits.needs_accessors(kind)


def has_attributes(kind: TypeRef) -> bool:
    """Tell whether a type is an untagged record aligned by attributes, or an array of such."""
    while isinstance(kind, Array):
        kind = kind.element
    if not isinstance(kind, Record):
        return False
    return kind.aligned > 0 or (kind.align > 1 and (kind.packed or kind.pack > 0))


def has_unnamed(kind: TypeRef | None) -> bool:
    """Tell whether a type has a record without a name in it, so that C cannot be asked of it."""
    match kind:
        case Record():
            return True
        case Pointer():
            return has_unnamed(kind.target)
        case Array():
            return has_unnamed(kind.element)
        case Function():
            parts = (kind.result, *(item.type for item in kind.parameters))
            return any(map(has_unnamed, parts))
    return False


def obstacle(kind: Function) -> str | None:
    """Return why LuaJIT cannot call a function of this type; None where it can."""
    for item in (kind.result, *(each.type for each in kind.parameters)):
        if is_unknown(item):
            return f"passes a {_unknown(item)}, which LuaJIT cannot"
        if isinstance(item, RecordName) and not item.size:
            return "passes a record that the headers do not define"
        if isinstance(item, Record):
            return "passes a record that has no name"
    return None


def lack(kind: TypeRef) -> str | None:
    """Return why LuaJIT has no object of this type; None where it has."""
    while isinstance(kind, Array):
        kind = kind.element
    return f"of type {_unknown(kind)}, which LuaJIT does not have" if is_unknown(kind) else None


def _unknown(kind: TypeRef) -> str:
    return kind.c_name if isinstance(kind, Scalar) else "vector"


def _tidy(text: str) -> str:
    return text.replace(" )", ")").replace("( ", "(").rstrip()
