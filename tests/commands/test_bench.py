"""callgate bench: what it prints, never what it measures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from callgate import paths
from callgate.errors import CallgateError
from callgate.explore.bench import Bench, Row, chosen, httpd

CALLGATE = [sys.executable, "-P", "-m", "callgate"]
TIME_LIMIT = 120


def _bench(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CALLGATE, "bench", "--quick", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )


@pytest.mark.slow
def test_json() -> None:
    """Each figure comes with what it was made of, its limit and a mark; the status is 0."""
    done = _bench("fail", "clock", "require", "httpd", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [(row["group"], row["name"], row["what"]) for row in rows] == [
        ("calls", "fail", "JIT"),
        ("calls", "fail", "-joff"),
        ("calls", "clock", "JIT"),
        ("calls", "clock", "-joff"),
        ("load", "require", "ms"),
        ("load", "require", "kb"),
        ("httpd", "httpd", "to C"),
        ("httpd", "httpd", "to ljs"),
        ("httpd", "httpd", "closing, to ljs"),
    ]
    for row in rows:
        assert row["mark"] in ({"-"} if row["figure"] is None else {"ok", "over", "under"})
        assert row["limit"] > 0
        assert all(value > 0 for value in row["values"].values())
    assert set(rows[0]["values"]) == {"c", "callgate", "callgate_off", "ljsyscall", "ljsyscall_off"}
    assert set(rows[6]["values"]) == {"c", "callgate", "ljsyscall"}
    assert set(rows[8]["values"]) in ({"callgate", "ljsyscall"}, set())  # without a network


def test_states() -> None:
    """Figures of states have no others beside them; a ratio may have a least limit."""
    done = _bench("exec", "threads", "--json")
    assert done.returncode == 0, done.stderr
    found = {row["name"]: row for row in json.loads(done.stdout)}
    assert {name: row["what"] for name, row in found.items()} == {"exec": "us", "threads": "ratio"}
    assert found["exec"]["values"] == {"us": found["exec"]["figure"]}
    assert (found["exec"]["least"], found["threads"]["least"]) == (False, True)


def test_table() -> None:
    """The table has a line for each figure."""
    done = _bench("S.SEEK_SET", "require")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines if "ms" in line or "kb" in line] == [
        ["S.SEEK_SET", "ms"],
        ["require", "ms"],
        ["require", "kb"],
    ]


def test_unknown() -> None:
    """A name that nothing has is an error that lists the names there are."""
    done = _bench("reed")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing to measure is called 'reed'" in done.stderr
    assert "read, write" in done.stderr


def test_no_gcc(tmp_path: Path) -> None:
    """Without gcc the command says what to install."""
    (tmp_path / "luajit").symlink_to(Path("/bin/true"))
    done = _bench("read", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "gcc is not installed" in done.stderr
    assert "apt-get install -y gcc" in done.stderr


def test_no_ljsyscall(tmp_path: Path) -> None:
    """Without ljsyscall a warning says so, and its figures are left out."""
    lua = tmp_path / "luajit"
    lua.write_text('#!/bin/sh\ncase $1 in -e) exit 1;; esac\necho "0.5 20"\n')
    lua.chmod(0o755)
    done = _bench("read", "--json", LUAJIT=str(lua))
    assert done.returncode == 0, done.stderr
    assert "ljsyscall is not installed" in done.stderr
    assert "lua-ljsyscall" in done.stderr
    rows = json.loads(done.stdout)
    assert [row["mark"] for row in rows] == ["ok", "-"]
    assert rows[1]["figure"] is None


def test_no_library(tmp_path: Path) -> None:
    """Without a library the command says what makes one."""
    done = _bench("--library", str(tmp_path))
    assert done.returncode == 1
    assert "callgate generate" in done.stderr


class TestRows:
    """What is chosen, and how a figure stands to its limit."""

    def test_chosen(self) -> None:
        """Words choose groups and single names, no words everything."""
        known = {"calls": ["read", "stat"], "load": ["require"], "httpd": []}
        assert chosen([], known) == known
        assert chosen(["stat", "httpd"], known) == {"calls": ["stat"], "httpd": []}
        assert chosen(["calls", "read"], known) == {"calls": ["read", "stat"]}
        with pytest.raises(CallgateError, match="nothing to measure"):
            chosen(["x"], known)

    @pytest.mark.parametrize(
        ("figure", "least", "mark"),
        [(1.0, False, "ok"), (1.1, False, "over"), (1.1, True, "ok"), (0.9, True, "under"),
         (None, False, "-")],
    )  # fmt: skip
    def test_mark(self, figure: float | None, mark: str, *, least: bool) -> None:
        """A limit is the most a figure may be, or the least where the row says so."""
        assert Row("calls", "read", "JIT", {}, figure, 1.0, least=least).mark == mark


# Serves one connection its own way, on the port that is its argument.
SERVER = """
local S = require "callgate"
local server = assert(S.socket("inet", "stream"))
assert(server:setsockopt("socket", "reuseaddr", 1))
assert(server:bind(S.t.sockaddr_in(tonumber(arg[1]), "127.0.0.1")))
assert(server:listen(64))
io.stderr:write("listening\\n")
local connection = server:accept()
connection:close()
server:close()
"""
LIMIT = {"c": 0.5, "ljsyscall": 1.0, "connections": 2, "requests": 100}


def _server(folder: Path, rest: str) -> tuple[Bench, list[str]]:
    """Return a bench whose examples/httpd.lua is SERVER and then ``rest``, and its warnings."""
    root = paths.checkout()
    assert root
    (folder / "httpd.lua").write_text(SERVER + rest)
    warnings: list[str] = []
    bench = Bench(
        root / "bench", folder, paths.output_dir(), folder, rounds=1, warn=warnings.append
    )
    return bench, warnings


def test_a_server_that_ends(tmp_path: Path) -> None:
    """The error of the client's tells how the server ended, and what it said."""
    bench, warnings = _server(tmp_path, 'error "out of luck"')
    with pytest.raises(CallgateError, match=r"server ended with status 1: .*out of luck"):
        httpd(bench, LIMIT, theirs=False)
    assert warnings == []


def test_a_client_that_fails(tmp_path: Path) -> None:
    """What breaks while the server lives is measured once more, and that is said."""
    root = paths.checkout()
    bench, warnings = _server(tmp_path, f'dofile "{root}/examples/httpd.lua"')
    row, _ = httpd(bench, LIMIT, theirs=False)
    assert row.values["callgate"] > 0
    (warning,) = warnings
    assert warning.startswith("measured again: fails: client: ")
