"""Asking the witnesses about many targets, side by side, what several share only once."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from callgate.forked import Forked, Queue
from callgate.verify.compilers import compilers
from callgate.verify.exclusions import load_exclusions
from callgate.verify.memory import Memory
from callgate.verify.run import ask, runs_here, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from callgate.headers.trees import HeaderTree
    from callgate.pipeline import Parsed
    from callgate.targets import Target
    from callgate.verify.exclusions import Exclusion
    from callgate.verify.verification import Verification

WATCH_SECONDS = 0.2  # between two looks at how far the workers are


@dataclass(frozen=True)
class Task:
    """One target to ask about."""

    target: Target
    tree: HeaderTree
    parsed: Parsed


@dataclass(frozen=True)
class _Answer:
    """What a worker found for one target."""

    outcome: Verification
    versions: dict[str, int]
    used: frozenset[Exclusion]


def verify_all(
    tasks: Sequence[Task],
    data: Path,
    library: Path,
    every: Sequence[Target],
    *,
    jobs: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Verification]:
    """Ask the witnesses about each target; ``data`` is the folder of exclusions.toml.

    Compilers are asked about all, LuaJIT about the ``library``'s part for this machine, which is of
    the first target of ``every`` that there is. An exclusion that covers nothing on any of the
    targets that it names is unused, in the outcome of one of them. Raises CallgateError when the
    witnesses of a target cannot be asked at all.
    """
    own = next((item for item in every if runs_here(item)), None)
    groups = _groups(tasks)
    queue = Queue(len(groups))
    count = max(1, min(jobs or os.cpu_count() or 1, len(groups)))
    threads = 1 if count > 1 else jobs

    def work() -> list[_Answer]:
        found = []
        for number in queue:
            memory = Memory()
            for task in groups[number]:
                lua = library if task.target == own else None
                found.append(_answer(task, data, lua, memory, jobs=threads))
                queue.count()
        return found

    workers = [Forked(work) for _ in range(count)]
    answers: dict[str, _Answer] = {}
    for worker in workers:
        while not worker.has_ended(WATCH_SECONDS):
            progress(queue.done, len(tasks))
        answers |= {item.outcome.target: item for item in worker.result()}
    progress(queue.done, len(tasks))
    names = [item.name for item in every]
    return _judged([answers[task.target.name] for task in tasks], data, names)


def _groups(tasks: Sequence[Task]) -> list[list[Task]]:
    """Return the targets of each machine together, those that take longest first."""
    groups: dict[object, list[Task]] = defaultdict(list)
    for task in tasks:
        groups[task.target.arch, task.target.data_model].append(task)
    return sorted(groups.values(), key=len, reverse=True)


def _answer(
    task: Task, data: Path, library: Path | None, memory: Memory, *, jobs: int | None
) -> _Answer:
    exclusions = load_exclusions(data / "exclusions.toml")
    found = compilers(task.target, task.tree)
    outcome = ask(
        task.target, task.parsed.abi, found, library, exclusions, jobs=jobs, memory=memory
    )
    return _Answer(outcome, versions(found, library=library is not None), exclusions.used)


def _judged(answers: list[_Answer], data: Path, every: Collection[str]) -> list[Verification]:
    """Put each exclusion that nobody used to the first target that it is for."""
    exclusions = load_exclusions(data / "exclusions.toml")
    for item in answers:
        exclusions.use(item.used)
    asked = {item.outcome.target: item.versions for item in answers}
    left = list(exclusions.unused(asked, every))
    outcomes = []
    for number, item in enumerate(answers):
        is_last = number == len(answers) - 1
        own = tuple(row for row in left if row.is_for(item.outcome.target) or is_last)
        left = [row for row in left if row not in own]
        outcomes.append(replace(item.outcome, unused=own))
    return outcomes
