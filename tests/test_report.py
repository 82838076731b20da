"""What the user sees of a run."""

from __future__ import annotations

import io
import json

import pytest

from callgate import report as module
from callgate.report import Reporter


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Claim it."""
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal that can do colours."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def _run(report: Reporter) -> None:
    with report.stage("parse", "uapi headers") as stage:
        stage.progress(1, 2)
        stage.detail("976 headers")
    with report.stage("write"):
        pass


class TestStages:
    """Stages as they end."""

    def test_plain(self) -> None:
        """Where there is no terminal a stage is one line: name, subject, what came of it, time."""
        stream = io.StringIO()
        _run(Reporter(stream=stream))
        first, second = stream.getvalue().splitlines()
        assert first.startswith("parse uapi headers: 976 headers (")
        assert second.startswith("write (")
        assert "\x1b" not in stream.getvalue()

    def test_terminal(self, terminal: Terminal) -> None:
        """A terminal gets a bar that is gone when the stage has ended."""
        _run(Reporter(stream=terminal))
        assert "1/2" in terminal.getvalue()
        assert "\x1b[2K" in terminal.getvalue(), "the bar's line is erased"
        assert "parse uapi headers: 976 headers (" in terminal.getvalue()

    @pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
    def test_plain_terminal(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        """NO_COLOR and TERM=dumb ask for plain lines on a terminal too."""
        monkeypatch.setenv(name, value)
        report = Reporter(stream=terminal)
        _run(report)
        report.table()
        assert "\x1b" not in terminal.getvalue()

    def test_quiet(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A quiet run shows warnings and results only."""
        report = Reporter(quiet=True)
        _run(report)
        report.note("note")
        report.table()
        report.warn("odd")
        report.result("done")
        assert capsys.readouterr() == ("done\n", "warning: odd\n")

    def test_plain_progress(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where no bar can be drawn, progress is a line now and then."""
        stream = io.StringIO()
        report = Reporter(stream=stream)
        with report.stage("verify") as stage:
            stage.progress(1, 3000)
            monkeypatch.setattr(module, "PLAIN_SECONDS", 0)
            stage.progress(2000, 3000)
        assert stream.getvalue().splitlines()[0] == "verify: 2,000 of 3,000"

    def test_failing(self) -> None:
        """A stage that fails says so, and the exception goes on."""
        stream = io.StringIO()
        with pytest.raises(ValueError, match="x"), Reporter(stream=stream).stage("parse"):
            raise ValueError("x")
        assert stream.getvalue().startswith("parse: failed (")

    def test_interrupted(self, terminal: Terminal) -> None:
        """An interrupted stage removes its bar and leaves the closing word to the command."""
        with pytest.raises(KeyboardInterrupt), Reporter(stream=terminal).stage("parse"):
            raise KeyboardInterrupt
        assert "failed" not in terminal.getvalue()
        assert "\x1b[?25h" in terminal.getvalue(), "the cursor is shown again"


class TestTable:
    """The closing table."""

    def test_fits(self) -> None:
        """However long the texts are, no line exceeds 80 columns and nothing is cut off."""
        report = Reporter(stream=io.StringIO())
        with report.stage("parse", "headers " * 8) as stage:
            stage.detail(" ".join(f"{n}" for n in range(40)))
        report.stream = stream = io.StringIO()
        report.table()
        lines = stream.getvalue().splitlines()
        assert max(map(len, lines)) <= 80
        words = stream.getvalue().split()
        assert {"stage", "what", "count", "time", "parse", "total", "39"} <= set(words)
        assert words.count("headers") == 8

    def test_literal(self) -> None:
        """Square brackets are text, not markup."""
        report = Reporter(stream=io.StringIO())
        with report.stage("parse", "a[bold]b"):
            pass
        report.stream = stream = io.StringIO()
        report.table()
        assert "a[bold]b" in stream.getvalue()

    def test_no_stages(self) -> None:
        """Without stages there is no table."""
        stream = io.StringIO()
        Reporter(stream=stream).table()
        assert stream.getvalue() == ""


class TestJson:
    """Output for programs."""

    def test_only_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Standard output holds the JSON document and nothing else."""
        report = Reporter(json=True)
        _run(report)
        report.result("for people")
        report.data({"é": [1]})
        assert json.loads(capsys.readouterr().out) == {"é": [1]}

    def test_summary(self) -> None:
        """The summary has every stage with its time in seconds, and the warnings."""
        report = Reporter(stream=io.StringIO())
        _run(report)
        report.warn("odd")
        summary = report.summary()
        assert summary["warnings"] == ["odd"]
        assert [row["stage"] for row in summary["stages"]] == ["parse", "write"]
        assert summary["stages"][0]["count"] == "976 headers"
        assert 0 <= summary["stages"][0]["seconds"] < 60
