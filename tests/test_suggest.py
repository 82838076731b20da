"""The names nearest to a mistyped one."""

from __future__ import annotations

from callgate.suggest import suggest


def test_near() -> None:
    """Near names are offered, the nearest first."""
    known = ["targets", "test", "verify"]
    assert suggest("tagrets", known) == "did you mean targets?"
    assert suggest("tests", known) == "did you mean test or targets?"


def test_far() -> None:
    """Where no name is near, nothing is offered."""
    assert suggest("xyzzy", ["targets", "verify"]) == ""


def test_case() -> None:
    """A name in another case is the nearest one."""
    assert suggest("tiocgwinsz", ["TIOCLINUX", "TIOCGWINSZ"]).startswith("did you mean TIOCGWINSZ")
