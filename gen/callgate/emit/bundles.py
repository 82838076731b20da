"""The header modules of the Lua library: bundles, of which it reads only the parts that it wants.

A bundle holds the headers of a folder that begin with one letter, since a file takes whole blocks
of a disk. It is a Lua module that returns two strings: the list of its contents, a line for each
header, and the text of them all. ``linux/fs.h 4096 constants 2000 constants@!arm+mips 64`` says
that the text of linux/fs.h begins at byte 4096, with 2000 bytes of constants that all targets
share, followed by 64 of those that all have but arm and mips (emit/merge.py has the words). How a
part is read is for runtime/rows.lua to say.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from callgate.emit.environment import render
from callgate.emit.facts import SECTIONS, Section
from callgate.emit.literals import lua_key
from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from callgate.emit.merge import Module

CLOSE = "]==]"  # what no text of a bundle may hold
NEW_LINE, INDENTED = "\n", "\n  "


def emit_modules(modules: Sequence[Module], kernel: str) -> dict[str, str]:
    """Return ``path under output/callgate -> text``; raises CallgateError on text that Lua cuts."""
    bundles: dict[str, list[Module]] = defaultdict(list)
    for module in modules:
        bundles[bundle_path(*module.place)].append(module)
    return {path: _bundle(chosen, kernel) for path, chosen in bundles.items()}


def _bundle(modules: Sequence[Module], kernel: str) -> str:
    lines, texts, at = [], [], 0
    for module in modules:
        words = [module.place[1], str(at)]
        for name, text in _parts(module):
            words += [name, str(len(text.encode()))]
            texts.append(text)
            at += len(text.encode())
        lines.append(" ".join(words))
    unit, first = modules[0].place
    whole = "".join(texts)
    if CLOSE in whole:
        raise CallgateError(f"a text has {CLOSE}, which ends a Lua string", where=first)
    owner = f"of the kernel, Linux {kernel}" if unit == "uapi" else "of the C library"
    return render("bundle.lua.j2", title=f"Headers like <{first}> {owner}", lines=lines, text=whole)


def _parts(module: Module) -> Iterator[tuple[str, str]]:
    """Yield the parts of a header: a section, and for whom it is, with its text."""
    for suffix, sections in [
        ("", module.common),
        *((f"@{delta.on.replace(' ', '+')}", delta.sections) for delta in module.deltas),
    ]:
        for name in SECTIONS:
            if name in sections:
                yield f"{name}{suffix}", part(sections[name])


def part(section: Section) -> str:
    """Return a section as rows that runtime/rows.lua reads, further lines of a row indented."""
    rows = []
    for name, text in section.items():
        plain = all(line.startswith((" ", "}")) for line in text.splitlines()[1:])
        rows.append(f"{lua_key(name)} = {text if plain else text.replace(NEW_LINE, INDENTED)},\n")
    return "\n" + "".join(rows)


def bundle_path(unit: str, header: str) -> str:
    """Return ``uapi/linux/_f.lua`` for ``linux/fcntl.h``: its folder and first letter."""
    folder, _, name = f"{unit}/{header}".rpartition("/")
    return f"{folder}/_{name[0].lower()}.lua"
