"""How signals end a command: as exceptions, so that whatever is half-written is removed."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN = 0.01  # seconds


class Ended(SystemExit):
    """A signal that asks the process to end."""

    code: int

    def __init__(self, number: int) -> None:
        """Take the signal's number."""
        super().__init__(128 + number)


def end_by_exception() -> None:
    """Let signals that end a process unwind it, so that half-written files are removed.

    SIGINT, too: after a KeyboardInterrupt in code that exec() runs (dataclasses do) Python itself
    ends by the signal, whatever was caught (pythonrun.c: run_eval_code_obj).

    Worker processes end at once: only their parent has something to clean up and to say.
    """

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        raise Ended(number)

    for number in ENDING:
        usual = (signal.SIG_DFL, signal.default_int_handler)
        if signal.getsignal(number) in usual:  # leave nohup's SIG_IGN alone
            signal.signal(number, end)

    # Where Python cannot pass an exception on (a hook of fork, a finalizer), it prints and drops
    # it, and the process would go on: this one is raised again, a moment later.
    dropped = sys.unraisablehook

    def again(what: sys.UnraisableHookArgs) -> None:
        if isinstance(what.exc_value, Ended):
            number = what.exc_value.code - 128
            signal.signal(signal.SIGALRM, lambda _number, frame: end(number, frame))
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
        else:
            dropped(what)

    sys.unraisablehook = again

    def begin_worker() -> None:
        for number in ENDING:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    # blocked meanwhile: a signal between fork and begin_worker would be lost on the worker, and its
    # parent would wait for it forever
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ENDING),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING),
        after_in_child=begin_worker,
    )
