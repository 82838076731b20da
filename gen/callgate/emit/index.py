"""The index of names: which header defines each, as runs of names that one header has.

Sorted by bytes, neighbouring names mostly stand in the same header: a line "AF_ libc/bits/socket.h"
says that from the first name not before "AF_" on, up to the next line, names are that header's.
Whether the header has a name is for its module to say. Where targets differ, a line lists several
headers, all but the last with the variants they are for: "uapi/asm/fcntl.h@mips+mipsel".
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from callgate.emit.environment import render

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from callgate.emit.facts import Facts, Place
    from callgate.emit.merge import Variant, Variants

VOLUME_SIZE = 200  # lines of a volume: one is read in about 0.02 ms


def emit_index(every: Sequence[Facts], variants: Variants) -> dict[str, str]:
    """Return the sorted volumes of the index and their table of contents."""
    lines = list(_lines(every, variants))
    files, firsts = {}, []
    for number, start in enumerate(range(0, len(lines), VOLUME_SIZE), 1):
        chosen = lines[start : start + VOLUME_SIZE]
        firsts.append((chosen[0].partition(" ")[0], f"{number:02d}"))
        files[f"index/{number:02d}.lua"] = render("volume.lua.j2", lines=chosen)
    files["index/init.lua"] = render("index.lua.j2", firsts=firsts)
    return files


def _lines(every: Sequence[Facts], variants: Variants) -> Iterator[str]:
    places: dict[str, dict[Place, dict[Variant, None]]] = defaultdict(dict)
    for facts in every:
        # The kernel's headers hold for every C library; they come before its own (abi/build.py).
        libcs = [libc for arch, libc in variants.all if arch == facts.arch]
        for token, place in facts.tokens.items():
            where = places[token].setdefault(place, {})
            for libc in libcs if place[0] == "uapi" else (facts.libc,):
                where[facts.arch, libc] = None
    texts: dict[tuple[tuple[Place, frozenset[Variant]], ...], str] = {}
    last, previous = "", ""
    for token in sorted(places):
        found = tuple((place, frozenset(where)) for place, where in places[token].items())
        if len(found) == 1:
            text = "/".join(found[0][0])
        else:
            text = texts.get(found) or texts.setdefault(found, _alternatives(found, variants))
        if text != last:
            yield f"{_told_apart(token, previous)} {text}"
        last, previous = text, token


def _told_apart(token: str, previous: str) -> str:
    """Return as much of a name as sorts it after the one before."""
    same = next(
        (at for at, (a, b) in enumerate(zip(token, previous, strict=False)) if a != b),
        min(len(token), len(previous)),
    )
    return token[: same + 1]


def _alternatives(found: tuple[tuple[Place, frozenset[Variant]], ...], variants: Variants) -> str:
    """Return the headers of a name, the most frequent last: it needs no variants."""
    *others, (last, _) = sorted(found, key=lambda item: (len(item[1]), item[0]))
    words = [
        f"{'/'.join(place)}@{variants.words(where, '').replace(' ', '+')}"
        for place, where in others
    ]
    return " ".join([*words, "/".join(last)])
