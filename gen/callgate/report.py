"""What the user sees of a run: stages with their time, warnings, a closing table, results.

Stages, warnings and the table go to standard error, results to standard output. A terminal gets
progress bars and colour, anything else (a file, NO_COLOR, TERM=dumb) plain lines.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console
    from rich.progress import Progress, TaskID

WIDTH = 80  # columns that the table may take
PLAIN_SECONDS = 10.0  # between two lines of progress where no bar can be drawn


def counted(count: int, what: str) -> str:
    """Return ``1 header``, ``2,000 headers``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


@dataclass(slots=True)
class Stage:
    """One step of a run."""

    name: str  # ex) "parse"
    what: str  # ex) "uapi headers"
    seconds: float = 0.0  # known once it has ended
    count: str = ""  # ex) "976 headers, 7,781 declarations"
    _display: _Display | None = field(default=None, repr=False)

    def detail(self, text: str) -> None:
        """Say what came of it, for the closing table."""
        self.count = text

    def progress(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` parts are finished."""
        if self._display:
            self._display.progress(done, total)


class Reporter:
    """Collects and shows the stages of one run.

    ``quiet`` leaves out all but warnings, errors and results. With ``json`` the only result is the
    value given to ``data``.
    """

    def __init__(
        self, *, json: bool = False, quiet: bool = False, stream: IO[str] | None = None
    ) -> None:
        """Write to ``stream``, by default standard error; it decides between bars and lines."""
        self.json = json
        self.quiet = quiet
        self.stream = stream or sys.stderr
        self.fancy = (
            not quiet
            and self.stream.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )
        self.stages: list[Stage] = []
        self.warnings: list[str] = []

    @contextlib.contextmanager
    def stage(self, name: str, what: str = "", *, live: bool = True) -> Iterator[Stage]:
        """Time the block as a stage; not ``live`` when it writes to the terminal itself."""
        display: _Display | None = None
        if live and not self.quiet:
            display = _Bar(self.console(), name) if self.fancy else _Lines(self.stream, name)
        stage = Stage(name, what, _display=display)
        self.stages.append(stage)
        start = time.monotonic()
        outcome = ""
        try:
            yield stage
        except Exception:
            outcome = "failed"
            raise
        except BaseException:
            outcome = "interrupted"
            raise
        finally:
            stage.seconds = time.monotonic() - start
            if display:
                display.close()
            if outcome != "interrupted":  # whoever ends the run then says so, in one line
                self._ended(stage, outcome or stage.count)

    def note(self, text: str) -> None:
        """Print a line about the run."""
        if not self.quiet:
            print(text, file=self.stream)

    def warn(self, text: str) -> None:
        """Print and keep a warning."""
        self.warnings.append(text)
        print(f"warning: {text}", file=self.stream)

    def result(self, text: str) -> None:
        """Print a line of the result, unless a program asked for JSON."""
        if not self.json:
            print(text, flush=True)

    def data(self, value: Any) -> None:  # noqa: ANN401 - whatever json takes
        """Print the result as JSON."""
        print(json.dumps(value, indent=2, ensure_ascii=False))

    def summary(self) -> dict[str, Any]:
        """Return ``{"stages": [{"stage", "what", "count", "seconds"}], "warnings": [text]}``."""
        rows = [
            {"stage": s.name, "what": s.what, "count": s.count, "seconds": round(s.seconds, 3)}
            for s in self.stages
        ]
        return {"stages": rows, "warnings": list(self.warnings)}

    def table(self) -> None:
        """Print the closing table: every stage, what came of it and how long it took."""
        if self.quiet or not self.stages:
            return
        rows = [(s.name, s.what, s.count, f"{s.seconds:.2f} s") for s in self.stages]
        total = sum(s.seconds for s in self.stages)
        self.print_table(
            ("stage", "what", "count", "time"), rows, ("total", "", "", f"{total:.2f} s")
        )

    def print_table(
        self,
        header: tuple[str, ...],
        rows: Sequence[tuple[str, ...]],
        footer: tuple[str, ...] | None = None,
        *,
        stream: IO[str] | None = None,
    ) -> None:
        """Print ``rows`` under ``header`` within 80 columns, wrapping all but the outer columns."""
        from rich import box, table  # noqa: PLC0415 - 50 ms that most commands need not spend

        shown = table.Table(box=box.SIMPLE, show_footer=footer is not None, pad_edge=False)
        for index, title in enumerate(header):
            last = index == len(header) - 1
            shown.add_column(
                title,
                footer[index] if footer else "",
                no_wrap=index == 0,
                justify="right" if last and footer else "left",
                overflow="fold",
            )
        for row in rows:
            shown.add_row(*(_literal(cell) for cell in row))
        self.console(stream).print(shown)

    def console(self, stream: IO[str] | None = None) -> Console:
        """Return a rich console on ``stream``, by default the reporter's."""
        from rich.console import Console  # noqa: PLC0415 - as above

        return Console(
            file=stream or self.stream,
            width=WIDTH,
            force_terminal=self.fancy and stream is None,
            no_color=not self.fancy,
            markup=False,
            highlight=False,
        )

    def _ended(self, stage: Stage, outcome: str) -> None:
        if self.quiet:
            return
        subject = f"{stage.name} {stage.what}".rstrip()
        said = f"{subject}: {outcome}" if outcome else subject
        self.note(f"{said} ({stage.seconds:.2f} s)")


class _Lines:
    """Progress where no bar can be drawn: a line now and then."""

    def __init__(self, stream: IO[str], name: str) -> None:
        self.stream = stream
        self.name = name
        self.last = time.monotonic()

    def progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self.last >= PLAIN_SECONDS:
            self.last = now
            print(f"{self.name}: {done:,} of {total:,}", file=self.stream)

    def close(self) -> None:
        """Nothing is left on the screen to remove."""


class _Bar:
    """A rich progress bar, redrawn by the caller's thread.

    rich's own refresh thread would be forked into worker processes together with its lock.
    """

    def __init__(self, console: Console, name: str) -> None:
        from rich import progress  # noqa: PLC0415 - as above

        self.bar: Progress = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            console=console,
            transient=True,
            auto_refresh=False,
        )
        self.task: TaskID = self.bar.add_task(name, total=None)
        self.bar.start()

    def progress(self, done: int, total: int) -> None:
        self.bar.update(self.task, completed=done, total=total, refresh=True)

    def close(self) -> None:
        self.bar.stop()


_Display = _Lines | _Bar


def _literal(text: str) -> Any:  # noqa: ANN401 - rich is imported late
    from rich.text import Text  # noqa: PLC0415 - as above

    return Text(text)
