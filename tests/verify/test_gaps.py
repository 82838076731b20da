"""headers/gaps.toml: what it may say, and what it excuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callgate import paths
from callgate.errors import CallgateError
from callgate.machines.model import Run
from callgate.verify.gaps import Gap, judge, load_gaps, seconds
from callgate.verify.tap import Result

RUN = Run("armhf-glibc", "arm-linux-gnueabihf", "user", "armhf", "trixie", "package")
GAP = Gap("a_spec.lua: *namespaces*", "qemu-user has no namespaces", tier="user")


def result(title: str, outcome: str = "failed", jit: str = "on") -> Result:
    """Return a result of a_spec.lua."""
    return Result("a_spec.lua", title, jit, outcome, "why")


class TestJudge:
    """judge()."""

    @pytest.mark.parametrize("outcome", ["failed", "skipped"])
    def test_declared(self, outcome: str) -> None:
        """A declared test that fails or is skipped is excused, with the declared reason."""
        found = judge(RUN, [result("a: makes namespaces", outcome)], [GAP])
        test = "a_spec.lua: a: makes namespaces (JIT on)"
        assert found.declared == ((test, "qemu-user has no namespaces"),)
        assert (found.passed, found.failed, found.skipped) == (0, (), ())

    def test_passes(self) -> None:
        """A declared test that passes fails the run."""
        found = judge(RUN, [result("a: makes namespaces", "passed")], [GAP])
        assert found.passed == 0
        assert "it passes, but headers/gaps.toml declares: qemu-user has no" in found.failed[0]

    def test_undeclared(self) -> None:
        """What is not declared fails, or counts as skipped with its own reason."""
        tests = [result("a: x"), result("a: y", "skipped"), result("a: z", "passed")]
        found = judge(RUN, tests, [])
        assert found.failed == ("a_spec.lua: a: x (JIT on): why",)
        assert found.skipped == (("a_spec.lua: a: y (JIT on)", "why"),)
        assert found.passed == 1

    def test_sometimes(self) -> None:
        """Where chance decides, what passed in the end is declared; what never did is no chance."""
        row = Gap("*", "its compiler errs", jit="on", sometimes=True)
        never = result("a: x")
        skipped = result("a: y", "skipped")
        once = result("a: z", "passed")  # with a message: that of its failure
        always = replace(once, title="a: 0", message="")
        found = judge(RUN, [never, skipped, once, always], [row])
        assert found.failed == ("a_spec.lua: a: x (JIT on): why (in each of 4 attempts)",)
        assert found.skipped == (("a_spec.lua: a: y (JIT on)", "why"),)
        assert found.declared == (("a_spec.lua: a: z (JIT on)", "its compiler errs"),)
        assert found.passed == 1
        found = judge(RUN, [always], [row, Gap("*", "never")])
        assert found.failed[0].endswith("declares: never")

    @pytest.mark.parametrize(("message", "excused"), [("w*", True), ("*", True), ("x*", False)])
    def test_message(self, message: str, excused: bool) -> None:
        """A row that tells what the failure says excuses no other; it names a test all the same."""
        found = judge(RUN, [result("a: x")], [Gap("*", "it hangs", message=message)])
        test = "a_spec.lua: a: x (JIT on)"
        assert found.declared == (((test, "it hangs"),) if excused else ())
        assert found.failed == (() if excused else (f"{test}: why",))

    def test_no_such_test(self) -> None:
        """A row that names no test fails the run that it is about, and no other."""
        found = judge(RUN, [result("a: x", "passed")], [GAP])
        assert found.failed == ("headers/gaps.toml: no test is called 'a_spec.lua: *namespaces*'",)
        other = Gap(GAP.spec, GAP.reason, tier="system")
        assert judge(RUN, [result("a: x", "passed")], [other]).failed == ()

    @pytest.mark.parametrize(
        ("pattern", "applies"),
        [
            ({"tier": "user"}, True),
            ({"tier": "native"}, False),
            ({"arch": "arm*"}, True),
            ({"arch": "mips*"}, False),
            ({"run": "*-glibc", "arch": "armhf"}, True),
            ({"run": "*-musl", "arch": "armhf"}, False),
        ],
    )
    def test_where(self, pattern: dict[str, Any], applies: bool) -> None:
        """All patterns of a row must fit the run."""
        assert Gap("x", "y", **pattern).applies(RUN) is applies

    def test_seconds(self) -> None:
        """A row may shorten the time that specs get where they hang."""
        gap = Gap("*", "hangs", tier="user", jit="on", sometimes=True, seconds=60)
        assert seconds(RUN, "on", [gap], 180) == 60
        assert seconds(RUN, "on", [gap], 30) == 30
        assert seconds(RUN, "off", [gap], 180) == 180
        assert seconds(RUN, "on", [replace(gap, tier="native")], 180) == 180

    def test_compiler(self) -> None:
        """A row may be about one state of the JIT compiler."""
        gap = Gap("a_spec.lua: a: x", "traces are too long", jit="on")
        found = judge(RUN, [result("a: x"), result("a: x", "passed", "off")], [gap])
        assert (len(found.declared), found.passed, found.failed) == (1, 1, ())


class TestLoad:
    """load_gaps()."""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('spec = "a"', "no 'reason'"),
            ('reason = "a"', "no 'spec'"),
            ('spec = "a"\nreason = "b"\ntiers = "c"', "unknown key 'tiers'"),
            ('spec = "a"\nreason = "b"\ntier = 3', "tier: expected str, not 3"),
            ('spec = "a"\nreason = "b"\nseconds = true', "seconds: expected int, not True"),
            ('spec = "a"\nreason = "b"\nsometimes = "c"', "sometimes: expected bool, not 'c'"),
        ],
    )
    def test_wrong(self, tmp_path: Path, text: str, said: str) -> None:
        """An error names the row and the key."""
        path = tmp_path / "gaps.toml"
        path.write_text(f'[[gaps]]\nspec = "a"\nreason = "b"\n[[gaps]]\n{text}\n')
        with pytest.raises(CallgateError, match=said) as error:
            load_gaps(path)
        assert error.value.where == f"{path}: [[gaps]] number 2"

    def test_own_table(self) -> None:
        """Each row of the project's table says where it applies and names specs that are there."""
        root = paths.checkout()
        assert root is not None
        for gap in load_gaps(paths.data_dir("headers") / "gaps.toml"):
            assert (gap.tier, gap.run, gap.arch, gap.jit) != ("*",) * 4, gap.spec
            assert list((root / "tests/lua").glob(gap.spec.split(":")[0])), gap.spec
