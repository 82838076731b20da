"""The letters of every system call on every architecture, and the routes between calls."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from callgate.emit.environment import render
from callgate.emit.signature import logical, signature
from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callgate.emit.machine import Machine
    from callgate.model import Abi
    from callgate.spec.model import Spec


def emit_prototypes(machines: Sequence[Machine], spec: Spec) -> dict[str, str]:
    """Return prototypes.lua (each call's signature, and where it differs) and routes.lua.

    Raises CallgateError when a route's call takes arguments of other names.
    """
    own = {
        item.arch: {call.name: signature(logical(call, spec), spec) for call in item.abi.syscalls}
        for item in machines
    }
    common = {}
    for name in sorted(set().union(*own.values())):
        counted = Counter(rows[name] for rows in own.values() if name in rows)
        common[name] = max(sorted(counted), key=lambda item: counted[item])
    differing = {
        arch: sorted((name, text) for name, text in rows.items() if common[name] != text)
        for arch, rows in own.items()
    }
    return {
        "prototypes.lua": render(
            "prototypes.lua.j2", common=sorted(common.items()), differing=differing.items()
        ),
        "routes.lua": render("routes.lua.j2", routes=_routes(machines, spec)),
    }


def _routes(machines: Sequence[Machine], spec: Spec) -> list[tuple[str, dict[str, Any]]]:
    """Return the rows of routes.toml that some architecture needs, with their orders."""
    found = []
    for name, row in sorted(spec.routes.items()):
        orders: dict[str, str] = {}
        for machine in machines:
            for call in row.get("try", ()) if "arguments" in row else ():
                if call in machine.abi.syscall:
                    order = _order(row["arguments"], machine.abi, call, spec)
                    if order:
                        orders[f"{machine.arch} {call}"] = order
        written = {item.arch: call for item in machines if (call := item.written(name))}
        found.append((name, {**row, "order": orders, "written": written}))
    return found


def _order(wanted: list[str], abi: Abi, name: str, spec: Spec) -> str:
    """Return "1423" where the call takes the first, fourth, second and third of the arguments."""
    names = [item.name for item in logical(abi.syscall[name], spec).arguments]
    if sorted(names) != sorted(wanted):
        raise CallgateError(
            f"{abi.target}: {name} takes ({', '.join(names)}), not ({', '.join(wanted)})",
            where="spec/routes.toml",
        )
    return "" if names == wanted else "".join(str(wanted.index(item) + 1) for item in names)
