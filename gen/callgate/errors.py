"""Errors meant for people: where, what was seen, what was expected, what to do."""

from __future__ import annotations


class CallgateError(Exception):
    """A failure the user can act on; the command prints it and exits non-zero.

    ``what`` says what was seen and what was expected, ``where`` the file, line and column (or the
    target, the option) it was seen at, and ``hint`` what to do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        """Keep the three parts apart so that callers may print or test each."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """Return ``where: what`` and, on a line of its own, the hint."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  {self.hint}" if self.hint else text
