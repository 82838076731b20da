"""The LuaJIT that lupa brings along, in this Python: no root folder, no namespaces."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from callgate import luajit, paths
from callgate.machines.model import FOLDER, LUAJIT, SCRATCH, Lacking, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from callgate.machines.model import Job, Run


@dataclass(frozen=True, slots=True)
class EmbeddedMachine:
    """This machine, with lupa's LuaJIT."""

    run: Run

    def execute(
        self,
        jobs: Sequence[Job],
        folder: Path,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> list[Outcome]:
        """Run ``jobs`` one after the other; see Machine."""
        if find_spec("lupa") is None:
            raise Lacking("lupa is not installed", where=self.run.name, hint="pip install lupa")
        outcomes = []
        for done, job in enumerate(jobs, 1):
            with tempfile.TemporaryDirectory(prefix="callgate-") as scratch:
                outcomes.append(_one(job, folder, scratch))
            progress(done, len(jobs))
        return outcomes


def _one(job: Job, folder: Path, scratch: str) -> Outcome:
    def here(word: str) -> str:
        """Put this machine's folders in the place of those that a machine shows."""
        for inside, real in ((FOLDER, str(folder.absolute())), (SCRATCH, scratch)):
            if word == inside or word.startswith(f"{inside}/"):
                return real + word[len(inside) :]
        return word

    words = [here(word) for word in job.argv]
    if words[0] == LUAJIT:
        words[:1] = luajit.interpreter(embedded=True)
    own = {
        name: ";".join(here(part) for part in value.split(";")) for name, value in job.environment
    }
    # wherever this package was imported from: the working folder is another one
    python_path = f"{paths.PACKAGE.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    start = time.monotonic()
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        cwd=scratch,
        env={**os.environ, **own, "TMPDIR": scratch, "PYTHONPATH": python_path},
        start_new_session=True,
    )
    status: int | None
    try:
        said = process.communicate(timeout=job.seconds)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, status = process.communicate(), None
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return Outcome(job, status, said[0], said[1], time.monotonic() - start)
