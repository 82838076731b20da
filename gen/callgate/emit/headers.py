"""The facts half of the Lua library: header modules, the index of names, the target table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callgate import __version__
from callgate.emit.bundles import emit_modules
from callgate.emit.environment import render
from callgate.emit.index import emit_index
from callgate.emit.merge import merge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from callgate.emit.facts import Facts
    from callgate.model import Abi
    from callgate.targets import Target


def emit_headers(every: Sequence[Facts], kernel: str) -> dict[str, str]:
    """Return ``path under output/callgate -> text`` of the header modules and the index.

    ``every`` has the facts of each target in the order of the target table; what all share is
    written once. Raises CallgateError when facts contradict each other.
    """
    modules, variants = merge(every)
    return {**emit_modules(modules, kernel), **emit_index(every, variants)}


def emit_targets(
    abis: Mapping[str, Abi], targets: Mapping[str, Target], every: Sequence[Facts]
) -> dict[str, str]:
    """Return the target table and each architecture's system call numbers, in their order.

    Both mappings have one entry for each architecture, by LuaJIT's name of it; ``every`` tells
    which C libraries' facts the library has there.
    """
    kernel = next(iter(abis.values())).kernel
    libcs = {
        arch: list(dict.fromkeys(item.libc for item in every if item.arch == arch)) for arch in abis
    }
    files = {
        "targets.lua": render(
            "targets.lua.j2",
            version=__version__,
            kernel=kernel,
            targets=targets.items(),
            libcs=libcs,
        )
    }
    for arch, abi in abis.items():
        calls = sorted(abi.syscalls, key=lambda call: (call.number, call.name))
        files[f"numbers/{arch}.lua"] = render(
            "numbers.lua.j2", arch=arch, kernel=kernel, calls=calls
        )
    return files
