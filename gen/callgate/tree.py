"""C declarations as written: target-independent, nothing evaluated.

``parse`` makes these nodes from preprocessed text, ``abi`` gives them sizes, offsets and values
for one target. Every node is an immutable value that can be printed, pickled and compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a declaration: ``uapi``, ``linux/fcntl.h``, 12, 5 (line and column from 1)."""

    unit: str  # ex) "uapi", "libc": the translation unit's name in headers/units.toml
    header: str  # ex) "linux/fcntl.h": as it would be included
    line: int
    column: int = 1

    def __str__(self) -> str:
        """Return ``linux/fcntl.h:12:5``, the form of every error message."""
        return f"{self.header}:{self.line}:{self.column}"


# --- expressions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """An integer or floating literal, with its suffixes: ``0x10UL``, ``1.5``."""

    text: str


@dataclass(frozen=True, slots=True)
class Character:
    """A character literal with its quotes: ``'a'``."""

    text: str


@dataclass(frozen=True, slots=True)
class String:
    """A string literal's bytes, adjacent literals joined, escapes resolved."""

    value: bytes


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier: an enumerator, a macro's parameter, a variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """``operator`` is one of ``+ - ~ ! & *``."""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """``operator`` is a C binary operator, ``&&``, ``||`` and ``,`` included."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    """``test ? yes : no``."""

    test: Expression
    yes: Expression
    no: Expression


@dataclass(frozen=True, slots=True)
class Cast:
    """``(type) operand``."""

    type: Type
    operand: Expression


@dataclass(frozen=True, slots=True)
class SizeOf:
    """``sizeof`` of a type or of an expression; ``_Alignof`` when ``align`` is set."""

    operand: Type | Expression
    align: bool = False


@dataclass(frozen=True, slots=True)
class OffsetOf:
    """``offsetof(type, designator)``: the designator is a Name, Member or Index chain."""

    type: Type
    designator: Expression


@dataclass(frozen=True, slots=True)
class Member:
    """``base.field`` or, with ``arrow``, ``base->field``."""

    base: Expression
    field: str
    arrow: bool


@dataclass(frozen=True, slots=True)
class Index:
    """``base[index]``."""

    base: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """``function(arguments)``; in a macro's body often another function-like macro."""

    function: Expression
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Unsupported:
    """An expression that has no value at compile time: ``({ ... })``, an initializer list."""

    what: str


Expression = (
    Number | Character | String | Name | Unary | Binary | Conditional | Cast | SizeOf | OffsetOf
    | Member | Index | Call | Unsupported
)  # fmt: skip

# --- types ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Basic:
    """A built-in type in its canonical spelling.

    One of ``void _Bool char "signed char" "unsigned char" short "unsigned short" int
    "unsigned int" long "unsigned long" "long long" "unsigned long long" __int128
    "unsigned __int128" float double "long double" _Float128 va_list`` or ``_Complex`` forms.
    """

    name: str


@dataclass(frozen=True, slots=True)
class TypedefName:
    """A use of a typedef: ``__u32``."""

    name: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """A use of a tag: kind ``struct``, ``union`` or ``enum``, and its name."""

    kind: str
    tag: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer to ``target``."""

    target: Type


@dataclass(frozen=True, slots=True)
class Array:
    """``length`` None is a flexible array member (or an array parameter)."""

    element: Type
    length: Expression | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A function's parameter; the name is None where the prototype gives none."""

    name: str | None
    type: Type


@dataclass(frozen=True, slots=True)
class Function:
    """A function type."""

    result: Type
    parameters: tuple[Parameter, ...]
    variadic: bool = False


@dataclass(frozen=True, slots=True)
class TypeOf:
    """``typeof`` of an expression or a type."""

    operand: Type | Expression


@dataclass(frozen=True, slots=True)
class Qualified:
    """``const``, ``volatile``, ``_Atomic`` applied to a type; other qualifiers are dropped."""

    type: Type
    const: bool = False
    volatile: bool = False
    atomic: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    """A GNU attribute that bears on layout: ``packed``, ``aligned``, ``mode``, ``vector_size``.

    Others (``deprecated``, ``nonnull``...) are kept by name without their argument.
    """

    name: str  # without underscores: ex) "aligned"
    argument: Expression | None = None  # ex) Number("8"); mode's word is a Name


@dataclass(frozen=True, slots=True)
class Attributed:
    """A type with attributes of its own: ``typedef int v4 __attribute__((vector_size(16)))``."""

    type: Type
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a record; ``name`` None is an anonymous record or an unnamed bit-field."""

    name: str | None
    type: Type
    width: Expression | None = None  # bit-field width
    attributes: tuple[Attribute, ...] = ()  # of the declared entity, ex) aligned, packed


@dataclass(frozen=True, slots=True)
class Record:
    """A struct or union definition in place."""

    kind: str  # "struct" | "union"
    tag: str | None
    fields: tuple[Field, ...]
    attributes: tuple[Attribute, ...] = ()
    pack: int = 0  # of ``#pragma pack`` in force at its closing brace, 0 for none
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Enumerator:
    """``value`` None is the previous one plus one."""

    name: str
    value: Expression | None
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Enumeration:
    """An enum definition in place."""

    tag: str | None
    enumerators: tuple[Enumerator, ...]
    attributes: tuple[Attribute, ...] = ()
    where: Where | None = None


Type = (
    Basic | TypedefName | Tagged | Pointer | Array | Function | TypeOf | Qualified | Attributed
    | Record | Enumeration
)  # fmt: skip

# --- declarations --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Typedef:
    """``typedef type name;``."""

    name: str
    type: Type
    where: Where
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class TagDeclaration:
    """A file-scope ``struct``, ``union`` or ``enum`` definition (or forward declaration)."""

    type: Record | Enumeration | Tagged
    where: Where


@dataclass(frozen=True, slots=True)
class FunctionDeclaration:
    """A function's prototype; ``inline`` when the header gives its body (which is not kept)."""

    name: str
    type: Function
    where: Where
    inline: bool = False
    asm_label: str | None = None


@dataclass(frozen=True, slots=True)
class VariableDeclaration:
    """A file-scope object."""

    name: str
    type: Type
    where: Where
    static: bool = False
    initial: Expression | None = None  # of a static one: its value, where that is one expression


Declaration = Typedef | TagDeclaration | FunctionDeclaration | VariableDeclaration


@dataclass(frozen=True, slots=True)
class MacroDefinition:
    """One ``#define`` in one header.

    ``expansion`` is the body with every macro in it expanded by the preprocessor at the end of the
    unit; that of a function-like one is over its parameters.
    """

    name: str
    parameters: tuple[str, ...] | None  # None: object-like
    body: str
    where: Where
    variadic: bool = False
    expansion: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """What could not be parsed: reported, left out, and non-zero at the end unless excluded."""

    where: Where
    message: str  # what was seen and expected
    text: str  # the offending text, shortened to a few lines


@dataclass(frozen=True, slots=True)
class Unit:
    """One parsed translation unit."""

    name: str  # ex) "uapi", "libc", "uapi:linux/coda.h" for a header parsed alone
    declarations: tuple[Declaration, ...]
    macros: tuple[MacroDefinition, ...]
    failures: tuple[Failure, ...] = ()
    headers: tuple[str, ...] = field(default=())  # every header entered, in order of first entry
