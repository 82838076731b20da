"""The matrix: one table, and what is made from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from callgate.errors import CallgateError
from callgate.matrix import WORKFLOW, Row, files, markdown, matrix, workflow
from callgate.paths import data_dir

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Return the project's own matrix."""
    return matrix(data_dir("headers"))


class TestRows:
    """Targets joined with their runs."""

    def test_every_run_has_its_target(self, rows: list[Row]) -> None:
        """No run is lost, and each stands with its own target."""
        found = [run for row in rows for run in row.runs]
        assert len(found) > 20
        assert all(run.target == row.target.name for row in rows for run in row.runs)

    def test_enough_pairs_are_run(self, rows: list[Row]) -> None:
        """At least 18 pairs of machine and C library run the specs, on at least five kernels."""
        pairs = {(run.debian, row.target.libc) for row in rows for run in row.runs}
        assert len(pairs) >= 18
        assert sum(run.tier == "system" for row in rows for run in row.runs) >= 5
        models = {row.target.data_model.big_endian for row in rows if row.runs}
        assert models == {True, False}

    def test_json(self, rows: list[Row]) -> None:
        """A row as data has what generates, verifies and runs it."""
        data = {row.target.name: row.data() for row in rows}["s390x-linux-gnu"]
        assert data["data_model"]["big_endian"] is True
        assert data["zig"].startswith("s390x-linux-gnu")
        assert {run["tier"] for run in data["runs"]} == {"user", "system"}

    def test_setup(self, rows: list[Row]) -> None:
        """A C library whose headers are built has the command that builds them."""
        setups = {row.target.name: row.setup for row in rows if row.setup}
        assert setups["arm-linux-uclibceabihf"] == ("headers", "build-uclibc", "--arch", "arm")
        assert len(setups) == 3
        assert "      - run: ./callgate headers build-uclibc --arch arm\n" in workflow(rows)

    def test_in_words(self, rows: list[Row]) -> None:
        """Where a target is run is said by tier."""
        ran = {row.target.name: row.ran for row in rows}
        assert ran["s390x-linux-gnu"] == "qemu-user (trixie), qemu-system (trixie)"
        assert "lupa" in ran["x86_64-linux-gnu"]


class TestFiles:
    """What is generated from the matrix is current."""

    @pytest.mark.parametrize("name", [WORKFLOW, "README.md"])
    def test_current(self, rows: list[Row], name: str) -> None:
        """The committed file is what `callgate targets --write` writes."""
        assert (ROOT / name).read_text(encoding="utf-8") == files(rows, ROOT)[name]

    def test_a_job_for_each_target(self, rows: list[Row]) -> None:
        """The workflow verifies each target and runs those that can be run."""
        text = workflow(rows)
        for row in rows:
            assert f"\n  {row.target.name}:\n" in text
            assert (f"--run {row.target.name} --strict" in text) == bool(row.runs)

    def test_a_line_for_each_target(self, rows: list[Row]) -> None:
        """The table has a line for each target, also for one that nothing runs."""
        lines = markdown([*rows, replace(rows[0], runs=())]).splitlines()
        assert len(lines) == len(rows) + 3
        assert "compilers only" in lines[-1]

    def test_lost_marks(self, rows: list[Row], tmp_path: Path) -> None:
        """A README without the marks of the table is an error that says what they look like."""
        (tmp_path / "README.md").write_text("# Callgate\n")
        with pytest.raises(CallgateError, match="no marks of the table") as caught:
            files(rows, tmp_path)
        assert "<!-- targets:" in str(caught.value)
