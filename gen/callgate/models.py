"""Making models, several targets side by side: what they share is parsed and kept once."""

from __future__ import annotations

import gc
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from callgate import cache, paths
from callgate.abi.build import Part, build_part, merge, unit_layout
from callgate.emit.macros import translate_macros
from callgate.forked import Forked, Queue
from callgate.headers.kernel import load_kernel
from callgate.parse.memo import Memo
from callgate.parse.preprocessed import Preprocessed
from callgate.parse.unit import parse_preprocessed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from callgate import tree
    from callgate.headers.trees import HeaderTree
    from callgate.model import Abi, Syscall
    from callgate.targets import Target
    from callgate.tree import Failure

    Progress = Callable[[int, int], None]

MAX_WORKERS = 4  # processes; each takes 300 MB
WATCH_SECONDS = 0.2  # between two looks at how far the workers are

Task = tuple["Target", "HeaderTree"]


@dataclass(frozen=True)
class Parsed:
    """A target's model and what could not be parsed on the way."""

    abi: Abi
    failures: tuple[Failure, ...]
    key: str  # the hash of everything the model depends on


def build_model(
    target: Target,
    kernel_version: str,
    units: Sequence[tree.Unit],
    syscalls: Sequence[Syscall],
    *,
    memo: Memo | None = None,
    jobs: int = 1,
) -> Abi:
    """Return the model of parsed units: laid out, evaluated, macros translated."""
    memo = memo or Memo()
    parts = [make_part(unit, target, memo, jobs=jobs) for unit in units]
    return merge(target, kernel_version, parts, syscalls)


def make_part(unit: tree.Unit, target: Target, memo: Memo, *, jobs: int = 1) -> Part:
    """Return what one unit adds to the model of ``target``."""
    with cache.no_collection():
        layout = unit_layout(unit, target)
        part = build_part(unit, layout, memo=memo, jobs=jobs)
        translate_macros(part, unit, layout, memo)
        return part


def target_syscalls(target: Target) -> tuple[Syscall, ...]:
    """Return the system calls of the kernel's tables; none for a kernel whose we do not have."""
    if not target.syscall_table:
        return ()
    kernel = load_kernel(paths.data_dir("headers"))
    return kernel.syscalls(target.syscall_table, target.syscall_abis)


class Sharing:
    """Equal items become one and the same, so that many models are kept and read like one."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._items: dict[object, Any] = {}
        self._by_id: dict[int, Any] = {}  # of items met as they are -> the first equal one
        self._alive: list[object] = []  # these items: no other must get their ids

    def model(self, abi: Abi) -> Abi:
        """Return ``abi`` with shared items."""
        values: dict[str, Any] = {
            item.name: self._shared(value)
            for item in fields(abi)
            if isinstance(value := getattr(abi, item.name), tuple)
        }
        values["headers"] = {unit: self._shared(names) for unit, names in abi.headers.items()}
        return replace(abi, **values)

    def forget(self) -> None:
        """Let go of the items that were replaced."""
        self._by_id.clear()
        self._alive.clear()

    def _shared(self, items: tuple[Any, ...]) -> tuple[Any, ...]:
        known = self._by_id.get
        return tuple([known(id(item)) or self._one(item) for item in items])

    def _one(self, item: Any) -> Any:  # noqa: ANN401 - of any kind, and returned as it is
        self._alive.append(item)
        shared = self._by_id[id(item)] = self._items.setdefault(item, item)
        return shared


class Maker:
    """Makes models one after the other; a unit that means the same again is not made again."""

    def __init__(self, memo: Memo) -> None:
        """``memo`` has what was parsed before, and gets what is parsed now."""
        self._memo = memo
        self._made: list[tuple[Preprocessed, Target, Part]] = []

    def model(self, target: Target, tree: HeaderTree) -> tuple[Abi, tuple[Failure, ...]]:
        """Return the target's model, and what could not be parsed."""
        parts = [self._part(target, Preprocessed.of(tree, spec)) for spec in tree.units]
        abi = merge(target, tree.kernel_version(), parts, target_syscalls(target))
        return abi, tuple(failure for part in parts for failure in part.failures)

    def _part(self, target: Target, text: Preprocessed) -> Part:
        for other, its, part in self._made:
            if its.data_model == target.data_model and text.means_the_same_as(other):
                return part
        part = make_part(parse_preprocessed(text, self._memo), target, self._memo)
        if text.spec.of == "kernel":
            self._made.append((text, target, part))
        return part


def make_models(
    tasks: Mapping[str, Task], memo: Memo, *, jobs: int, progress: Progress
) -> dict[str, Parsed]:
    """Return the model of each task under its key; neither their order nor ``jobs`` matters.

    ``memo`` has what was parsed before, and gets what is parsed now. Raises CallgateError when
    headers cannot be preprocessed at all.
    """
    groups = _groups(tasks)
    queue = Queue(len(groups))
    count = min(jobs, len(groups), MAX_WORKERS)

    def tell() -> None:
        progress(queue.done, len(tasks))

    if count <= 1:
        return _work(groups, queue, memo, tell)

    def work() -> tuple[dict[str, Parsed], dict[bytes, Any]]:
        known = memo.fresh()
        return _work(groups, queue, memo, lambda: None), memo.fresh(known)

    workers = [Forked(work) for _ in range(count)]
    found: dict[str, Parsed] = {}
    sharing = Sharing()
    for worker in workers:
        while not worker.has_ended(WATCH_SECONDS):
            tell()
        models, fresh = worker.result()
        memo.update(fresh)
        for key, parsed in models.items():
            found[key] = replace(parsed, abi=sharing.model(parsed.abi))
        sharing.forget()
    tell()
    return found


def _groups(tasks: Mapping[str, Task]) -> list[list[tuple[str, Task]]]:
    """Return the targets of each machine together: their kernel headers mean the same."""
    groups: dict[object, list[tuple[str, Task]]] = {}
    for key, task in tasks.items():
        groups.setdefault((task[0].arch, task[0].data_model), []).append((key, task))
    return list(groups.values())


def _work(
    groups: list[list[tuple[str, Task]]], queue: Queue, memo: Memo, tell: Callable[[], None]
) -> dict[str, Parsed]:
    """Make the models of one group after the other, as long as any is left for this process."""
    sharing = Sharing()
    found: dict[str, Parsed] = {}
    for number in queue:
        maker = Maker(memo)
        with cache.no_collection():
            for key, (target, tree) in groups[number]:
                abi, failures = maker.model(target, tree)
                found[key] = Parsed(sharing.model(abi), failures, key)
                queue.count()
                tell()
        del maker
        sharing.forget()
        gc.collect()  # layouts refer to themselves
        gc.freeze()  # what is left stays: it need not be looked at again
    gc.unfreeze()
    return found
