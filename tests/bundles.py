"""Bundles of headers taken apart and put together again, for tests that put wrong lines into them.

The library believes the lengths that a bundle's list says (emit/bundles.py), so they follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BEFORE, BETWEEN, AFTER = b"return { [==[\n", b"\n]==], [==[\n", b"]==] }"


def edited(text: str, edit: Callable[[str, str, str], str]) -> str:
    """Return a bundle with ``edit(header, part's name, part)`` for its parts.

    A file that is no bundle is one part, of the header "".
    """
    whole = text.encode()
    if BETWEEN not in whole:
        return edit("", "", text)
    start, end = whole.index(BEFORE) + len(BEFORE), whole.index(BETWEEN)
    body = whole[end + len(BETWEEN) : whole.rindex(AFTER)]
    lines, parts, at = [], [], 0
    for line in whole[start:end].decode().split("\n"):
        header, place, *pairs = line.split(" ")
        read = int(place)
        words = [header, str(at)]
        for name, length in zip(pairs[::2], pairs[1::2], strict=True):
            part = body[read : read + int(length)]
            read += int(length)
            parts.append(edit(header, name, part.decode()).encode())
            at += len(parts[-1])
            words += [name, str(len(parts[-1]))]
        lines.append(" ".join(words))
    listed = "\n".join(lines).encode()
    return (whole[:start] + listed + BETWEEN + b"".join(parts) + AFTER + b"\n").decode()
