"""The coverage table, from what specs recorded."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from callgate import luajit, paths
from callgate.commands.coverage import PAGE
from callgate.errors import CallgateError
from callgate.explore.coverage import (
    ABSENT,
    EVERYWHERE,
    RECORD,
    Record,
    Table,
    load_records,
    load_table,
    lost,
    markdown,
    merged,
    problems,
    record_text,
    rows,
)
from callgate.machines.table import load_runs

ROOT = Path(__file__).resolve().parents[2]
TIME_LIMIT = 60
TABLE = Table({"native": ("a",), "others": ("b", "c")}, {})
KNOWN = {
    "a": frozenset({"acct", "kill", "pread64"}),
    "b": frozenset({"kill"}),
    "c": frozenset({"kill", "pread64", "rt_sigreturn"}),
    EVERYWHERE: frozenset({"acct", "kill", "pread64", "rt_sigreturn", "rtas"}),
}
RECORDS = {
    "a": Record("6.1", merged([("pread64", "EBADF"), ("pread64", "ok"), ("kill", "ENOSYS")])),
    "b": Record("6.2", merged([("kill", "ESRCH")])),
    "c": Record("6.2", merged([("kill", "EPERM")])),
}
EXCLUDED = {"rt_sigreturn": "not by hand"}


def cells(unreached: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    """Return the texts of all cells by call."""
    table = Table(TABLE.columns, unreached)
    found = rows(table, RECORDS, KNOWN, EXCLUDED)
    return {row.call: [cell.text for cell in row.cells.values()] for row in found}


def wrong(unreached: dict[str, dict[str, str]]) -> list[str]:
    """Return the problems of a table with these reasons."""
    table = Table(TABLE.columns, unreached)
    return list(problems(rows(table, RECORDS, KNOWN, EXCLUDED), table))


REASONS = {EVERYWHERE: {"acct": "a log", "rtas": "no such machine"}, "others": {"pread64": "why"}}


def test_cells() -> None:
    """One success is enough; errnos of all machines of a column; reasons; calls that it lacks."""
    assert cells(REASONS) == {
        "acct": ["a log", ABSENT],
        "kill": ["ENOSYS", "EPERM, ESRCH"],
        "pread64": ["ok", "why"],
        "rt_sigreturn": [ABSENT, "not by hand"],
        "rtas": ["no such machine"] * 2,
    }
    assert wrong(REASONS) == []


def test_empty() -> None:
    """A cell without a reason is empty, which is a problem; also of a call that no column has."""
    assert cells({})["acct"] == ["", ABSENT]
    found = wrong({})
    assert [line.partition(":")[0] for line in found] == ["acct", "pread64", "rtas"]
    assert "no spec reaches it (others); write one, or a reason" in found[1]


@pytest.mark.parametrize(
    ("column", "call", "what"),
    [
        ("native", "kill", "a spec reaches it (native)"),
        (EVERYWHERE, "pread64", "a spec reaches it (native)"),
        ("others", "acct", "its architecture has no such call"),
        ("native", "kil", "there is no such call"),
    ],
)
def test_stale_reason(column: str, call: str, what: str) -> None:
    """A reason that is not needed, or of no call, is a problem."""
    reasons = {**REASONS, column: {**REASONS.get(column, {}), call: "why"}}
    (line,) = wrong(reasons)
    assert line.startswith(f"headers/coverage.toml: {column}: {call}: {what}")


def test_lost() -> None:
    """A call that succeeded must be reached again, with whatever result."""
    before = Record("6.1", merged([("read", "ok"), ("write", "ok"), ("kill", "EPERM")]))
    assert lost(before, Record("5.0", merged([("write", "EIO")]))) == ["read"]


def test_files(tmp_path: Path) -> None:
    """A record comes back from its file."""
    (tmp_path / "coverage").mkdir()
    (tmp_path / "coverage" / "b.json").write_text(record_text(RECORDS["b"]))
    assert load_records(tmp_path, TABLE) == {"b": RECORDS["b"]}


def test_unknown_column(tmp_path: Path) -> None:
    """Reasons of a column that there is not are refused."""
    (tmp_path / "coverage.toml").write_text('[columns]\na = ["x"]\n[unreached.b]\nread = "why"\n')
    with pytest.raises(CallgateError, match="no such column"):
        load_table(tmp_path)


def test_page() -> None:
    """The page says which machines were asked, counts calls by column, and lists every one."""
    table = Table(TABLE.columns, REASONS)
    text = markdown(rows(table, RECORDS, KNOWN, EXCLUDED), table, RECORDS)
    assert "* others: b (Linux 6.2), c (Linux 6.2)" in text
    assert "| succeeds | 1 | 0 |" in text
    assert "| is no call of this architecture | 1 | 1 |" in text
    assert "is not reached |" not in text
    assert "| kill | ENOSYS | EPERM, ESRCH |" in text


def test_committed() -> None:
    """The machines of the committed table exist, and each has recorded; the page is there."""
    headers = paths.data_dir("headers")
    table = load_table(headers)
    machines = {run for runs in table.columns.values() for run in runs}
    assert machines <= set(load_runs(headers / "runs.toml"))
    assert machines == set(load_records(headers, table))
    assert (ROOT / PAGE).read_text(encoding="utf-8").startswith("<!-- generated")


def test_recorder(tmp_path: Path) -> None:
    """A spec and its children record each call with what it came to, also what does not return."""
    spec = tmp_path / "a_spec.lua"
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
          local pid = t.ok(S.fork())
          if pid == 0 then
            S.close_range(3, 0xfffffff)
            S.syscall.chdir "/"
            S.execve("/bin/true", { "true" }, {})
            S._exit(1)
          end
          t.ok(S.waitpid(pid))
          t.fails("ENOENT", S.execveat(nil, "/no/such/program", { "x" }, {}))
        end)
        """
    )
    done = subprocess.run(
        [*luajit.interpreter(), str(ROOT / "tests" / "lua" / "runner.lua"), str(spec)],
        env={
            **luajit.environment(Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())),
            "CALLGATE_COVERAGE": "1",
            "CALLGATE_TEST_TMP": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = merged(RECORD.findall(done.stdout))
    assert found["openat"] == {"ok"}
    assert ("openat", "ENOENT") in RECORD.findall(done.stdout)
    for call in ("read", "close_range", "chdir", "execve"):
        assert found[call] == {"ok"}, call
    assert found["execveat"] == {"ENOENT"}
    assert "reboot" not in found
