"""Several targets' facts in one file: what all share once, the rest by machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.bind.facts import SECTIONS, Section
from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from callgate.targets import Target

Facts = dict[str, Section]


@dataclass(frozen=True, slots=True)
class Delta:
    """What is so on some machines only."""

    on: str  # ex) "x64 arm64": words that the loader compares with its own
    sections: Facts


@dataclass(frozen=True, slots=True)
class Merged:
    """The facts of one file."""

    words: tuple[str, ...]  # of the machines it is for: ffi.arch, or "64bit" and "32bit"
    systems: tuple[str, ...]  # LuaJIT's names of theirs, ex) ("Linux",)
    by_abi: bool
    common: Facts
    deltas: tuple[Delta, ...]


def merge(every: Sequence[tuple[Target, Facts]], *, by_abi: bool) -> Merged:
    """Return the facts of all targets; raises CallgateError where a program could not choose."""
    by_word: dict[str, Facts] = {}
    first: dict[str, Target] = {}
    for target, facts in every:
        word = _word(target, by_abi=by_abi)
        if word not in by_word:
            by_word[word], first[word] = facts, target
        elif by_word[word] != facts:
            raise _indistinct(first[word], target, _difference(by_word[word], facts))
    systems = () if by_abi else tuple(dict.fromkeys(target.luajit_os for target, _ in every))
    common: Facts = {name: {} for name in SECTIONS}
    deltas: dict[tuple[str, ...], Facts] = {}
    for section in SECTIONS:
        rows: dict[tuple[str, str], list[str]] = {}
        for word, facts in by_word.items():
            for name, text in facts[section].items():
                rows.setdefault((name, text), []).append(word)
        for (name, text), words in rows.items():
            facts = common
            if len(words) != len(by_word):
                facts = deltas.setdefault(tuple(words), {each: {} for each in SECTIONS})
            facts[section][name] = text
    found = tuple(Delta(" ".join(words), facts) for words, facts in deltas.items())
    return Merged(tuple(by_word), systems, by_abi, common, found)


def _word(target: Target, *, by_abi: bool) -> str:
    if by_abi:
        return f"{8 * target.data_model.pointer[0]}bit"
    return target.luajit_arch


def _difference(one: Mapping[str, Section], other: Mapping[str, Section]) -> str:
    for section in SECTIONS:
        for name in sorted({*one[section], *other[section]}):
            texts = one[section].get(name, "nothing"), other[section].get(name, "nothing")
            if texts[0] != texts[1]:
                return f"{name} is {texts[0]} and {texts[1]}"
    return ""


def _indistinct(one: Target, other: Target, what: str) -> CallgateError:
    return CallgateError(
        f"a program cannot tell {one.name} from {other.name}, and there {what}",
        where="--target",
        hint="write a file for each of them, or leave the name out with --exclude",
    )
