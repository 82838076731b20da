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
    before: tuple[str, ...] = ()  # shell patterns of the type of the argument before, () for any

    def matches(self, argument: Argument, call: Syscall) -> bool:
        """Whether the rule speaks of this argument of this call."""
        at = call.arguments.index(argument)
        return (
            _fits(argument.type, self.types)
            and _fits(argument.name, self.names)
            and _fits(call.name, self.calls)
            and (not self.before or (at > 0 and _fits(call.arguments[at - 1].type, self.before)))
        )


def _fits(text: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(text, item) for item in patterns)


@dataclass(frozen=True, slots=True)
class Inference:
    """The tables of inference.toml."""

    rules: tuple[Rule, ...]
    results: Mapping[str, frozenset[str]]  # "true", "fd", "long", "wide" -> calls
    excluded: Mapping[str, str]  # call -> why there is no S.NAME

    def kind(self, argument: Argument, call: Syscall) -> str:
        """Return the kind of an argument; raises CallgateError where no rule speaks of it."""
        for rule in self.rules:
            if rule.matches(argument, call):
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
        if not set(row) >= RULE_KEYS or not set(row) <= {*RULE_KEYS, "call", "before"}:
            raise CallgateError(
                f"a rule has the keys {', '.join(sorted(RULE_KEYS))} and may have call and "
                f"before, not {', '.join(row)}",
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
                types=tuple(row["type"]),
                names=tuple(row["name"]),
                kind=row["kind"],
                calls=tuple(row.get("call", ("*",))),
                before=tuple(row.get("before", ())),
            )
            for row in table["rule"]
        ),
        {name: frozenset(calls) for name, calls in table["results"].items()},
        dict(table["excluded"]),
    )
