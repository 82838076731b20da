"""One row of headers/runs.toml put to the test: the Lua specs and the witness, on its machine."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callgate import paths
from callgate.errors import CallgateError
from callgate.machines.model import FOLDER, LUAJIT, SCRATCH, Job, Lacking
from callgate.verify import luajit, tap
from callgate.verify.chance import settle
from callgate.verify.gaps import Judged, judge, seconds
from callgate.verify.questions import questions
from callgate.verify.verification import compare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from callgate.machines.model import Machine, Outcome, Run
    from callgate.model import Abi
    from callgate.report import Reporter
    from callgate.verify.chance import File, Ran
    from callgate.verify.exclusions import Exclusions
    from callgate.verify.gaps import Gap
    from callgate.verify.luajit import Batch

SPECS = "tests/lua"  # of the checkout
RUNNER = "runner.lua"
SECONDS = {"native": 60, "user": 180, "system": 300}  # for one job, by tier
SHOWN = 20  # disagreements of the witness that a run lists
LUAJIT_VERSION = 2  # the major one, which headers/exclusions.toml may ask for

# What a LuaJIT says of itself, one word a line.
PROBE = "print(jit.version) print(jit.os) print(jit.arch) print((jit.status()))"

PASSED, FAILED, LACKING = "passed", "failed", "cannot run here"


NOTHING = Judged(0, (), (), ())


@dataclass(frozen=True, slots=True)
class Account:
    """What came of one run."""

    run: Run
    state: str  # PASSED | FAILED | LACKING
    seconds: float = 0.0
    luajit: str = ""  # ex) "LuaJIT 2.1.1737090214"
    arch: str = ""  # as that LuaJIT calls it, ex) "arm"
    compiles: bool = False  # it has a JIT compiler for that processor
    checked: int = 0  # facts that LuaJIT agrees with
    excluded: int = 0
    specs: Judged = NOTHING
    problems: tuple[str, ...] = ()  # besides the specs'; of LACKING what is lacking
    hint: str = ""

    def data(self) -> dict[str, Any]:
        """Return plain JSON values, for ``--json``."""
        run = self.run
        return {
            "run": run.name,
            "target": run.target,
            "tier": run.tier,
            "debian": run.debian,
            "state": self.state,
            "seconds": round(self.seconds, 1),
            "luajit": self.luajit,
            "arch": self.arch,
            "jit": self.compiles,
            "checked": self.checked,
            "excluded": self.excluded,
            "passed": self.specs.passed,
            "failed": [*self.specs.failed],
            "declared": dict(self.specs.declared),
            "skipped": dict(self.specs.skipped),
            "problems": [*self.problems],
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """What every run is given: the library, the specs, and what is known of both."""

    library: Path
    specs: Path  # the folder
    gaps: tuple[Gap, ...]
    exclusions: Exclusions
    only: str = "*_spec.lua"


def spec_folder() -> Path:
    """Return the checkout's folder of specs; raises CallgateError where there is no checkout."""
    root = paths.checkout()
    if root is None or not (root / SPECS / RUNNER).is_file():
        raise CallgateError(
            "there are no Lua specs here", where="--run", hint=f"a checkout has them in {SPECS}"
        )
    return root / SPECS


def account(
    run: Run,
    proof: Proof,
    prepare: Callable[[Run, Reporter], Machine],
    report: Reporter,
    *,
    target: str,
    model: Callable[[], Abi],
) -> Account:
    """Prepare the machine of ``run`` and ask it everything; never raises for what it lacks.

    ``model`` returns what the library says there, ``target`` is the row that it comes from.
    """
    start = time.monotonic()
    try:
        machine = prepare(run, report)
        with report.stage("run", run.name) as stage:
            found = _ask(machine, target, model(), proof, stage.progress)
            failed = len(found.specs.failed) + len(found.problems)
            counts = f"{found.checked:,} facts, {found.specs.passed:,} tests"
            wrong = f", {failed:,} wrong" if failed else ""
            stage.detail(f"{found.luajit} on {found.arch}: {counts}{wrong}")
    except Lacking as error:
        where = f"{error.where}: " if error.where and error.where != run.name else ""
        found = Account(run, LACKING, problems=(where + error.what,), hint=error.hint or "")
    except CallgateError as error:
        found = Account(run, FAILED, problems=(str(error),))
    return replace(found, seconds=time.monotonic() - start)


