"""The names nearest to a mistyped one."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def suggest(name: str, known: Iterable[str]) -> str:
    """Return "did you mean a or b?", or "" when no known name is near, whatever their case."""
    spelled = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), list(spelled), n=3, cutoff=0.6)
    near = [spelled[each] for each in found]
    return f"did you mean {' or '.join(near)}?" if near else ""
