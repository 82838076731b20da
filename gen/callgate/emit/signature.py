"""The C signature of a system call, as letters: ``i:upz`` is int f(unsigned int, void *, size_t).

The letters are declared in runtime/sys.lua; which C type has which stands in spec/kinds.toml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from callgate.model import Argument, Syscall
    from callgate.spec.model import Spec

MAX_ARGUMENTS = 6  # registers of the system call convention, on every architecture


def signature(call: Syscall, spec: Spec) -> str:
    """Return ``result:arguments``; raises CallgateError on a C type that has no letter."""
    result = "l" if spec.inference.is_wide(call.name) else "i"
    letters = "".join(letter(item, call, spec) for item in call.arguments)
    return f"{result}:{letters[:MAX_ARGUMENTS]}"


def letter(argument: Argument, call: Syscall, spec: Spec) -> str:
    """Return the letter of one argument.

    Its width and sign are those of the kernel's C type: the upper half of a register that the
    kernel reads whole must not be left to chance. Strings and bytes that the kernel only reads have
    letters of their own, which accept Lua strings.
    """
    if found := spec.kinds[spec.inference.kind(argument, call)].letter:
        return found
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
