"""From the declared semantics to Lua: call functions, and the index that finds them.

A family's module holds a maker for each of its functions, which declares what the function needs
when it is first wanted. What no row declares is inferred from the kernel's prototype; those
functions form families of their own by their first letter: "inferred_a".
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from textwrap import wrap
from typing import TYPE_CHECKING

from callgate.emit.environment import render
from callgate.emit.merge import Variants
from callgate.emit.prototypes import emit_prototypes
from callgate.emit.signature import letter, logical, signature
from callgate.errors import CallgateError
from callgate.spec.loader import DESCRIPTORS
from callgate.spec.model import ArgumentSpec, CallSpec, method_names
from callgate.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from callgate.model import Abi, Syscall
    from callgate.spec.model import Spec
    from callgate.targets import Target

INFERRED = "inferred_"  # and the first letter: one module for all would take long to load
COMMENT_WIDTH = 116  # with "-- ", within the 120 columns of the Lua code
WORDS = {"address", "word"}  # kinds whose number must not replace the object it is the address of


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a generated function: what an argument becomes before the call."""

    name: str  # the variable, ex) "flags"; "addr_word" where the argument itself must live on
    expression: str  # its value
    local: bool = False  # whether it is a new variable


@dataclass(frozen=True, slots=True)
class BytesArgument:
    """A buffer that the caller may leave out for a string, and its length."""

    buffer: str
    length: str
    position: int  # of the length
    default: str  # length when neither is given
    step: Step  # the length's, when there is a buffer


@dataclass(frozen=True, slots=True)
class CallText:
    """What the template needs of one call."""

    spec: CallSpec
    comment: tuple[str, ...]  # lines: what it does, its manual page, the kernel's prototype
    parameters: str  # ex) "fd, buf, count"
    number: str | None  # the key of the number table, None for a libc symbol and a routed call
    routed: str | None  # the name of runtime/sys.lua that it goes through: see spec/routes.toml
    function: str  # ex) "callgate_i_ipz"
    signature: str  # ex) "i:ipz"
    result: str  # its letter
    converters: tuple[str, ...]  # functions of args.lua that it uses
    groups: tuple[str, ...]
    types: tuple[str, ...]
    constants: tuple[tuple[str, str, str], ...]  # name, value, note: ex) ("AT_FDCWD", "-100", "")
    steps: tuple[Step, ...]
    bytes: BytesArgument | None
    passed: str  # the C arguments after the number


