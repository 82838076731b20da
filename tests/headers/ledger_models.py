"""Small models for the tests of the ledger."""

from __future__ import annotations

from collections.abc import Mapping

from callgate.model import Abi, Constant, Field, Location, Record, Scalar, Syscall

UAPI = Location("uapi", "linux/test.h", 7)
LIBC = Location("libc", "test.h", 7)
INT = Scalar("integer", "int", 4, 4, signed=True)


def constant(name: str, value: float | str, where: Location = UAPI) -> Constant:
    """Return a macro."""
    return Constant(name, value, 4, signed=True, kind="macro", location=where)


def record(name: str, *fields: str, size: int | None = None) -> Record:
    """Return a struct of ints."""
    items = tuple(Field(each, INT, 4 * index) for index, each in enumerate(fields))
    return Record(name, "struct", 4 * len(fields) if size is None else size, 4, items, UAPI)


def abi(
    constants: Mapping[str, float | str] | None = None,
    *records: Record,
    syscalls: Mapping[str, int] | None = None,
    kernel: str = "7.2.0",
) -> Abi:
    """Return a model of the kernel's names, and of one of a C library."""
    return Abi(
        "x86_64-linux-gnu",
        kernel,
        (
            *(constant(name, value) for name, value in (constants or {}).items()),
            constant("LIBC_OWN", 1, LIBC),
        ),
        records,
        (),
        (),
        (),
        (),
        (),
        tuple(
            Syscall(name, number, f"sys_{name}", "long", (), UAPI)
            for name, number in (syscalls or {}).items()
        ),
    )
