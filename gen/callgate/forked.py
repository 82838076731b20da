"""Work in processes that inherit what this one has: nothing but the result is sent."""

from __future__ import annotations

import gc
import multiprocessing
from typing import TYPE_CHECKING, Generic, TypeVar

from callgate import cache
from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

T = TypeVar("T")


class Forked(Generic[T]):
    """``work`` running in a process of its own, which ends with this one at the latest."""

    def __init__(self, work: Callable[[], T]) -> None:
        """Start at once; threads of this process do not go on in the other."""
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_run, args=(work, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def has_ended(self, seconds: float) -> bool:
        """Wait for the end, at most so long; tell whether it came."""
        return self._pipe.poll(seconds)

    def result(self) -> T:
        """Wait and return what ``work`` returned, or raise its CallgateError.

        Raises CallgateError as well when the process died; what it died of it has printed.
        """
        try:
            data = self._pipe.recv_bytes()
        except EOFError:
            self._process.join()
            raise CallgateError(
                f"a worker process died, status {self._process.exitcode}",
                hint="is there enough memory? --jobs 1 takes the least",
            ) from None
        finally:
            self._pipe.close()
        self._process.join()
        value, said = cache.loads(data)
        if said is not None:
            raise CallgateError(said[0], where=said[1], hint=said[2])
        result: T = value
        return result


class Queue:
    """Numbers from 0, each given to one of several processes; and a count of what they did."""

    def __init__(self, total: int) -> None:
        """Numbers below ``total``, none of them given yet."""
        context = multiprocessing.get_context("fork")
        self._total = total
        self._next = context.Value("i", 0)
        self._done = context.Value("i", 0)

    def __iter__(self) -> Iterator[int]:
        """Yield the next number that nobody has, until there is none."""
        while True:
            with self._next.get_lock():
                number = self._next.value
                self._next.value += 1
            if number >= self._total:
                return
            yield number

    @property
    def done(self) -> int:
        """How much is done, in all processes."""
        return int(self._done.value)

    def count(self) -> None:
        """Note that one more is done."""
        with self._done.get_lock():
            self._done.value += 1


def _run(work: Callable[[], object], pipe: Connection) -> None:
    gc.freeze()  # what is inherited stays as it is: shared with the parent
    said: tuple[str, str | None, str | None] | None = None
    value = None
    try:
        value = work()
    except KeyboardInterrupt:
        return  # the parent was interrupted as well, and says so
    except CallgateError as error:
        said = (error.what, error.where, error.hint)
    pipe.send_bytes(cache.dumps((value, said)))
