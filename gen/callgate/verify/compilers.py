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
    from callgate.verify.questions import Question, Sheet
    from callgate.verify.verification import Answer

ATTEMPTS = 4  # each drops every question that the one before it rejected
PREFIX = "callgate_"
REJECTED = re.compile(
    rf"^{re.escape(ccode.FILE)}:(\d+)(?::\d+)?: (?:fatal )?error: (.*)$", re.MULTILINE
)
X87 = {"x86_64", "i386"}  # whose long double is the 80-bit format

# Before C23 a program gets the word from <stdbool.h>, which some UAPI headers leave to it.
BOOL = "#if __STDC_VERSION__ <= 202000L\n#define bool _Bool\n#endif\n"


@dataclass(frozen=True)
class Compiler:
    """A C compiler that reads a target's headers."""

    name: str  # ex) "clang", "gcc"
    tree: HeaderTree  # with this compiler

    @property
    def version(self) -> int:
        """Return its major version, 0 where it tells none."""
        found = re.search(r"\b(\d+)\.\d+", self.tree.version)
        return int(found[1]) if found else 0

    def answer(self, sheet: Sheet, macros: frozenset[str]) -> list[Answer]:
        """Return the answer to each question of ``sheet``, in order.

        ``macros`` are the names of the model's macros. Raises CallgateError when the unit's
        headers themselves do not compile, so that nothing can be asked.
        """
        spec = self.tree.unit(sheet.unit)
        if sheet.header:
            spec = replace(
                spec, first=(), discover=(), through={}, alone={}, excluded={},
                include=(sheet.header,),
            )  # fmt: skip
        preamble = BOOL + self.tree.source(spec)
        rejected: dict[int, str] = {}
        with tempfile.TemporaryDirectory(prefix="callgate-") as folder:
            output = Path(folder) / "answers.o"
            for _ in range(ATTEMPTS):
                text = ccode.source(preamble, sheet.questions, rejected, macros)
                run = self.tree.compile(spec, text, output)
                if run.status == 0:
                    found = read_objects(output, PREFIX)
                    return self._read(found, sheet.questions, rejected)
                new = _rejected(run.errors)
                if not new.keys() - rejected.keys():
                    break
                rejected |= new
        elsewhere = [line for line in run.errors.splitlines() if not line.startswith(ccode.FILE)]
        said = first_errors("\n".join(elsewhere) or run.errors)
        raise CallgateError(f"{self.name} does not compile the unit:\n  {said}")

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
            x87 = self.tree.target.arch in X87
            return floating(content, big_endian=found.big_endian, x87=x87), len(content)
        run = extent(content, big_endian=found.big_endian)
        if run is None:
            return f"its bits are not in one run: {content.hex()}"
        return (*run, found.data[name + ccode.SIGN][0])


def _rejected(errors: str) -> dict[int, str]:
    """Return the index of each question that the messages name, and what they say first of it."""
    found: dict[int, str] = {}
    for match in REJECTED.finditer(errors):
        found.setdefault(int(match[1]) - 1, match[2].strip())
    return found


def compilers(target: Target, tree: HeaderTree) -> list[Compiler]:
    """Return the tree's own compiler, and for the bundle the target's gcc where one is installed.

    A sysroot is asked of the compiler that it was read with: its headers answer each compiler's
    predefined macros differently.
    """
    found = [Compiler("clang" if tree.is_clang else "gcc", tree)]
    if tree.name != "bundle":
        return found
    for program in target.gcc:
        if machine(program) == target.gcc_machine:
            found.append(Compiler("gcc", tree.with_compiler(program)))
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
