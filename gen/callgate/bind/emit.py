"""The Lua file of a binding: facts, the macros' functions, and the loader."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

from callgate import __version__
from callgate.bind.facts import SECTIONS
from callgate.emit.environment import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callgate.bind.merge import Facts, Merged
    from callgate.bind.request import Request
    from callgate.targets import Target

COMMENT = re.compile(r"^ *--.*\n", re.MULTILINE)


def emit(
    name: str, merged: Merged, request: Request, targets: Sequence[Target], headers: Sequence[str]
) -> str:
    """Return the text of the file; ``name`` is what its errors call it."""
    macros = _name_macros(merged)
    return render(
        "bind.lua.j2",
        title=f"{', '.join(f'<{name}>' for name in headers)} for LuaJIT",
        version=__version__,
        targets=", ".join(target.name for target in targets),
        name=name,
        merged=merged,
        sections=[name for name in SECTIONS if name != "macros"] + ["macro_names"],
        macros=macros,
        parameters=_parameters(macros),
        libraries=request.libraries,
        prefixes=request.prefixes,
        helpers=_runtime("macro.lua") if macros else "",
        misuse=_part("misuse.lua"),
        bit_fields=_part("bit_fields.lua") if _has_bit_fields(merged) else "",
        loader=_part("loader.lua"),
    )


def _name_macros(merged: Merged) -> list[tuple[str, str]]:
    """Return every macro's function under a name of its own, and note by which it goes where."""
    found: list[tuple[str, str]] = []
    parts: list[Facts] = [merged.common, *(delta.sections for delta in merged.deltas)]
    for number, facts in enumerate(parts):
        facts["macro_names"] = {}
        for name, text in facts["macros"].items():
            own = f"{name}_{number}" if number else name
            facts["macro_names"][name] = f'"{own}"'
            found.append((own, text))
    return found


def _parameters(macros: Sequence[tuple[str, str]]) -> str:
    """Return the names of the helpers and of the binding; "_" begins those that nothing uses."""
    used = (any(re.search(rf"\b{name}[.[]", text) for _, text in macros) for name in ("M", "F"))
    return ", ".join(name if uses else f"_{name}" for name, uses in zip("MF", used, strict=True))


def _has_bit_fields(merged: Merged) -> bool:
    parts = [merged.common, *(delta.sections for delta in merged.deltas)]
    return any(facts["accessors"] for facts in parts)


def _part(name: str) -> str:
    """Return a piece of Lua beside this module."""
    return (resources.files("callgate") / "bind" / name).read_text(encoding="utf-8").strip()


def _runtime(name: str) -> str:
    """Return a module of the library's runtime without its comments, indented."""
    text = (resources.files("callgate") / "runtime" / name).read_text(encoding="utf-8")
    lines = COMMENT.sub("", text).strip().splitlines()
    return "\n".join(f"  {line}".rstrip() for line in lines)
