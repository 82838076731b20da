"""One library for all targets: what they share once, the rest as deltas by set of variants.

A variant is what the library can tell apart when it loads: the architecture for the kernel's
headers, architecture and C library for the C library's. A delta names its variants ("on") in
words: an architecture ("arm": with every C library), a C library ("musl": on every architecture),
or both ("musl-arm"); a leading "!" means all but these.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from callgate.emit.facts import Facts, Place, Section

Variant = tuple[str, str]  # architecture and C library; ("x64", "") in the kernel's headers


@dataclass(frozen=True, slots=True)
class Delta:
    """What a header has on some of the targets only."""

    on: str  # ex) "arm mips", "!s390x"
    sections: dict[str, Section]


@dataclass(frozen=True, slots=True)
class Module:
    """A header on all targets."""

    place: Place
    common: dict[str, Section]
    deltas: tuple[Delta, ...]


class Variants:
    """The variants that a run knows, and the words for a set of them."""

    def __init__(self, known: Iterable[tuple[str, str]]) -> None:
        """Take (architecture, C library) of each target."""
        self.all = tuple(dict.fromkeys(known))
        self.archs = tuple(dict.fromkeys(arch for arch, _ in self.all))
        self.kernel = tuple((arch, "") for arch in self.archs)

    def of(self, unit: str) -> tuple[Variant, ...]:
        """Return the variants that a unit's headers can differ by."""
        return self.kernel if unit == "uapi" else self.all

    def words(self, chosen: Collection[Variant], unit: str) -> str:
        """Return the words that mean exactly ``chosen``, the shorter of both ways to say it."""
        domain = self.of(unit)
        inside = [item for item in domain if item in chosen]
        outside = [item for item in domain if item not in chosen]
        plain, inverse = self._listed(inside, domain), f"!{self._listed(outside, domain)}"
        return inverse if outside and len(inverse) < len(plain) else plain

    @staticmethod
    def _listed(chosen: Sequence[Variant], domain: Sequence[Variant]) -> str:
        left, words = list(chosen), []
        for index in (1, 0):  # C libraries as wholes, then architectures, then single ones
            for name in dict.fromkeys(item[index] for item in chosen):
                whole = [item for item in domain if item[index] == name]
                if name and all(item in left for item in whole):
                    words.append(name)
                    left = [item for item in left if item not in whole]
        return " ".join([*words, *(f"{libc}-{arch}" for arch, libc in left)])


def merge(every: Sequence[Facts]) -> tuple[list[Module], Variants]:
    """Return all modules in the order of their places.

    Raises CallgateError when two targets that the library cannot tell apart differ.
    """
    variants = Variants((facts.arch, facts.libc) for facts in every)
    modules: dict[Place, dict[tuple[str, str, str], dict[Variant, None]]] = defaultdict(dict)
    for facts in _distinct(every):
        for place, sections in facts.modules.items():
            variant = (facts.arch, "" if place[0] == "uapi" else facts.libc)
            items = modules[place]
            for section, entries in sections.items():
                for name, text in entries.items():
                    items.setdefault((section, name, text), {})[variant] = None
    return [_module(place, items, variants) for place, items in sorted(modules.items())], variants


def _distinct(every: Sequence[Facts]) -> list[Facts]:
    """Return one target of each variant: hard and soft float see the same library."""
    found: dict[Variant, Facts] = {}
    for facts in every:
        found.setdefault((facts.arch, facts.libc), facts)
    return list(found.values())


def _module(
    place: Place, items: dict[tuple[str, str, str], dict[Variant, None]], variants: Variants
) -> Module:
    groups: dict[tuple[Variant, ...], dict[str, Section]] = defaultdict(lambda: defaultdict(dict))
    domain = variants.of(place[0])
    for (section, name, text), where in items.items():
        entries = groups[tuple(where)][section]
        if entries.setdefault(name, text) != text:
            raise CallgateError(f"{name} has two values on one target", where=place[1])
    everywhere = frozenset(domain)
    common: dict[str, Section] = {}
    deltas: dict[frozenset[Variant], dict[str, Section]] = {}
    for chosen, sections in groups.items():
        if frozenset(chosen) == everywhere:
            common = sections
        else:
            deltas[frozenset(chosen)] = sections
    return Module(
        place,
        common,
        tuple(
            Delta(variants.words(where, place[0]), sections) for where, sections in deltas.items()
        ),
    )
