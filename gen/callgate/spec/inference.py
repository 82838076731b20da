"""What a system call's arguments are where no row says it: by C type and name in the prototype."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callgate.model import Argument, Syscall

@dataclass(frozen=True, slots=True)
class Rule:
    """Arguments of one of these types with one of these names are of this kind."""

    types: tuple[str, ...]  # shell patterns, ex) ("int", "unsigned int")
    names: tuple[str, ...]  # shell patterns, ex) ("fd", "*_fd")
    kind: str  # a row of kinds.toml, ex) "fd"
    calls: tuple[str, ...] = ("*",)  # shell patterns, ex) ("sendto",)

    def matches(self, argument: Argument, call: str) -> bool:
        """Whether the rule speaks of this argument of this call."""
        return (
            any(fnmatchcase(argument.type, item) for item in self.types)
            and any(fnmatchcase(argument.name, item) for item in self.names)
            and any(fnmatchcase(call, item) for item in self.calls)
        )


@dataclass(frozen=True, slots=True)
class Inference:
    """The tables of inference.toml."""

    rules: tuple[Rule, ...]
    results: Mapping[str, frozenset[str]]  # "wide", "fd", "true" -> calls
    excluded: Mapping[str, str]  # call -> why there is no S.NAME

    def kind(self, argument: Argument, call: Syscall) -> str:
        """Return the kind of an argument; raises CallgateError where no rule speaks of it."""
        for rule in self.rules:
            if rule.matches(argument, call.name):
                return rule.kind
        raise CallgateError(
            f"nothing says what {argument.type} {argument.name} of {call.name} is",
            where=str(call.location),
            hint="add the type to a rule of spec/inference.toml",
        )

    def returns(self, call: str) -> str:
        """Return the kind of result of an undeclared call."""
        for kind in ("fd", "true"):
            if call in self.results[kind]:
                return kind
        return "long" if call in self.results["wide"] else "number"

    def is_wide(self, call: str) -> bool:
        """Whether the result of a call does not fit an int."""
        return call in self.results["wide"]


def read_inference(table: Mapping[str, Any]) -> Inference:
    """Turn the table of inference.toml into values."""
    return Inference(
        tuple(
            Rule(
                tuple(row["type"]), tuple(row["name"]), row["kind"], tuple(row.get("call", ("*",)))
            )
            for row in table["rule"]
        ),
        {name: frozenset(calls) for name, calls in table["results"].items()},
        dict(table["excluded"]),
    )
