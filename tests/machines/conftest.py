"""What tests of machines share: whether they can be had here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.machines.model import Lacking
from callgate.machines.prepare import prepare
from callgate.machines.table import load_runs
from callgate.report import Reporter

if TYPE_CHECKING:
    from callgate.machines.model import Machine


@pytest.fixture(scope="session", params=["i386-glibc", "armhf-glibc"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """Return a prepared machine, of this processor and of another one."""
    run = load_runs(paths.data_dir("headers") / "runs.toml")[request.param]
    try:
        return prepare(run, Reporter(quiet=True))
    except Lacking as error:
        pytest.skip(f"{run.name} cannot be had here: {error}")
