"""An architecture, as far as the functions of calls differ by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.emit.signature import logical, signature
from callgate.errors import CallgateError
from callgate.suggest import suggest

if TYPE_CHECKING:
    from callgate.model import Abi, Syscall
    from callgate.spec.model import CallSpec, Spec
    from callgate.targets import Target

WIDE = 64  # bits of a register that holds every argument


class AbsentError(CallgateError):
    """A call, constant or record that this architecture lacks; another one may have it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """An architecture, as far as calls differ by it."""

    arch: str
    abi: Abi
    spec: Spec
    target: Target

    def syscall(self, call: CallSpec) -> Syscall:
        """Return the best of the kernel's calls for a row; raises CallgateError without one."""
        found = self.best(call.call)
        if found is not None:
            return found
        near = suggest(call.call, self.abi.syscall)
        raise AbsentError(f"no system call {call.call!r}", where=call.where, hint=near or None)

    def written(self, name: str) -> str | None:
        """Return the kernel's call by which runtime/narrow.lua makes sys.NAME here, if it does."""
        row = self.spec.routes.get(name, {})
        calls = [row.get("written", {}).get(self.arch)]
        if self.target.registers < WIDE:
            calls += row.get("narrow", ())
        return next((call for call in calls if call and self.has(call)), None)

    def has(self, name: str) -> bool:
        """Tell whether the machine's kernel has the call: a number can be a placeholder."""
        found = self.abi.syscall.get(name)
        return found is not None and found.entry is not None

    def best(self, name: str) -> Syscall | None:
        """Return the first of the kernel's calls that sys.NAME may go to here."""
        written = self.written(name)
        tried = self.spec.routes.get(name, {}).get("try", (name,))
        for item in (written,) if written else tried:
            if self.has(item):
                return logical(self.abi.syscall[item], self.spec)
        return None

    def is_routed(self, name: str) -> bool:
        """Tell whether sys.NAME is more than the kernel's call of that name here."""
        route = self.spec.routes.get(name)
        if route is None:
            return False
        if self.written(name):
            return True
        here = [item for item in route.get("try", [name]) if self.has(item)]
        multiplexed = "socketcall" in route and self.has("socketcall")
        multiplexed |= "ipc" in route and self.has("ipc")
        return here != [name] or multiplexed

    def is_split(self, call: Syscall) -> bool:
        """Tell whether the call takes a 64-bit argument in two registers."""
        return self.target.registers < WIDE and "q" in signature(call, self.spec)
