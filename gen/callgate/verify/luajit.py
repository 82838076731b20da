"""LuaJIT as a witness: it loads the library as written and says what its programs would see.

The driver is witness.lua beside this module. A VM holds 65,536 C types, fields included
(lj_ctype.h: CTID_MAX), so records are asked in several processes.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import luajit
from callgate.emit.names import RecordNames, library_unit
from callgate.errors import CallgateError
from callgate.model import Address, Constant, Location, Record, Scalar, Syscall, Typedef
from callgate.verify.questions import KERNEL_UNIT, Declared, Member, Question, arrays, depth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from callgate.model import Abi, TypeRef
    from callgate.verify.questions import Value
    from callgate.verify.verification import Answer

NAME = "luajit"
DRIVER = Path(__file__).with_name("witness.lua")
SECONDS = 120  # for one process; the largest takes 0.5
TYPES_PER_PROCESS = 20_000  # C types asked for in one VM: what they contain comes on top
TYPES_PER_FUNCTION = 4  # of those asked for: a pointer, its target, the function
EXACT = 8  # bytes of the largest scalar that Lua knows; greater ones are handed out as arrays
LOWERED = {"complex"}  # ... and so are these, of any size


Row = tuple[Question, str]  # and its line for the driver


@dataclass(frozen=True, slots=True)
class Batch:
    """What one process is asked: each question and its line for the driver."""

    questions: tuple[Question, ...]
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return the file that the driver reads."""
        return "\n".join([*self.lines, ""])


def batches(abi: Abi, asked: Sequence[Question]) -> list[Batch]:
    """Return the questions about the library that ``abi`` was written as.

    ``asked`` are the model's questions; those that make sense to Lua are asked of it again.
    """
    names = RecordNames(abi)
    first = [*_modules(abi, asked), *_names(asked), *_numbers(abi, asked), *_typedefs(asked)]
    return _batches(first, _records(asked, names.of))


def bound_batches(asked: Sequence[Question]) -> list[Batch]:
    """Return the questions about a bound file (callgate bind), of whose model ``asked`` are."""
    functions = list(_declared(asked))
    step = TYPES_PER_PROCESS // TYPES_PER_FUNCTION
    parts = [functions[at : at + step] for at in range(0, len(functions), step)]
    others = _batches([*_names(asked), *_typedefs(asked)], _records(asked, RecordNames.plain))
    return [*map(_batch, parts), *others]


def _batches(first: Sequence[Row], groups: Iterable[Sequence[Row]]) -> list[Batch]:
    """Return a batch of the ``first`` rows, and the groups of rows in as many as they need."""
    parts: list[list[Row]] = [list(first)]
    room = 0
    for group in groups:
        if room < len(group):
            parts.append([])
            room = TYPES_PER_PROCESS
        parts[-1].extend(group)
        room -= len(group)
    return [_batch(part) for part in parts if part]


def _batch(rows: Sequence[Row]) -> Batch:
    return Batch(tuple(item for item, _ in rows), tuple(line for _, line in rows))


