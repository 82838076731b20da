"""C text of declarations with their real types: pointers to functions keep their prototypes.

The same writer serves LuaJIT and the C compilers: only the names of records differ, so what the
compilers agree with is what LuaJIT is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callgate.emit.ctext import WORD, RecordWriter
from callgate.model import Array, Function, Pointer, Record, RecordName, Scalar, TypeRef, Vector

if TYPE_CHECKING:
    from collections.abc import Callable

# Types that LuaJIT knows by name (lj_ctype.h: CTTYDEFP) and C by <stddef.h>, <stdint.h>: where the
# headers say so, the text is the same on machines where they are different basic types.
NAMED = frozenset({"size_t", "ssize_t", "ptrdiff_t", "intptr_t", "uintptr_t"})
NAME = "$"  # stands for the name in the text of a function or of a variable


class DeclarationWriter(RecordWriter):
    """Writes types for LuaJIT; with ``exact`` for C compilers, which know what LuaJIT lacks."""

    def __init__(
        self, spell: Callable[[str], str], *, big_endian: bool = False, exact: bool = False
    ) -> None:
        """``spell`` gives a record's name in C text."""
        super().__init__(spell, big_endian=big_endian)
        self._exact = exact

    def declaration(self, kind: TypeRef, name: str = NAME) -> str:
        """Return the declaration of ``name`` as of a type: ``int $(const char *)``."""
        if isinstance(kind, Array):
            length = "" if kind.length is None else str(kind.length)
            return self.declaration(kind.element, f"{name}[{length}]")
        return _tidy(self._named(kind, name))

    def type_of(self, kind: TypeRef) -> str:
        """Return a type's own text: ``int (*)(void *)``."""
        return self.declaration(kind, "")

    def _named(self, kind: TypeRef, declarator: str) -> str:
        if isinstance(kind, Function):
            return self._named(kind.result, f"{declarator}({self._parameters(kind)})")
        if not isinstance(kind, Pointer):
            return f"{self._plain(kind)}{declarator}"
        target = kind.target
        if isinstance(target, Function):
            return self._named(target, f"(*{declarator})")
        if isinstance(target, Array):
            return self.declaration(target, f"(*{declarator})")
        qualifiers = ("const " if kind.const else "") + ("volatile " if kind.volatile else "")
        if isinstance(target, Pointer):
            return self._named(target, f"{qualifiers}*{declarator}")
        return f"{qualifiers}{self._target(target)}*{declarator}"

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


def _adjusted(kind: TypeRef) -> TypeRef:
    """Return a parameter's type as C takes it: of an array or a function it is a pointer."""
    if isinstance(kind, Array):
        return Pointer(kind.element, 0, 0)
    return Pointer(kind, 0, 0) if isinstance(kind, Function) else kind


def is_unknown(kind: TypeRef) -> bool:
    """Tell whether LuaJIT has no such scalar: wider than 64 bits, or a vector."""
    if not isinstance(kind, Scalar):
        return isinstance(kind, Vector)
    return kind.size > (2 * WORD if kind.kind == "complex" else WORD)  # it has two parts


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
            name = item.c_name if isinstance(item, Scalar) else "vector"
            return f"passes a {name}, which LuaJIT cannot"
        if isinstance(item, RecordName) and not item.size:
            return "passes a record that the headers do not define"
    return None


def _tidy(text: str) -> str:
    return text.replace(" )", ")").replace("( ", "(").rstrip()
