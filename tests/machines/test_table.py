"""headers/runs.toml: what it may say, and which of its rows are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgate import paths
from callgate.errors import CallgateError
from callgate.machines.table import choose_runs, load_runs
from callgate.targets import load_targets

ROW = """
[runs.armhf-glibc]
target = "arm-linux-gnueabihf"
tier = "user"
debian = "armhf"
suite = "trixie"
luajit = "package"
packages = ["luajit"]
qemu = "arm"
"""


def table(folder: Path, text: str) -> Path:
    """Write ``text`` as a table and return its path."""
    path = folder / "runs.toml"
    path.write_text(text)
    return path


class TestLoad:
    """load_runs()."""

    def test_row(self, tmp_path: Path) -> None:
        """A row becomes a Run, with its name and what it does not say filled in."""
        (run,) = load_runs(table(tmp_path, ROW)).values()
        assert (run.name, run.packages, run.seconds) == ("armhf-glibc", ("luajit",), 600)

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ('tier = "user"\n', "", "no 'tier'"),
            ("tier =", "teir =", "unknown key 'teir', no 'tier'"),
            ('tier = "user"', "tier = 3", "tier: expected str, not 3"),
            ('"user"', '"moon"', "tier: 'moon' is not one of native, user, system"),
            ('"package"', '"apple"', "luajit: 'apple' is not one of package, built, lupa"),
            ('qemu = "arm"', "", "tier 'user' needs 'qemu'"),
            ('"user"', '"native"', "tier 'native' runs without 'qemu'"),
            ('"user"', '"system"', "tier 'system' needs 'kernel'"),
            ('packages = ["luajit"]', "", "luajit 'package' needs 'packages'"),
            ('"trixie"', '""', "no 'suite' to take packages from"),
            ("qemu =", "seconds = 0\nqemu =", "seconds: expected more than 0, not 0"),
            ("qemu =", "jit = []\nqemu =", "jit: expected 'on' and 'off' or one of them, not []"),
            ("qemu =", 'jit = ["hot"]\nqemu =', "or one of them, not ['hot']"),
            ("qemu =", 'jit = ["on", "on"]\nqemu =', "or one of them, not ['on', 'on']"),
            ("qemu =", "facts = 1\nqemu =", "facts: expected bool, not 1"),
        ],
    )
    def test_wrong(self, tmp_path: Path, old: str, new: str, said: str) -> None:
        """An error names the row and the key."""
        assert old in ROW
        with pytest.raises(CallgateError) as error:
            load_runs(table(tmp_path, ROW.replace(old, new)))
        assert said in error.value.what
        assert error.value.where == f"{tmp_path}/runs.toml: [runs.armhf-glibc]"

    def test_unknown_target(self, tmp_path: Path) -> None:
        """A target that targets.toml lacks is an error that names the nearest."""
        with pytest.raises(CallgateError, match="unknown target 'arm-linux-gnueabihf'") as error:
            load_runs(table(tmp_path, ROW), ["arm-linux-gnueabi"])
        assert error.value.hint == "did you mean arm-linux-gnueabi?"

    def test_no_toml(self, tmp_path: Path) -> None:
        """What is no TOML is an error that names the file."""
        with pytest.raises(CallgateError, match="cannot read the table of runs"):
            load_runs(table(tmp_path, "[runs"))

    def test_own_table(self) -> None:
        """The project's table has three tiers, existing targets, and 18 pairs or more."""
        headers = paths.data_dir("headers")
        targets = load_targets(headers / "targets.toml")
        runs = load_runs(headers / "runs.toml", targets).values()
        assert {run.tier for run in runs} == {"native", "user", "system"}
        pairs = {(run.debian, targets[run.target].libc) for run in runs}
        assert len(pairs) >= 18
        assert any(targets[run.target].data_model.big_endian for run in runs)
        assert sum(run.tier == "system" for run in runs) >= 4

    def test_nothing_left_out(self) -> None:
        """What one row leaves out another asks: each target's facts, each processor both ways."""
        runs = load_runs(paths.data_dir("headers") / "runs.toml").values()
        for run in runs:
            assert any(one.facts for one in runs if one.target == run.target), run.target
            modes = {mode for one in runs if one.debian == run.debian for mode in one.jit}
            assert modes == ({"off"} if run.debian == "loong64" else {"on", "off"}), run.debian


class TestChoose:
    """choose_runs()."""

    @pytest.mark.parametrize(
        ("names", "tier", "chosen"),
        [
            ([], None, ["a", "b", "c"]),
            (["b"], None, ["b"]),
            (["x86_64-linux-gnu"], None, ["b", "c"]),
            (["x86_64-linux-gnu", "a"], "user", ["a"]),
            ([], "native", ["b", "c"]),
        ],
    )
    def test_names(
        self, tmp_path: Path, names: list[str], tier: str | None, chosen: list[str]
    ) -> None:
        """Names are of runs or of targets, none means all, and a tier keeps its own."""
        text = ROW.replace("armhf-glibc", "a")
        for name in "bc":
            row = ROW.replace("armhf-glibc", name).replace(
                "arm-linux-gnueabihf", "x86_64-linux-gnu"
            )
            text += row.replace('"user"', '"native"').replace('qemu = "arm"', "")
        found = choose_runs(load_runs(table(tmp_path, text)), names, tier=tier)
        assert [run.name for run in found] == chosen

    def test_unknown(self, tmp_path: Path) -> None:
        """A name that nothing has is an error with the nearest one."""
        with pytest.raises(CallgateError, match="there is no run of 'armhf-glib'") as error:
            choose_runs(load_runs(table(tmp_path, ROW)), ["armhf-glib"])
        assert error.value.hint == "did you mean armhf-glibc?"
