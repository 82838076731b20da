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
    results: Mapping[str, frozenset[str]]  # "true", "fd", "long", "wide" -> calls
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
        for kind in ("true", "fd", "long"):
            if call in self.results[kind]:
                return kind
        return "number"

    def is_wide(self, call: str) -> bool:
        """Whether the result of a call does not fit an int."""
        return call in self.results["wide"]


RULE_KEYS = {"type", "name", "kind"}
RESULTS = {"true", "fd", "long", "wide"}


def read_inference(table: Mapping[str, Any]) -> Inference:
    """Turn the table of inference.toml into values.

    Raises CallgateError on a key that is missing or not known.
    """
    for row in table["rule"]:
        if not set(row) >= RULE_KEYS or not set(row) <= {*RULE_KEYS, "call"}:
            raise CallgateError(
                f"a rule has the keys {', '.join(sorted(RULE_KEYS))} and may have call, not "
                f"{', '.join(row)}",
                where="spec/inference.toml: [[rule]]",
            )
    if set(table["results"]) != RESULTS:
        raise CallgateError(
            f"expected {', '.join(sorted(RESULTS))}, got {', '.join(sorted(table['results']))}",
            where="spec/inference.toml: [results]",
        )
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
