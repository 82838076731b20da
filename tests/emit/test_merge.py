"""One library for several targets: what all share, deltas, and the words for sets of targets."""

from __future__ import annotations

from dataclasses import replace

import lupa.luajit21 as lupa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.emit.facts import Facts
from callgate.emit.index import emit_index
from callgate.emit.merge import Variants, merge
from callgate.paths import PACKAGE

KNOWN = [("x64", "glibc"), ("arm", "glibc"), ("mips", "glibc"), ("x64", "musl"), ("arm", "musl")]


def facts(arch: str, libc: str, **constants: str) -> Facts:
    """Return a target that has these constants in linux/test.h."""
    place = ("uapi", "linux/test.h")
    tokens = dict.fromkeys(constants, place)
    return Facts(arch, libc, {place: {"constants": constants}}, tokens, frozenset(), {})


def applies(on: str, arch: str, libc: str) -> bool:
    """Ask the library's own target.lua whether the words of a delta mean a target."""
    lua = lupa.LuaRuntime()
    text = (PACKAGE / "runtime" / "target.lua").read_text(encoding="utf-8")
    chunk = lua.eval(
        """function(text, arch, libc, on)
          local row = { os = jit.os, registers = 64, libcs = { glibc = true, musl = true } }
          package.preload["callgate.targets"] = function()
            return { targets = { [jit.arch] = row } }
          end
          package.preload["callgate.numbers." .. jit.arch] = function() return {} end
          local target = assert(loadstring(text))()
          target.name = arch
          target.libc = function() return libc end
          return target.is(on)
        end"""
    )
    return bool(chunk(text, arch, libc, on))


class TestWords:
    """The words of a delta mean exactly its variants."""

    @given(st.sets(st.sampled_from(KNOWN), min_size=1))
    def test_round_trip(self, chosen: set[tuple[str, str]]) -> None:
        """The library reads back what the generator wrote, on every target."""
        on = Variants(KNOWN).words(chosen, "libc")
        assert {item for item in KNOWN if applies(on, *item)} == chosen

    @pytest.mark.parametrize(
        ("chosen", "words"),
        [
            (KNOWN[:3], "glibc"),
            ([KNOWN[0], KNOWN[3]], "x64"),
            ([KNOWN[2]], "mips"),
            ([KNOWN[1]], "glibc-arm"),
            (KNOWN[:2] + KNOWN[3:], "musl glibc-x64 glibc-arm"),
        ],
    )
    def test_the_shortest_is_chosen(self, chosen: list[tuple[str, str]], words: str) -> None:
        """A C library or an architecture as a whole is one word, few exceptions are named."""
        found = Variants(KNOWN).words(chosen, "libc")
        assert found == words or len(found) < len(words)

    def test_glibcs_facts_stand_for_others(self) -> None:
        """Where the library has no facts of a C library, glibc's are given."""
        assert applies("glibc", "x64", "uclibc")
        assert not applies("musl", "x64", "uclibc")


class TestMerge:
    """What all targets share is written once."""

    def test_common_and_deltas(self) -> None:
        """An equal value is common, another one a delta, and a missing one leaves the others."""
        every = [
            facts("x64", "glibc", SAME="1", OTHER="2", MINE="3"),
            facts("arm", "glibc", SAME="1", OTHER="9"),
        ]
        (module,), _ = merge(every)
        assert module.common == {"constants": {"SAME": "1"}}
        found = {delta.on: delta.sections["constants"] for delta in module.deltas}
        assert found == {"x64": {"OTHER": "2", "MINE": "3"}, "arm": {"OTHER": "9"}}


def test_a_name_in_different_headers() -> None:
    """The index tells each target its own header, the most frequent one without words."""
    first, second = facts("x64", "glibc", A="1"), facts("arm", "glibc", A="1")
    third = replace(facts("mips", "glibc", A="1"), tokens={"A": ("uapi", "asm/test.h")})
    every = [first, second, third]
    _, variants = merge(every)
    assert "A uapi/asm/test.h@mips uapi/linux/test.h" in emit_index(every, variants)["index/01.lua"]
