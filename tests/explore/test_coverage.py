"""The coverage table, from what specs recorded."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from callgate import luajit, paths
from callgate.errors import CallgateError
from callgate.explore.coverage import coverage, load_reasons, markdown, read_records
from callgate.model import Location, Syscall
from callgate.spec.loader import load_spec

SPEC = load_spec()
ROOT = Path(__file__).resolve().parents[2]
TIME_LIMIT = 60


def syscall(name: str, *, entry: str | None = "sys_x") -> Syscall:
    """Return a system call without arguments."""
    return Syscall(name, 1, entry, "long", (), Location("kernel", "x.h", 1))


CALLS = [syscall(name) for name in ("pread64", "kill", "acct", "rt_sigreturn")]
CALLS.append(syscall("afs_syscall", entry=None))
RECORDS = {"native": read_records(["pread ok", "pread EBADF", "kill ESRCH", "syscall.kill EPERM"])}


class TestRows:
    """A row for each call that the kernel implements."""

    def test_outcomes(self) -> None:
        """Functions count for the kernel's call that they make; one success is enough."""
        rows = coverage(CALLS, SPEC, RECORDS, {"acct": "it would write to this machine's log"})
        assert [(row.call, row.cell("native")) for row in rows] == [
            ("acct", "it would write to this machine's log"),
            ("kill", "EPERM, ESRCH"),
            ("pread64", "ok"),
            ("rt_sigreturn", SPEC.inference.excluded["rt_sigreturn"]),
        ]

    def test_empty(self) -> None:
        """A call that nothing reaches, and no row excuses, has an empty cell."""
        rows = coverage([syscall("acct")], SPEC, RECORDS, {})
        assert rows[0].cell("native") == ""

    @pytest.mark.parametrize(
        ("name", "what"), [("kill", "a spec reaches it"), ("kil", "there is no such call")]
    )
    def test_stale_reason(self, name: str, what: str) -> None:
        """A reason that is not needed, or of no call, is an error."""
        with pytest.raises(CallgateError, match=what) as caught:
            coverage(CALLS, SPEC, RECORDS, {name: "why"})
        assert caught.value.where == f"headers/coverage.toml: {name}"

    def test_bad_record(self) -> None:
        """A line that is no record is refused."""
        with pytest.raises(CallgateError, match="expected NAME OUTCOME"):
            read_records(["pread"])


def test_page() -> None:
    """The page counts calls by tier and lists every one."""
    text = markdown(coverage(CALLS, SPEC, RECORDS, {}), ["native", "system"])
    assert "| succeeds | 1 | 0 |\n| fails alone | 1 | 0 |\n| is not reached | 2 | 4 |" in text
    assert "| kill | EPERM, ESRCH |  |" in text


def test_reasons() -> None:
    """The committed reasons can be read."""
    assert all(load_reasons(paths.data_dir("headers")).values())


def test_recorder(tmp_path: Path) -> None:
    """A spec records its functions, methods and bare calls with what they came to, once each."""
    spec, file = tmp_path / "a_spec.lua", tmp_path / "coverage"
    spec.write_text(
        """
        local t = ...
        local S = require "callgate"
        t.it("calls", function()
          for _ = 1, 2 do
            t.fails("ENOENT", S.open("/no/such/file", "rdonly"))
          end
          local fd = t.ok(S.open("/dev/null", "rdonly"))
          t.equal(fd:read(), "")
          t.equal(S.syscall.getpid(), S.getpid())
        end)
        """
    )
    done = subprocess.run(
        [*luajit.interpreter(), str(ROOT / "tests" / "lua" / "runner.lua"), str(spec)],
        env={
            **luajit.environment(Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())),
            "CALLGATE_COVERAGE": str(file),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(file.read_text().splitlines()) == [
        "getpid ok", "open ENOENT", "open ok", "read ok", "syscall.getpid ok",
    ]  # fmt: skip
