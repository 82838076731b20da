"""C compilers as witnesses: they compile the questions, and the object file holds the answers."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from callgate.errors import CallgateError
from callgate.headers.compiler import first_errors
from callgate.verify import ccode
from callgate.verify.objects import DataObjects, extent, floating, read_objects

if TYPE_CHECKING:
    from callgate.headers.trees import HeaderTree
    from callgate.targets import Target
    from callgate.verify.questions import Question, Sheet, Value

ATTEMPTS = 4  # each drops every question that the one before it rejected
PREFIX = "callgate_"
REJECTED = re.compile(
    rf"^{re.escape(ccode.FILE)}:(\d+)(?::\d+)?: (?:fatal )?error: (.*)$", re.MULTILINE
)

Answer = tuple["Value", ...] | str  # the facts; a text says why there are none


@dataclass(frozen=True)
class Compiler:
    """A C compiler that reads a target's headers."""

    name: str  # ex) "clang", "gcc"
    tree: HeaderTree
    preamble: str = ""  # stands before everything
    x87: bool = False  # its long double is the 80-bit format

    def answer(self, sheet: Sheet, macros: frozenset[str]) -> list[Answer]:
        """Return the answer to each question of ``sheet``, in order.

        Raises CallgateError when the unit's headers themselves do not compile, so that nothing can
        be asked.
        """
        spec = self.tree.unit(sheet.unit.partition(":")[0])
        header = sheet.header or sheet.unit.partition(":")[2]
        if header:
            spec = replace(spec, first=(), discover=(), through=(), include=(header,))
        preamble = self.preamble + self.tree.source(spec)
        rejected: dict[int, str] = {}
        with tempfile.TemporaryDirectory(prefix="callgate-") as folder:
            output = Path(folder) / "answers.o"
            for _ in range(ATTEMPTS):
                text = ccode.source(preamble, sheet.questions, rejected, macros)
                run = self.tree.compile(spec, text, output)
                if run.status == 0:
                    found = read_objects(output, PREFIX)
                    return self._read(found, sheet.questions, rejected)
                new = {
                    int(match[1]) - 1: match[2].strip()
                    for match in reversed(list(REJECTED.finditer(run.errors)))
                }
                if not new.keys() - rejected.keys():
                    break
                rejected |= new
        raise CallgateError(
            f"{self.name} does not compile the headers:\n  {first_errors(run.errors)}",
            where=f"unit {sheet.unit}" + (f", {header} alone" if header else ""),
        )

    def _read(
        self, found: DataObjects, asked: tuple[Question, ...], rejected: dict[int, str]
    ) -> list[Answer]:
        streams = {part: iter(found.numbers(name)) for part, name in ccode.ARRAYS.items()}
        answers: list[Answer] = []
        for index, question in enumerate(asked):
            part = ccode.region(question)
            if index in rejected:
                answers.append(f"rejected: {rejected[index]}")
            elif part in streams:
                answers.append(tuple(next(streams[part]) for _ in question.facts))
            else:
                answers.append(self._object(found, index, question.kind))
        return answers

    def _object(self, found: DataObjects, index: int, kind: str) -> Answer:
        name = ccode.object_name(index)
        content = found.data[name]
        if kind == "string":
            return content[:-1].decode("latin-1"), len(content)
        if kind == "float":
            value = floating(content, big_endian=found.big_endian, x87=self.x87)
            return value, len(content)
        run = extent(content, big_endian=found.big_endian)
        if run is None:
            return f"its bits are not in one run: {content.hex()}"
        return (*run, found.data[name + ccode.SIGN][0])


def compilers(target: Target, tree: HeaderTree) -> list[Compiler]:
    """Return the tree's own compiler, and the target's gcc where one is installed."""
    x87 = target.arch in {"x86_64", "i386"}
    found = [Compiler("clang" if tree.is_clang else tree.compiler[0], tree, x87=x87)]
    for program in target.gcc:
        if tree.is_clang and machine(program) == target.gcc_machine:
            second = replace(tree, name="gcc", compiler=(program,), is_clang=False)
            # What zig's driver defines for the version of glibc that the target names.
            minor = re.search(r"-gnu\w*\.2\.(\d+)", target.zig) if tree.name == "bundle" else None
            preamble = f"#define __GLIBC_MINOR__ {minor[1]}\n" if minor else ""
            found.append(Compiler("gcc", second, preamble, x87))
            break
    return found


def machine(program: str) -> str | None:
    """Return the machine that an installed GCC compiles for, or None where it is not installed."""
    try:
        done = subprocess.run(
            [program, "-dumpmachine"], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