def _ask(
    machine: Machine,
    target: str,
    abi: Abi,
    proof: Proof,
    progress: Callable[[int, int], None],
) -> Account:
    run = machine.run
    asked = luajit.batches(abi, questions(abi)) if run.facts else []
    with tempfile.TemporaryDirectory(prefix="callgate-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)  # a spec may give up its rights, and load the library's next module
        specs = _pack(folder, proof, asked)
        (said,) = machine.execute([_job(run, "LuaJIT", (LUAJIT, "-e", PROBE))], folder)
        version, _, arch, compiles = _probed(said, run)
        modes = run.jit if compiles else ("off",)
        limits = {mode: seconds(run, mode, proof.gaps, SECONDS[run.tier]) for mode in modes}
        files = {
            (spec, mode): _spec_job(run, spec, mode, limits[mode])
            for spec in specs
            for mode in modes
        }
        witness = [
            _job(run, f"witness {n}", (LUAJIT, f"{FOLDER}/witness.lua", f"{FOLDER}/{n}.txt"))
            for n in range(len(asked))
        ]
        outcomes = machine.execute([*witness, *files.values()], folder, progress)

        def again(doubtful: Sequence[File]) -> Ran:
            return _ran(doubtful, machine.execute([files[file] for file in doubtful], folder))

        ran = _ran(list(files), outcomes[len(witness) :])
        results = settle(run, ran, proof.gaps, again)
    checked, excluded, problems = _judged(asked, outcomes, target, proof.exclusions, run)
    judged = judge(run, results, proof.gaps)
    state = FAILED if judged.failed or problems or not judged.passed else PASSED
    return Account(
        run, state, 0.0, version, arch, compiles, checked, excluded, judged, tuple(problems)
    )


def _pack(folder: Path, proof: Proof, asked: Sequence[Batch]) -> list[str]:
    """Fill what the machine shows as FOLDER; return the specs, ex) "calls/files_spec.lua"."""
    shutil.copytree(proof.library, folder / "output")
    shutil.copytree(proof.specs, folder / SPECS)
    shutil.copy(luajit.DRIVER, folder / "witness.lua")
    for number, batch in enumerate(asked):
        (folder / f"{number}.txt").write_text(batch.text, encoding="utf-8")
    found = [path.relative_to(proof.specs).as_posix() for path in proof.specs.rglob(proof.only)]
    return sorted(found)


def _job(run: Run, name: str, words: tuple[str, ...]) -> Job:
    lua_path = f"{FOLDER}/output/?.lua;{FOLDER}/output/?/init.lua;;"
    environment = (("LUA_PATH", lua_path), ("CALLGATE_TEST_TMP", SCRATCH))
    return Job(name, words, environment, SECONDS[run.tier])


def _spec_job(run: Run, spec: str, mode: str, limit: int) -> Job:
    folder = f"{FOLDER}/{SPECS}"
    words = (LUAJIT, f"{folder}/{RUNNER}", "--jit", mode, f"{folder}/{spec}")
    return replace(_job(run, f"{spec}, JIT {mode}", words), seconds=limit)


def _ran(files: Sequence[File], outcomes: Sequence[Outcome]) -> Ran:
    pairs = zip(files, outcomes, strict=True)
    return {(spec, mode): tap.results(spec, mode, outcome) for (spec, mode), outcome in pairs}


def _probed(said: Outcome, run: Run) -> tuple[str, str, str, bool]:
    lines = said.stdout.split("\n")
    if said.status != 0 or len(lines) != 5:  # noqa: PLR2004 - four, each with its end
        why = said.stderr.strip() or f"status {said.status}"
        raise CallgateError(f"its LuaJIT does not run: {why}", where=run.name)
    return lines[0], lines[1], lines[2], lines[3] == "true"


def _judged(
    asked: Sequence[Batch],
    outcomes: Sequence[Outcome],
    target: str,
    exclusions: Exclusions,
    run: Run,
) -> tuple[int, int, list[str]]:
    """Return how many facts LuaJIT agrees with, how many are excluded, and what is wrong."""
    checked: Counter[str] = Counter()
    wrong = []
    for batch, outcome in zip(asked, outcomes, strict=False):  # the specs' outcomes follow
        try:
            answers = luajit.read(
                batch, outcome.stdout, outcome.stderr, outcome.status, where=run.name
            )
        except CallgateError as error:
            wrong.append(str(error))
            continue
        tally, disagreements = compare(batch.questions, answers, luajit.NAME)
        checked["agreed"] += sum(tally.checked.values())
        for item in disagreements:
            if exclusions.excuses(item, target, LUAJIT_VERSION):
                checked["excluded"] += 1
            else:
                wrong.append(str(item))
    more = len(wrong) - SHOWN
    shown = [*wrong[:SHOWN], f"and {more:,} more"] if more > 0 else wrong
    return checked["agreed"], checked["excluded"], shown
