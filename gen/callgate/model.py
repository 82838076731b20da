"""The ABI model: what one target's headers mean, in bytes and numbers.

Parsers and the layout engine write it; emitters, witnesses and explorers only read it. Everything
is frozen and refers to other records by name, so a model can be pickled, dumped and compared.
Sizes, alignments and offsets are in bytes; bit offsets are in bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """Where an item stands."""

    unit: str  # ex) "uapi", "libc", "kernel" (system call tables and prototypes)
    header: str  # ex) "linux/fcntl.h"
    line: int

    def __str__(self) -> str:
        """Return ``linux/fcntl.h:12``."""
        return f"{self.header}:{self.line}"


# --- types ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parts."""

    kind: str  # "integer" | "bool" | "float" | "complex" | "void"
    c_name: str  # ex) "unsigned int", canonical; for an enum its underlying integer
    size: int  # ex) 4; 0 for void
    align: int
    signed: bool = False
    typedef: str | None = None  # ex) "__u32", the name it was written with, if any
    enum: str | None = None  # ex) "enum foo" when declared as an enumeration


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer; ``target`` None is ``void *``. Function targets are Function nodes."""

    target: TypeRef | None
    size: int
    align: int
    const: bool = False  # the target is const-qualified
    volatile: bool = False  # ... and volatile
    atomic: bool = False  # ... and _Atomic, which is another type to C compilers


@dataclass(frozen=True, slots=True)
class Array:
    """``length`` None is a flexible array member; size is then 0."""

    element: TypeRef
    length: int | None
    size: int
    align: int


@dataclass(frozen=True, slots=True)
class Vector:
    """A GNU vector: ``__attribute__((vector_size(16)))``."""

    element: TypeRef
    size: int
    align: int


@dataclass(frozen=True, slots=True)
class RecordName:
    """A record by name: ``struct timespec`` or a typedef of an untagged one: ``__kernel_fd_set``.

    Size 0 and align 1 when the record is incomplete (only pointers to it may exist).
    """

    name: str
    size: int
    align: int


@dataclass(frozen=True, slots=True)
class Function:
    """A function's type."""

    result: TypeRef
    parameters: tuple[Parameter, ...]
    variadic: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function."""

    name: str | None
    type: TypeRef


@dataclass(frozen=True, slots=True)
class Record:
    """A struct or union.

    Untagged ones stand in the type of the field or typedef that declares them (then ``name`` is ""
    or the typedef's name).
    """

    name: str  # ex) "struct stat"; "" for an anonymous one inside another record
    kind: str  # "struct" | "union"
    size: int
    align: int
    fields: tuple[Field, ...]
    location: Location
    packed: bool = False  # __attribute__((packed)) on the record
    aligned: int = 0  # __attribute__((aligned(N))) on the record, 0 for none
    pack: int = 0  # #pragma pack(N) in force, 0 for none
    primary: bool = True  # False: another header's definition of the same name was chosen

    def walk(self, base: int = 0, prefix: str = "") -> Iterator[tuple[str, int, Field]]:
        """Yield ``(path, bit offset from the start of the outermost record, field)``.

        Fields of anonymous members appear under their own names, as C sees them; those of named
        untagged records under ``outer.inner``. Unnamed bit-fields are left out.
        """
        for item in self.fields:
            bits = base + item.offset * 8 + (item.bit_offset or 0)
            inner = item.type if isinstance(item.type, Record) else None
            if item.name is None:
                if inner is not None:
                    yield from inner.walk(bits, prefix)
                continue
            yield prefix + item.name, bits, item
            if inner is not None:
                yield from inner.walk(bits, f"{prefix}{item.name}.")


TypeRef = Scalar | Pointer | Array | Vector | RecordName | Function | Record


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a record.

    For a bit-field ``offset`` is the byte offset of the storage unit of its declared type that
    holds its first bit (a multiple of that type's size, relative to the record, unless packed:
    then bits may exceed the unit), ``bit_offset`` counts from that byte in the target's bit order
    of *position in memory order for little-endian*: bit_offset 0 is the least significant bit of
    the first byte; on big-endian targets it counts from the most significant bit of the first byte.
    """

    name: str | None  # None: an anonymous record, or an unnamed bit-field (padding)
    type: TypeRef
    offset: int
    bit_offset: int | None = None
    bit_width: int | None = None
    aligned: int = 0  # __attribute__((aligned(N))) on the field, 0 for none
    packed: bool = False  # __attribute__((packed)) on the field


# --- items ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Constant:
    """An enumerator or an object-like macro that has a value."""

    name: str  # ex) "O_CREAT"
    value: int | str | float  # strings as latin-1 text of their bytes
    size: int  # ex) 4; of the C type of the expression; for strings the array's, NUL included
    signed: bool
    kind: str  # "macro" | "enumerator" | "string" | "float"
    location: Location
    text: str = ""  # the macro's body as written: ex) "(1 << 3)"
    primary: bool = True  # False: another header's value was chosen for the plain name


@dataclass(frozen=True, slots=True)
class Enumeration:
    """An enum: its underlying integer type and its enumerators' names."""

    name: str  # ex) "enum foo", or "" when untagged
    enumerators: tuple[str, ...]
    size: int
    signed: bool
    location: Location


@dataclass(frozen=True, slots=True)
class Typedef:
    """``typedef type name``; records without a tag are in Abi.records under the typedef's name."""

    name: str
    type: TypeRef
    location: Location
    primary: bool = True


@dataclass(frozen=True, slots=True)
class Prototype:
    """A C function of the headers."""

    name: str
    type: Function
    location: Location
    inline: bool = False
    label: str | None = None  # the symbol that an asm label gives it, ex) "__stat50"


@dataclass(frozen=True, slots=True)
class Variable:
    """A C object of the headers: ``extern char **environ``."""

    name: str
    type: TypeRef
    location: Location
    const: bool = False  # nobody may write it, nor an array's elements


@dataclass(frozen=True, slots=True)
class Address:
    """A macro that is a pointer: ``((sqlite3_destructor_type)-1)``."""

    name: str
    type: Pointer
    value: int
    location: Location


@dataclass(frozen=True, slots=True)
class Macro:
    """A function-like macro, and its translation to Lua or the reason there is none."""

    name: str
    parameters: tuple[str, ...]
    body: str
    location: Location
    lua: str | None = None  # ex) "band(rshift(dev, 8), 0xfff)": an expression over the parameters
    reason: str | None = None  # ex) "statement expression", when lua is None
    primary: bool = True


@dataclass(frozen=True, slots=True)
class Unevaluated:
    """An object-like macro without a value, and why (listed, never lost)."""

    name: str
    body: str
    reason: str  # ex) "type name", "incomplete type", "alias of a member", "empty"
    location: Location


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a system call as the kernel declares it."""

    name: str  # ex) "fd"
    type: str  # ex) "const char *", "unsigned int"


@dataclass(frozen=True, slots=True)
class Syscall:
    """One row of the target's system call table."""

    name: str  # the kernel's: ex) "pread64"
    number: int
    entry: str | None  # ex) "sys_pread64"; None: the number is reserved, not implemented
    returns: str  # ex) "long"
    arguments: tuple[Argument, ...]
    location: Location  # of the prototype
    reason: str | None = None  # why there is no entry or prototype
    newer: bool = False  # than the headers of a sysroot: they have no number to compare with


@dataclass(frozen=True)
class Abi:
    """Everything known of one target."""

    target: str  # ex) "x86_64-linux-gnu"
    kernel: str  # ex) "7.2.0", of the UAPI headers
    constants: tuple[Constant, ...]
    records: tuple[Record, ...]
    enumerations: tuple[Enumeration, ...]
    typedefs: tuple[Typedef, ...]
    prototypes: tuple[Prototype, ...]
    macros: tuple[Macro, ...]
    unevaluated: tuple[Unevaluated, ...]
    syscalls: tuple[Syscall, ...]
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # unit -> headers entered
    # unit -> records and typedefs that its own headers define as an earlier unit's do: kept once
    repeated: Mapping[str, frozenset[str]] = field(default_factory=dict)
    variables: tuple[Variable, ...] = ()

    @cached_property
    def constant(self) -> Mapping[str, Constant]:
        """The chosen definition of each constant by name."""
        return {item.name: item for item in self.constants if item.primary}

    @cached_property
    def record(self) -> Mapping[str, Record]:
        """The chosen definition of each record by name (``struct stat``)."""
        return {item.name: item for item in self.records if item.primary}

    @cached_property
    def typedef(self) -> Mapping[str, Typedef]:
        """The chosen definition of each typedef by name."""
        return {item.name: item for item in self.typedefs if item.primary}

    @cached_property
    def syscall(self) -> Mapping[str, Syscall]:
        """The system calls by the kernel's name."""
        return {item.name: item for item in self.syscalls}
