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
from callgate.emit.infer import inferred_calls
from callgate.emit.machine import WIDE, AbsentError, Machine
from callgate.emit.merge import Variants
from callgate.emit.prototypes import emit_prototypes
from callgate.emit.signature import letter
from callgate.errors import CallgateError
from callgate.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from callgate.model import Abi, Syscall
    from callgate.spec.model import ArgumentSpec, CallSpec, Spec
    from callgate.targets import Target

COMMENT_WIDTH = 116  # with "-- ", within the 120 columns of the Lua code
# Converters of args.lua -> the table with what they have found good, and where it is. What it holds
# needs no call: in the interpreter one costs as much as ten table accesses (runtime/known.lua).
KNOWN = {
    "fd": ("known_fd", "known.descriptors"),
    "path": ("known_path", "known.paths"),
    "data": ("known_rooms", "known.rooms"),
    "choice": ("{extra}_one", "{extra}_names[1].one"),
    "flags": ("{extra}_memo", "{extra}_names[1].memo"),
    "out": ("known_{extra}", "known.records({extra}_t)"),
    "record": ("known_{extra}", "known.records({extra}_t)"),
}
OTHERWISE = {"out", "record", "data"}  # whose entries do not take the argument's place
# Converters whose result must not replace the object that it stands for -> how its variable ends:
# before the call has returned nothing may be freed or closed because nobody else holds it.
BESIDE = {
    "address": "_word",
    "word": "_word",
    "path": "_text",
    "fd": "_number",
    "dirfd": "_number",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a generated function: what an argument becomes before the call."""

    name: str  # the argument, ex) "flags"
    expression: str  # its value
    variable: str = ""  # what holds it; ex) "path_text" where the argument itself must live on
    known: str = ""  # unless this holds, ex) "known_stat[st]": the variable's value if it does

    @property
    def local(self) -> bool:
        """Whether the variable is a new one."""
        return self.variable != self.name


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
    signature: str  # ex) "i:ipz"
    result: str  # its letter
    converters: tuple[str, ...]  # functions of args.lua that it uses
    groups: tuple[str, ...]
    types: tuple[str, ...]
    lookups: tuple[tuple[str, str], ...]  # a table of arguments known to be good, and where it is
    constants: tuple[tuple[str, str, str], ...]  # name, value, note: ex) ("AT_FDCWD", "-100", "")
    steps: tuple[Step, ...]
    bytes: BytesArgument | None
    passed: str  # the C arguments after the number


Families = dict[str, dict[str, list[tuple["CallText", list[str]]]]]  # family, call: text, for whom


def emit_calls(
    abis: Mapping[str, Abi], spec: Spec, targets: Mapping[str, Target]
) -> dict[str, str]:
    """Return ``path -> text`` of calls/, prototypes.lua and routes.lua.

    Both mappings have one entry for each architecture, by LuaJIT's name. A function whose text
    differs between architectures is written for each set of them. Raises CallgateError when a row
    names a system call, constant, header or record that no architecture has.
    """
    families: Families = defaultdict(lambda: defaultdict(list))
    inferred: dict[str, CallSpec] = {}  # by name, as the first architecture has it
    missing: dict[str, CallgateError | None] = {}  # None where some architecture has the call
    machines = [Machine(arch, abi, spec, targets[arch]) for arch, abi in abis.items()]
    for machine in machines:
        own = inferred_calls(machine)
        for call in own:
            inferred.setdefault(call.name, call)
        for call in (*spec.calls, *own):
            try:
                _add(call, machine, families)
                missing[call.name] = None
            except AbsentError as error:
                missing.setdefault(call.name, error)
    for lacking in missing.values():
        if lacking is not None:
            raise lacking
    variants = Variants((arch, "") for arch in abis)
    files = {
        f"calls/{family}.lua": render(
            "calls.lua.j2", family=family, calls=_on(calls, variants), groups=calls
        )
        for family, calls in sorted(families.items())
    }
    files["calls/index.lua"] = _index((*spec.calls, *(inferred[name] for name in sorted(inferred))))
    return files | emit_prototypes(machines, spec)


def _add(call: CallSpec, machine: Machine, families: Families) -> None:
    """Add a call's text on one architecture to its family, once for all that have the same."""
    if call.behaviour:
        machine.syscall(call)
        return
    text = _call_text(_shortest(call, machine), machine)
    known = families[call.family][call.name]
    for other, archs in known:
        if replace(other, comment=()) == replace(text, comment=()):
            archs.append(machine.arch)
            return
    known.append((text, [machine.arch]))


def _shortest(call: CallSpec, machine: Machine) -> CallSpec:
    """Return the row with its short call where the machine has that: an argument less costs less.

    Records of such calls are the same only where there never was a narrower form of them.
    """
    wide = machine.target.registers == WIDE and not machine.is_routed(call.call)
    if call.short is None or not wide or not machine.has(call.short):
        return call
    return replace(call, call=call.short, passed=call.short_passed)


def _on(
    calls: dict[str, list[tuple[CallText, list[str]]]], variants: Variants
) -> list[tuple[str, CallText]]:
    """Return each text of a family with the words for its architectures, "" for all."""
    every = len(variants.kernel)
    return [
        (
            "" if len(archs) == every else variants.words([(arch, "") for arch in archs], "uapi"),
            text,
        )
        for groups in calls.values()
        for text, archs in groups
    ]


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


def _call_text(call: CallSpec, machine: Machine) -> CallText:
    abi, spec = machine.abi, machine.spec
    found = machine.syscall(call)
    letters = "" if machine.written(call.call) else _letters(call, found, machine)
    constants: dict[str, tuple[str, str]] = {}
    by_name = {arg.name: arg for arg in call.args}
    symbol = call.symbol if machine.target.registers == WIDE else None
    routed = symbol is None and (machine.is_routed(call.call) or machine.is_split(found))
    steps, gap = _steps(call, abi, spec, routed=routed)
    variables = {step.name: step.variable for step in steps}
    passed = []
    for operand in call.passed:
        own = by_name.get(operand)
        if own is None and operand[0].isupper():
            name, value, note = _constant(operand, abi, call)
            constants[name] = (value, note)
            passed.append(name)
        else:
            passed.append(variables.get(operand) or _operand(operand, abi, call))
    result = "l" if spec.inference.is_wide(found.name) else spec.results[call.returns].letter
    used = {match[1] for step in steps for match in re.finditer(r"\bto_(\w+)\(", step.expression)}
    if gap is not None:
        used |= {"buffer", "length", "size", "scratch"}
    return CallText(
        spec=call,
        comment=tuple(_comment(call, found)),
        parameters=", ".join(arg.name for arg in call.args),
        number=None if symbol or routed else found.name,
        signature="" if routed else f"{result}:{letters}",
        routed=call.call if routed else None,
        result=result,
        converters=tuple(sorted(used)),
        groups=_extras(call, spec, "group"),
        types=_extras(call, spec, "type"),
        lookups=_lookups(call, spec, gap),
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


def _lookups(call: CallSpec, spec: Spec, gap: BytesArgument | None) -> tuple[tuple[str, str], ...]:
    """Return the tables that a function looks into before it converts, and where each is."""
    found = {
        tuple(text.format(extra=arg.extra) for text in KNOWN[spec.kinds[arg.kind].convert])
        for arg in call.args
        if spec.kinds[arg.kind].convert in KNOWN and not arg.added
    }
    if gap is not None:
        found.add(("known_rooms", "known.rooms"))
    return tuple(sorted((name, place) for name, place in found))


def _operand(text: str, abi: Abi, call: CallSpec) -> str:
    """Return a C argument that is none of the function's as Lua: a number, or a word as it is."""
    if text.startswith("sizeof("):
        name = text.removeprefix("sizeof(").removesuffix(")")
        record = abi.record.get(name)
        if record is None:
            hint = suggest(name, abi.record) or None
            raise AbsentError(f"no record {name!r}", where=f"{call.where} pass", hint=hint)
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
        raise AbsentError(f"no constant {name!r}", where=call.where, hint=hint)
    return constant.value


# --- arguments -----------------------------------------------------------------------------------


def _steps(
    call: CallSpec, abi: Abi, spec: Spec, *, routed: bool
) -> tuple[list[Step], BytesArgument | None]:
    steps = []
    gap = None
    buffer = next((arg for arg in call.args if arg.kind == "bytes"), None)
    for position, arg in enumerate(call.args, 1):
        if arg is buffer:
            continue
        step = _step(arg, position, call, abi, spec)
        if step.known and routed:  # what it goes through is Lua, and may want the record itself
            step = replace(step, variable=step.name)
        if buffer is not None and arg.kind == "length" and arg.extra == buffer.name:
            at = call.args.index(buffer) + 1
            own = f'to_buffer({buffer.name}, "{call.name}", {at}, "{buffer.name}")'
            gap = BytesArgument(buffer.name, arg.name, position, arg.default or "4096", step)
            steps.append(Step(buffer.name, own, buffer.name))
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
    if convert in KNOWN:
        table = KNOWN[convert][0].format(extra=arg.extra)
        if convert in OTHERWISE:
            variable = arg.name if convert == "data" else f"{arg.name}_pointer"
            return Step(arg.name, text, variable, known=f"{table}[{arg.name}]")
        text = f"{table}[{arg.name}] or {text}"
    if arg.default is not None:
        text = f"{arg.name} == nil and {_default(arg, call, abi, spec)} or {text}"
    return Step(arg.name, text, f"{arg.name}{BESIDE.get(convert, '')}")


def _default(arg: ArgumentSpec, call: CallSpec, abi: Abi, spec: Spec) -> str:
    """Return a default as Lua; a name of the argument's group as its number."""
    text = arg.default or ""
    if spec.kinds[arg.kind].extra != "group" or re.fullmatch(r"-?\d+", text):
        return text
    name = f"{spec.groups[arg.extra or '']['prefix']}{text.upper()}"
    return str(_value(name, abi, call))
