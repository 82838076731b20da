"""Sets of targets in few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from callgate.targets import Target


def set_words(chosen: Collection[str], known: Sequence[Target]) -> str:
    """Return the shorter of ``arm, glibc on mips`` and ``all but s390x`` for targets' names.

    A word is an architecture (with every C library), a C library (on every architecture), one on
    some architectures, or a target's name where an architecture has several with that library.
    """
    inside = [target for target in known if target.name in chosen]
    outside = [target for target in known if target.name not in chosen]
    if not outside:
        return "all"
    words, others = _listed(inside, known), f"all but {_listed(outside, known)}"
    return others if len(others) < len(words) and " on " not in others else words


def _listed(chosen: Sequence[Target], known: Sequence[Target]) -> str:
    left = list(chosen)
    words = []

    def take(word: str, whole: Sequence[Target]) -> bool:
        if not whole or not all(target in left for target in whole):
            return False
        words.append(word)
        left[:] = [target for target in left if target not in whole]
        return True

    for libc in dict.fromkeys(target.libc for target in chosen):
        take(libc, [target for target in known if target.libc == libc])
    for arch in dict.fromkeys(target.arch for target in chosen):
        take(arch, [target for target in known if target.arch == arch])
    for libc in dict.fromkeys(target.libc for target in left):
        names: list[str] = []
        for arch in dict.fromkeys(target.arch for target in left if target.libc == libc):
            same = [target for target in known if (target.libc, target.arch) == (libc, arch)]
            here = [target for target in left if target in same]
            whole = len(here) == len(same)
            names += [arch] if whole else [target.name for target in here]
        if names:
            words.append(f"{libc} on {', '.join(names)}")
    return "; ".join(words) if any(" on " in word for word in words) else ", ".join(words)
