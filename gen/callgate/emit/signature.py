"""The C signature of a system call, as letters: ``i:upz`` is int f(unsigned int, void *, size_t).

The letters are declared in runtime/sys.lua; which C type has which stands in spec/kinds.toml.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from callgate.model import Argument, Syscall
    from callgate.spec.model import Spec


def signature(call: Syscall, spec: Spec) -> str:
    """Return ``result:arguments``; raises CallgateError on a C type that has no letter."""
    result = "l" if spec.inference.is_wide(call.name) else "i"
    return f"{result}:{''.join(letter(item, call, spec) for item in call.arguments)}"


def logical(call: Syscall, spec: Spec) -> Syscall:
    """Return a call with its 64-bit arguments whole where its entry point takes their halves."""
    return replace(call, arguments=spec.wide.get(call.entry or "", call.arguments))


def letter(argument: Argument, call: Syscall, spec: Spec) -> str:
    """Return the letter of one argument.

    Its width and sign are those of the kernel's C type: the upper half of a register that the
    kernel reads whole must not be left to chance. Strings and bytes that the kernel only reads have
    letters of their own, which accept Lua strings; records in which it follows pointers have not.
    """
    if found := spec.kinds[spec.inference.kind(argument, call)].letter:
        return found
    if argument.type in spec.letters:
        return spec.letters[argument.type]
    if argument.type.endswith("*"):
        target = argument.type.removesuffix("*").strip()
        return "c" if target.startswith("const ") and not target.endswith("*") else "p"
    plain = argument.type.removeprefix("const ")
    if plain not in spec.letters:
        raise CallgateError(
            f"no letter for the C type {argument.type!r} of {call.name}",
            where=str(call.location),
            hint="add it to [c_types] in spec/kinds.toml",
        )
    return spec.letters[plain]
