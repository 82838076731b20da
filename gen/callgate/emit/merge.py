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

from callgate.emit.environment import render
from callgate.emit.facts import SECTIONS, Facts, Place, Section
from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

Variant = tuple[str, str]  # architecture and C library; ("x64", "") in the kernel's headers
OWN_FILE = 24_000  # characters of a delta that is worth a file of its own: others need not read it
BUNDLED = 64_000  # characters of a header that is not: a file takes whole blocks of a disk


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


def emit_modules(modules: Sequence[Module], kernel: str) -> dict[str, str]:
    """Return ``path under output/callgate -> text`` of the header modules."""
    files: dict[str, str] = {}
    bundles: dict[str, list[tuple[str, str]]] = defaultdict(list)

    def put(path: str, text: str) -> None:
        if path in files:
            raise CallgateError("two headers have this path", where=path)
        files[path] = text

    for module in modules:
        unit, header = module.place
        path = module_path(unit, header)
        deltas = []
        for number, delta in enumerate(module.deltas, 1):
            text = _sections(delta.sections, 4)
            if len(text) > OWN_FILE:
                own = f"{path.removesuffix('.lua')}-{number}.lua"
                title = f"<{header}> {_owner(unit, kernel)} on {_spoken(delta.on)}"
                put(own, render("header.lua.j2", title=title, body=_sections(delta.sections, 0)))
                name = own.removesuffix(".lua").replace("/", ".")
                text = f'    from = "callgate.{name}",\n'
            deltas.append((delta.on, text))
        body = render("module.lua.j2", common=_sections(module.common, 0), deltas=deltas)
        if len(body) < BUNDLED:
            bundles[bundle_path(unit, header)].append((header, body))
        else:
            title = f"<{header}> {_owner(unit, kernel)}"
            put(path, render("header.lua.j2", title=title, body=body))
    for path, bodies in bundles.items():
        unit, header = path.partition("/")[0], bodies[0][0]
        title = f"Small headers like <{header}> {_owner(unit, kernel)}"
        put(path, render("bundle.lua.j2", title=title, bodies=bodies))
    return files


def _owner(unit: str, kernel: str) -> str:
    return f"of the kernel, Linux {kernel}" if unit == "uapi" else "of the C library"


def _spoken(on: str) -> str:
    return f"all but {on[1:]}" if on.startswith("!") else on


def _sections(sections: dict[str, Section], depth: int) -> str:
    """Return the sections as entries of a table, indented for it."""
    known = [(name, sections[name]) for name in SECTIONS if name in sections]
    uses = any("M." in text for text in sections.get("macros", {}).values())
    return render("sections.lua.j2", sections=known, pad=" " * depth, uses=uses)


def module_path(unit: str, header: str) -> str:
    """Return ``uapi/linux/fcntl.lua`` for ``linux/fcntl.h``; other dots would mislead require."""
    stem = header.removesuffix(".h").replace(".", "_")
    return f"{unit}/{stem}.lua"


def bundle_path(unit: str, header: str) -> str:
    """Return ``uapi/linux/_f.lua`` for ``linux/fcntl.h``: its folder and first letter."""
    folder, _, name = f"{unit}/{header}".rpartition("/")
    return f"{folder}/_{name[0].lower()}.lua"
