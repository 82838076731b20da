"""One run put to the test: this machine's LuaJIT stands in for the row's machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callgate import luajit
from callgate.errors import CallgateError
from callgate.machines.model import FOLDER, LUAJIT, Job, Lacking, Machine, Outcome, Run
from callgate.report import Reporter
from callgate.verify.exclusions import Exclusions
from callgate.verify.gaps import Gap
from callgate.verify.running import FAILED, LACKING, PASSED, Account, Proof, account

if TYPE_CHECKING:
    from tests.verify.conftest import Small

RUN = Run("here", "x86_64-linux-gnu", "native", "amd64", "", "lupa")
SPEC = """local t = ...
t.it("passes", function() t.ok(true) end)
t.it("rests", function() t.skip "no device" end)
"""


@dataclass
class Here:
    """This machine's LuaJIT as a Machine; a word of a job may begin with FOLDER, or hold it."""

    run: Run = RUN
    probe: str = ""  # what LuaJIT says of itself, if not the truth
    seen: list[Job] = field(default_factory=list)

    def execute(
        self, jobs: Sequence[Job], folder: Path, progress: Callable[[int, int], None] = print
    ) -> list[Outcome]:
        """Run the jobs one by one."""
        del progress
        self.seen.extend(jobs)
        return [self.one(job, folder) for job in jobs]

    def one(self, job: Job, folder: Path) -> Outcome:
        """Run one job with FOLDER replaced."""
        if job.name == "LuaJIT" and self.probe:
            return Outcome(job, 0, self.probe, "", 0.0)
        words = [word.replace(FOLDER, str(folder)) for word in job.argv[1:]]
        own = {key: value.replace(FOLDER, str(folder)) for key, value in job.environment}
        assert job.argv[0] == LUAJIT
        done = subprocess.run(
            [*luajit.interpreter(), *words],
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            check=False,
            timeout=job.seconds,
        )
        return Outcome(job, done.returncode, done.stdout, done.stderr, 0.1)


@pytest.fixture
def proof(tmp_path: Path, library: Path) -> Proof:
    """Return the small library and one spec."""
    specs = tmp_path / "specs"
    (specs / "calls").mkdir(parents=True)
    runner = Path(__file__).parents[1] / "lua/runner.lua"
    (specs / "runner.lua").write_text(runner.read_text())
    (specs / "calls/a_spec.lua").write_text(SPEC)
    return Proof(library, specs, (), Exclusions(()))


def put(machine: Machine, small: Small, proof: Proof) -> Account:
    """Return what came of the run."""
    return account(
        machine.run,
        proof,
        lambda _run, _report: machine,
        Reporter(quiet=True),
        target="x86_64-linux-gnu",
        model=lambda: small.abi,
    )


def test_clean(small: Small, proof: Proof) -> None:
    """A right library is asked about all its facts, and each spec runs with the JIT on and off."""
    machine = Here()
    found = put(machine, small, proof)
    assert (found.state, found.problems, found.specs.failed) == (PASSED, (), ())
    assert found.luajit.startswith("LuaJIT 2.")
    assert found.checked > 50
    assert found.specs.passed == 2
    assert found.specs.skipped == (
        ("calls/a_spec.lua: rests (JIT on)", "no device"),
        ("calls/a_spec.lua: rests (JIT off)", "no device"),
    )
    assert found.data()["passed"] == 2


def test_no_compiler(small: Small, proof: Proof) -> None:
    """Where LuaJIT has no compiler, the specs run once, and the account says so."""
    found = put(Here(probe="LuaJIT 2.1\nLinux\ns390x\nfalse\n"), small, proof)
    assert (found.arch, found.compiles, found.specs.passed) == ("s390x", False, 1)


def test_part(small: Small, proof: Proof) -> None:
    """A row may leave a mode of the compiler to another row, and the facts."""
    found = put(Here(replace(RUN, jit=("off",), facts=False)), small, proof)
    assert (found.state, found.checked, found.specs.passed) == (PASSED, 0, 1)
    assert found.specs.skipped == (("calls/a_spec.lua: rests (JIT off)", "no device"),)


def test_wrong_library(small: Small, proof: Proof) -> None:
    """A record laid out otherwise than the model says fails the run and is named."""
    first = small.abi.records[0]
    abi = replace(small.abi, records=(replace(first, size=first.size + 8), *small.abi.records[1:]))
    found = put(Here(), replace(small, abi=abi), proof)
    assert found.state == FAILED
    assert f"the model has {first.size + 8}, luajit {first.size}" in " ".join(found.problems)


def test_failing_spec(small: Small, proof: Proof) -> None:
    """A failing test fails the run unless it is declared."""
    (proof.specs / "calls/a_spec.lua").write_text("local t = ... t.it('x', function() t.ok() end)")
    found = put(Here(), small, proof)
    assert found.state == FAILED
    assert found.specs.failed[0].startswith("calls/a_spec.lua: x (JIT on): ")
    (proof.specs / "calls/b_spec.lua").write_text(SPEC)
    gap = Gap("calls/a_spec.lua: x", "it never works", tier="native")
    found = put(Here(), small, replace(proof, gaps=(gap,)))
    assert found.state == PASSED
    assert found.specs.declared[0] == ("calls/a_spec.lua: x (JIT on)", "it never works")


def test_nothing_passed(small: Small, proof: Proof) -> None:
    """A run in which no test passed has not passed."""
    (proof.specs / "calls/a_spec.lua").unlink()
    assert put(Here(), small, proof).state == FAILED


def test_broken_luajit(small: Small, proof: Proof) -> None:
    """A LuaJIT that does not run fails the run, and what it said is told."""
    found = put(Here(probe="what?"), small, proof)
    assert found.state == FAILED
    assert "here: its LuaJIT does not run" in found.problems[0]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Lacking("no qemu", where="here", hint="get one"), LACKING),
        (CallgateError("it does not build"), FAILED),
    ],
)
def test_no_machine(small: Small, proof: Proof, error: CallgateError, state: str) -> None:
    """What this machine lacks is not a failure, with the mending command; other errors are."""

    def refuse(_run: Run, _report: Reporter) -> Machine:
        raise error

    found = account(RUN, proof, refuse, Reporter(quiet=True), target="t", model=lambda: small.abi)
    assert (found.state, found.problems, found.hint) == (state, (error.what,), error.hint or "")


def test_chance(small: Small, proof: Proof, tmp_path: Path) -> None:
    """A test that fails by chance, as a gap says, is run again; one that always fails is none."""
    mark = tmp_path / "tried"
    (proof.specs / "calls/b_spec.lua").write_text(
        "local t = ... t.it('errs once', function()\n"
        f"  local tried = io.open('{mark}')\n"
        f"  io.open('{mark}', 'w'):close()\n"
        "  t.ok(tried)\nend)\n"
    )
    gap = Gap("calls/b_spec.lua: *", "its compiler errs", tier="native", sometimes=True)
    found = put(Here(), small, replace(proof, gaps=(gap,)))
    assert (found.state, found.specs.failed) == (PASSED, ())
    assert found.specs.declared == (("calls/b_spec.lua: errs once (JIT on)", "its compiler errs"),)
    (proof.specs / "calls/b_spec.lua").write_text("local t = ... t.it('x', function() t.ok() end)")
    found = put(Here(), small, replace(proof, gaps=(gap,)))
    assert found.state == FAILED
    assert found.specs.failed[0].endswith("(in each of 4 attempts)")
