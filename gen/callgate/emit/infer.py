"""Functions for the system calls that no row declares, from the kernel's prototypes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from callgate.model import Scalar
from callgate.spec.loader import DESCRIPTORS
from callgate.spec.model import ArgumentSpec, CallSpec, method_names

if TYPE_CHECKING:
    from callgate.emit.machine import Machine
    from callgate.model import Abi, Syscall
    from callgate.spec.model import Spec

INFERRED = "inferred_"  # and the first letter: one module for all would take long to load
LENGTH = "len"  # of the memory behind it, in bytes
# Lua's words, and the variables of templates/calls.lua.j2
RESERVED = {
    "args", "call", "calls", "descriptor", "end", "errors", "fail", "ffi", "here", "in", "number",
    "numbers", "nil", "not", "or", "result", "sys", "types",
}  # fmt: skip


def inferred_calls(machine: Machine) -> tuple[CallSpec, ...]:
    """Return a row for each system call of the target that has none under its own name.

    Where the call goes to a newer one its arguments are that one's.
    """
    abi, spec = machine.abi, machine.spec
    declared = {name for call in spec.calls for name in (call.name, *call.also)}
    methods = {name for call in spec.calls for name in call.methods}
    return tuple(
        _infer(replace(machine.best(call.name) or call, name=call.name), abi, spec, methods)
        for call in sorted(abi.syscalls, key=lambda item: item.name)
        if call.entry is not None
        and call.name not in declared
        and call.name not in spec.inference.excluded
    )


def _infer(call: Syscall, abi: Abi, spec: Spec, taken: set[str]) -> CallSpec:
    names = [_lua_name(item.name) for item in call.arguments]
    args = []
    for index, (name, item) in enumerate(zip(names, call.arguments, strict=True)):
        kind = spec.inference.kind(item, call)
        extra = None
        if spec.kinds[kind].extra == "argument":
            extra = names[index - 1]  # such a kind speaks of the one before
        elif kind == "pointer" and (size := _size_behind(item.type, abi, spec)):
            kind, extra = "memory", str(size)
        elif kind == "pointer" and index and names[index - 1] == LENGTH:
            kind, extra = "memory", LENGTH  # checked before it: sched_getaffinity
        args.append(ArgumentSpec(name, kind, extra))
    return CallSpec(
        name=call.name,
        family=f"{INFERRED}{call.name.lstrip('_')[0]}",
        doc="",
        man=f"{call.name}(2)",
        call=call.name,
        args=tuple(args),
        passed=tuple(names),
        methods=tuple(name for name in method_names(call.name) if name not in taken)
        if args and args[0].kind in DESCRIPTORS
        else (),
        returns=spec.inference.returns(call.name),
    )


def _size_behind(c_type: str, abi: Abi, spec: Spec) -> int:
    """Return the least number of bytes that a pointer leads to, 0 where that is not known."""
    target = c_type.removesuffix("*").removeprefix("const ").strip()
    if target in abi.record:
        return abi.record[target].size
    named = abi.typedef.get(target)
    if named is not None and isinstance(named.type, Scalar):
        return named.type.size
    return {"i": 4, "u": 4, "q": 8}.get(spec.letters.get(target, ""), 0)


def _lua_name(name: str) -> str:
    """Return a kernel argument's name as a Lua variable that no local of the template meets."""
    name = name.lstrip("_")
    return f"{name}_" if name in RESERVED else name