def emit_calls(
    abis: Mapping[str, Abi], spec: Spec, targets: Mapping[str, Target]
) -> dict[str, str]:
    """Return ``path -> text`` of calls/, prototypes.lua and routes.lua.

    Both mappings have one entry for each architecture, by LuaJIT's name. A function whose text
    differs between architectures is written for each set of them. Raises CallgateError when a row
    names a system call, constant, header or record that no architecture has.
    """
    variants = Variants((arch, "") for arch in abis)
    texts: dict[str, dict[str, list[tuple[CallText, list[str]]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    inferred: dict[str, list[CallSpec]] = defaultdict(list)
    missing: dict[str, CallgateError] = {}
    for arch, abi in abis.items():
        machine = Machine(arch, abi, spec, targets[arch])
        own = _inferred(machine)
        for call in own:
            inferred[call.name].append(call)
        for call in (*spec.calls, *own):
            try:
                text = None if call.behaviour else _call_text(call, machine)
                if call.behaviour:
                    machine.syscall(call)
            except _Absent as error:
                missing.setdefault(call.name, error)
                continue
            missing[call.name] = _FOUND
            if text is None:
                continue
            known = texts[call.family][call.name]
            for other, archs in known:
                if replace(other, comment=()) == replace(text, comment=()):
                    archs.append(arch)
                    break
            else:
                known.append((text, [arch]))
    for error in missing.values():
        if error is not _FOUND:
            raise error
    files = {
        f"calls/{family}.lua": render(
            "calls.lua.j2", family=family, calls=_on(calls, variants), groups=calls
        )
        for family, calls in sorted(texts.items())
    }
    first = tuple(calls[0] for _, calls in sorted(inferred.items()))
    files["calls/index.lua"] = _index((*spec.calls, *first))
    return files | emit_prototypes(abis, spec)


def _on(
    calls: dict[str, list[tuple[CallText, list[str]]]], variants: Variants
) -> list[tuple[str, CallText]]:
    """Return each text of a family with the words for its architectures, "" for all."""
    found = []
    for groups in calls.values():
        for text, archs in groups:
            chosen = {(arch, "") for arch in archs}
            everywhere = len(chosen) == len(variants.kernel)
            found.append(("" if everywhere else variants.words(chosen, "uapi"), text))
    return found


class _Absent(CallgateError):
    """A call, constant or record that this architecture lacks; another one may have it."""


_FOUND = CallgateError("found")


@dataclass(frozen=True, slots=True)
class Machine:
    """An architecture, as far as calls differ by it."""

    arch: str
    abi: Abi
    spec: Spec
    target: Target

    def syscall(self, call: CallSpec) -> Syscall:
        """Return the best of the kernel's calls for a row; raises CallgateError without one."""
        found = self.best(call.call)
        if found is not None:
            return found
        near = suggest(call.call, self.abi.syscall)
        raise _Absent(f"no system call {call.call!r}", where=call.where, hint=near or None)

    def best(self, name: str) -> Syscall | None:
        """Return the first of the kernel's calls that sys.NAME may go to here."""
        row = self.spec.routes.get(name, {})
        written = row.get("written", {}).get(self.arch)
        for item in (written,) if written else row.get("try", (name,)):
            if item in self.abi.syscall:
                return logical(self.abi.syscall[item], self.spec)
        return None

    def is_routed(self, name: str) -> bool:
        """Tell whether sys.NAME is more than the kernel's call of that name here."""
        route = self.spec.routes.get(name)
        if route is None:
            return False
        if self.arch in route.get("written", {}):
            return True
        here = [item for item in route.get("try", [name]) if item in self.abi.syscall]
        multiplexed = "socketcall" in route and "socketcall" in self.abi.syscall
        multiplexed |= "ipc" in route and "ipc" in self.abi.syscall
        return here != [name] or multiplexed

    def is_split(self, call: Syscall) -> bool:
        """Tell whether the call takes a 64-bit argument in two registers."""
        return self.target.registers < WIDE and "q" in signature(call, self.spec)


WIDE = 64  # bits of a register that holds every argument


def _index(calls: tuple[CallSpec, ...]) -> str:
    methods: list[tuple[str, str]] = []
    kinds: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for call in calls:
        for method in call.methods:
            kind, _, name = method.rpartition(":")
            (kinds[kind] if kind else methods).append((name, call.name))
    return render(
        "calls_index.lua.j2",
        functions=sorted((call.name, _module(call)) for call in calls),
        aliases=sorted((name, call.name) for call in calls for name in call.also),
        methods=sorted(methods),
        kinds=sorted((kind, sorted(rows)) for kind, rows in kinds.items()),
    )


def _module(call: CallSpec) -> str:
    return f"behaviour.{call.behaviour}" if call.behaviour else f"calls.{call.family}"


def _inferred(machine: Machine) -> tuple[CallSpec, ...]:
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
    return {"i": 4, "u": 4, "q": 8}.get(spec.letters.get(target, ""), 0)


def _lua_name(name: str) -> str:
    """Return a kernel argument's name as a Lua variable that no local of the template meets."""
    name = name.lstrip("_")
    return f"{name}_" if name in RESERVED else name


RESERVED = {
    "args", "call", "calls", "descriptor", "end", "errors", "fail", "ffi", "in", "number", "numbers", "nil",
    "not", "or", "result", "sys", "types",
}  # fmt: skip


def _call_text(call: CallSpec, machine: Machine) -> CallText:
    abi, spec = machine.abi, machine.spec
    found = machine.syscall(call)
    written = machine.arch in spec.routes.get(call.call, {}).get("written", {})
    letters = "" if written else _letters(call, found, machine)
    constants: dict[str, tuple[str, str]] = {}
    by_name = {arg.name: arg for arg in call.args}
    passed = []
    for operand in call.passed:
        own = by_name.get(operand)
        if own is None and operand[0].isupper():
            name, value, note = _constant(operand, abi, call)
            constants[name] = (value, note)
            passed.append(name)
        else:
            passed.append(_operand(operand, own, abi, call))
    result = "l" if spec.inference.is_wide(found.name) else spec.results[call.returns].letter
    steps, gap = _steps(call, abi, spec)
    used = {step.expression.partition("to_")[2].partition("(")[0] for step in steps} - {""}
    if gap is not None:
        used |= {"buffer", "length", "size", "scratch"}
    symbol = call.symbol if machine.target.registers == WIDE else None
    routed = symbol is None and (machine.is_routed(call.call) or machine.is_split(found))
    return CallText(
        spec=call,
        comment=tuple(_comment(call, found)),
        parameters=", ".join(arg.name for arg in call.args),
        number=None if symbol or routed else found.name,
        function=f"callgate_libc_{symbol}" if symbol else f"callgate_{result}_{letters}",
        signature="" if routed else f"{result}:{letters}",
        routed=call.call if routed else None,
        result=result,
        converters=tuple(sorted(used)),
        groups=_extras(call, spec, "group"),
        types=_extras(call, spec, "type"),
        constants=tuple((name, *value) for name, value in sorted(constants.items())),
        steps=tuple(steps),
        bytes=gap,
        passed=", ".join(passed),
    )


def _letters(call: CallSpec, found: Syscall, machine: Machine) -> str:
    """Return the letters of the arguments; raises CallgateError when their number is wrong."""
    if len(call.passed) != len(found.arguments):
        names = ", ".join(item.name for item in found.arguments)
        raise CallgateError(
            f"passes {len(call.passed)} arguments, "
            f"{found.name} takes {len(found.arguments)} ({names})",
            where=call.where,
            hint='name them in the kernel\'s order: pass = ["AT_FDCWD", "path", "0"]',
        )
    by_name = {arg.name: arg for arg in call.args}
    spec, letters = machine.spec, ""
    for operand, argument in zip(call.passed, found.arguments, strict=True):
        own = by_name.get(operand)
        letters += (spec.kinds[own.kind].letter if own else None) or letter(argument, found, spec)
    return letters


def _comment(call: CallSpec, found: Syscall) -> Iterator[str]:
    """Yield what stands above a function: what it does, its page, how the kernel declares it."""
    if call.doc:
        yield from wrap(f"{call.doc} {call.man}", COMMENT_WIDTH)
    shown = ", ".join(f"{item.type} {item.name}".replace("* ", "*") for item in found.arguments)
    yield from wrap(f"{found.returns} {found.name}({shown or 'void'})", COMMENT_WIDTH)


def _extras(call: CallSpec, spec: Spec, what: str) -> tuple[str, ...]:
    return tuple(
        sorted({arg.extra for arg in call.args if arg.extra and spec.kinds[arg.kind].extra == what})
    )


def _operand(text: str, own: ArgumentSpec | None, abi: Abi, call: CallSpec) -> str:
    """Return a C argument as Lua: a variable, a number, or the name of a local constant."""
    if own is not None:
        return f"{text}_word" if own.kind in WORDS else text
    if text.startswith("sizeof("):
        name = text.removeprefix("sizeof(").removesuffix(")")
        record = abi.record.get(name)
        if record is None:
            hint = suggest(name, abi.record) or None
            raise _Absent(f"no record {name!r}", where=f"{call.where} pass", hint=hint)
        return str(record.size)
    return text


def _constant(text: str, abi: Abi, call: CallSpec) -> tuple[str, str, str]:
    """Return the variable, the value and a note for ``AT_FDCWD`` or ``O_CREAT | O_TRUNC``."""
    names = [part.strip() for part in text.split("|")]
    values = [_value(name, abi, call) for name in names]
    if len(names) == 1:
        return names[0], str(values[0]), ""
    return "OPTIONS", str(reduce(or_, values)), text


def _value(name: str, abi: Abi, call: CallSpec) -> int:
    constant = abi.constant.get(name)
    if constant is None or not isinstance(constant.value, int):
        hint = suggest(name, abi.constant) or None
        raise _Absent(f"no constant {name!r}", where=call.where, hint=hint)
    return constant.value


# --- arguments -----------------------------------------------------------------------------------


def _steps(call: CallSpec, abi: Abi, spec: Spec) -> tuple[list[Step], BytesArgument | None]:
    steps = []
    gap = None
    buffer = next((arg for arg in call.args if arg.kind == "bytes"), None)
    for position, arg in enumerate(call.args, 1):
        if arg is buffer:
            continue
        step = _step(arg, position, call, abi, spec)
        if buffer is not None and arg.kind == "length" and arg.extra == buffer.name:
            at = call.args.index(buffer) + 1
            own = f'to_buffer({buffer.name}, "{call.name}", {at}, "{buffer.name}")'
            gap = BytesArgument(buffer.name, arg.name, position, arg.default or "4096", step)
            steps.append(Step(buffer.name, own))
        else:
            steps.append(step)
    if buffer is not None and gap is None:
        raise CallgateError(
            f"{buffer.name} is of kind bytes, but no argument is its length",
            where=call.where,
            hint=f'args = ["{buffer.name}: bytes", "count: length {buffer.name}"]',
        )
    return steps, gap


def _step(arg: ArgumentSpec, position: int, call: CallSpec, abi: Abi, spec: Spec) -> Step:
    kind = spec.kinds[arg.kind]
    convert = kind.convert
    extra = {
        "group": f", {arg.extra}_names",
        "type": f", {arg.extra}_t",
        "argument": f", {arg.extra}",
        "size": f", {arg.extra}",
        None: "",
    }[kind.extra]
    if arg.added:
        convert, extra = "flags_with", f'{extra}, {arg.extra}_names("{arg.added}")'
    text = f'to_{convert}({arg.name}, "{call.name}", {position}, "{arg.name}"{extra})'
    if arg.default is not None:
        text = f"{arg.name} == nil and {_default(arg, call, abi, spec)} or {text}"
    if arg.kind in WORDS:
        return Step(f"{arg.name}_word", text, local=True)
    return Step(arg.name, text)


def _default(arg: ArgumentSpec, call: CallSpec, abi: Abi, spec: Spec) -> str:
    """Return a default as Lua; a name of the argument's group as its number."""
    text = arg.default or ""
    if spec.kinds[arg.kind].extra != "group" or re.fullmatch(r"-?\d+", text):
        return text
    name = f"{spec.groups[arg.extra or '']['prefix']}{text.upper()}"
    return str(_value(name, abi, call))
