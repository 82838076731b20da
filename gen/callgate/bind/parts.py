"""What belongs to a system's header, though it stands in another: <signal.h> and bits/signum.h.

C libraries and kernels keep what differs between machines in headers that no program includes by
itself (glibc's say so: "Never use <bits/signum.h> directly"), and some headers forward to one of
their own name in a folder, <poll.h> to <sys/poll.h>, or have a part named after them:
<linux/input.h> has <linux/input-event-codes.h>.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from callgate.parse.preprocess import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FOLDERS = {"bits", "asm", "asm-generic"}
ENTERED = "1"  # a line marker's flag


def parts(text: str, named: Sequence[str], header_of: Callable[[str], str]) -> frozenset[str]:
    """Return the headers that belong to those ``named``, which includes them or parts of them.

    ``text`` is preprocessed, with line markers, whose paths ``header_of`` turns into names.
    """
    stems = "|".join(re.escape(posixpath.basename(name).removesuffix(".h")) for name in named)
    is_named_after = re.compile(rf"({stems})(-[\w-]*)?\.h").fullmatch
    own = {name for name in named if not name.startswith("/")}
    found: set[str] = set()
    opened: list[str] = []
    for line in text.split("\n") if own else ():
        marker = MARKER.match(line) if line.startswith("#") else None
        if marker is None:
            continue
        header = header_of(marker[2])
        if marker[3] != ENTERED:
            while opened and opened[-1] != header:
                opened.pop()
            continue
        folder, name = posixpath.split(header)
        is_part = folder.partition("/")[0] in FOLDERS or (folder and is_named_after(name))
        if is_part and opened and opened[-1] in own | found:
            found.add(header)
        opened.append(header)
    return frozenset(found - own)