def answer(batch: Batch, library: Path, bound: Path | None = None) -> list[Answer]:
    """Ask this machine's LuaJIT about the library below ``library``, or about a ``bound`` file.

    Raises CallgateError when it cannot be run or breaks off.
    """
    with tempfile.TemporaryDirectory(prefix="callgate-") as folder:
        path = Path(folder) / "questions.txt"
        path.write_text(batch.text, encoding="utf-8")
        try:
            done = subprocess.run(
                [*luajit.interpreter(), str(DRIVER), str(path), *([str(bound)] if bound else [])],
                env=luajit.environment(library),
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise CallgateError(f"LuaJIT did not finish within {SECONDS} s") from error
    return read(batch, done.stdout, done.stderr, done.returncode, where=str(library))


def read(batch: Batch, stdout: str, stderr: str, status: int | None, *, where: str) -> list[Answer]:
    """Return what the driver answered to ``batch``; raises CallgateError if it broke off."""
    lines = stdout.splitlines()
    if status != 0 or len(lines) != len(batch.lines):
        ended = "its time ran out" if status is None else f"exit status {status}"
        said = stderr.strip() or ended
        near = batch.lines[min(len(lines), len(batch.lines) - 1)].replace("\t", " ")
        raise CallgateError(f"LuaJIT broke off at {near!r}: {said}", where=where)
    return [
        _decode(line, len(question.facts))
        for question, line in zip(batch.questions, lines, strict=True)
    ]


def version() -> str:
    """Return the version of the LuaJIT that is asked, and how it is started."""
    command = luajit.interpreter()
    done = subprocess.run(
        [*command, "-e", "io.write(jit.version)"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    return f"{' '.join(command)} {done.stdout}"


def _decode(line: str, facts: int) -> Answer:
    if line.startswith("!"):
        return line[1:]
    words = line.split("\t")
    if len(words) != facts:
        return f"it answers {len(words)} facts, not {facts}: {line!r}"
    return tuple(map(_value, words))


def _value(word: str) -> Value:
    kind, text = word[0], word[1:]
    if kind == "i":
        return int(text)
    return float(text) if kind == "f" else bytes.fromhex(text).decode("latin-1")


# --- questions -----------------------------------------------------------------------------------


def _modules(abi: Abi, asked: Sequence[Question]) -> Iterator[tuple[Question, str]]:
    """Each header's module: how many items it has, and its constants."""
    constants: dict[tuple[str, str], list[Question]] = defaultdict(list)
    for question in asked:
        if isinstance(question.subject, Constant):
            constants[_module(question.location)].append(question)
    records = Counter(_module(record.location) for record in abi.records)
    for module in sorted({*constants, *records}):
        header = "/".join(module)
        names = {question.name for question in constants[module]}
        place, facts = Location(*module, 0), ("constants", "records")
        counts = (len(names), records[module])
        yield Question("module", header, place, facts, counts), f"module\t{header}"
        for question in constants[module]:
            yield _value_only(question, question.kind), f"constant\t{question.name}"


def _names(asked: Sequence[Question]) -> Iterator[tuple[Question, str]]:
    """Each constant's plain name, through the index."""
    for question in asked:
        if isinstance(question.subject, Constant) and question.subject.primary:
            yield _value_only(question, "name"), f"name\t{question.name}"


def _value_only(question: Question, kind: str) -> Question:
    value = question.expected[0]
    return Question(kind, question.name, question.location, ("value",), (value,), question.subject)


def _numbers(abi: Abi, asked: Sequence[Question]) -> Iterator[tuple[Question, str]]:
    place = Location(KERNEL_UNIT, "asm/unistd.h", 0)
    counts = (len(abi.syscalls),)
    yield Question("module", "numbers", place, ("system calls",), counts), "numbers"
    for question in asked:
        if isinstance(question.subject, Syscall):
            yield question, f"number\t{question.name}"


def _typedefs(asked: Sequence[Question]) -> Iterator[tuple[Question, str]]:
    for question in asked:
        item = question.subject
        if isinstance(item, Typedef) and item.primary and "size" in question.facts:
            kept = _unsigned(question, item.type)
            yield kept, "\t".join(["typedef", item.name, *kept.facts[2:]])


def _declared(asked: Sequence[Question]) -> Iterator[tuple[Question, str]]:
    for question in asked:
        if isinstance(question.subject, Declared):
            yield question, f"declaration\t{question.name}"
        elif isinstance(question.subject, Address):
            yield question, f"address\t{question.name}"


def _records(
    asked: Sequence[Question], name_of: Callable[[Record], str]
) -> Iterator[list[tuple[Question, str]]]:
    """Yield each record's questions together."""
    group: list[tuple[Question, str]] = []
    for question in asked:
        subject = question.subject
        if isinstance(subject, Record):
            if group:
                yield group
            group = [(question, f"record\t{name_of(subject)}")]
        elif isinstance(subject, Member):
            group.append(_field(question, subject))
    if group:
        yield group


def _field(question: Question, member: Member) -> tuple[Question, str]:
    if question.kind == "bit-field":
        return question, f"bits\t{member.path}"
    kind = member.field.type
    question = _unsigned(question, arrays(kind)[1])
    parts = [
        f"{fact.split()[0]}:{depth(fact, kind)}" for fact in question.facts if fact != "offset"
    ]
    return question, "\t".join(["field", member.path, *parts])


def _unsigned(question: Question, kind: TypeRef) -> Question:
    """Leave out the signedness, always the last fact, of what Lua sees as an array."""
    if question.facts[-1] == "signed" and _is_lowered(kind):
        return replace(question, facts=question.facts[:-1], expected=question.expected[:-1])
    return question


def _is_lowered(kind: TypeRef) -> bool:
    return isinstance(kind, Scalar) and (kind.kind in LOWERED or kind.size > EXACT)


def _module(place: Location) -> tuple[str, str]:
    return library_unit(place.unit), place.header
