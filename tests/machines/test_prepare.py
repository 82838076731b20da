"""From a row to a machine, and what is said where that cannot be."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from callgate.machines import chroot
from callgate.machines.chroot import ChrootMachine
from callgate.machines.furnish import furnish
from callgate.machines.model import FOLDER, LUAJIT, SCRATCH, Job, Lacking, Run
from callgate.machines.prepare import prepare
from callgate.report import Reporter

LUPA = Run("amd64-lupa", "x86_64-linux-gnu", "native", "amd64", "", "lupa")
PACKAGE = replace(LUPA, name="p", suite="trixie", luajit="package", packages=("luajit",))
QUIET = Reporter(quiet=True)


def test_other_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A native run on another processor says which one it takes."""
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(Lacking, match="a processor that runs amd64"):
        prepare(LUPA, QUIET)


def test_no_apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where packages cannot be had, that is what is lacking."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CALLGATE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(Lacking, match="apt-get is not here") as error:
        prepare(PACKAGE, QUIET)
    assert error.value.hint


def test_no_namespaces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that may not make namespaces says so, with what would allow it."""
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/luajit").write_bytes(b"\x7fELF" + bytes(16))
    monkeypatch.setattr(
        chroot, "_jailed", lambda *_: ("!namespaces: Operation not permitted", ("", ""))
    )
    with pytest.raises(Lacking, match="no chroot in namespaces: namespaces: Operation") as error:
        ChrootMachine(PACKAGE, root).execute([Job("a", (LUAJIT,))], tmp_path)
    assert ("root" if os.geteuid() else "--privileged") in (error.value.hint or "")


def test_foreign_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A root folder whose programs do not run here says what they said."""
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/luajit").write_bytes(b"\x7fELF" + bytes(16))
    said = ("32512", ("", "/usr/bin/busybox: Exec format error\n"))
    monkeypatch.setattr(chroot, "_jailed", lambda *_: said)
    with pytest.raises(Lacking, match="its programs do not run: /usr/bin/busybox: Exec format"):
        furnish(ChrootMachine(PACKAGE, root))


def test_embedded(tmp_path: Path) -> None:
    """The embedded LuaJIT sees the folder and its scratch folder under this machine's paths."""
    if platform.machine() != "x86_64":
        pytest.skip("the row is for x86_64")
    (tmp_path / "a.lua").write_text("io.write(jit.version, ' ', os.getenv 'P', ' ', ...)")
    job = Job("a", (LUAJIT, f"{FOLDER}/a.lua", f"{SCRATCH}/x"), (("P", f"{FOLDER}/?.lua;;"),))
    (outcome,) = prepare(LUPA, QUIET).execute([job], tmp_path)
    assert outcome.status == 0, outcome.stderr
    *version, path, scratch = outcome.stdout.split()
    assert version[0] == "LuaJIT"
    assert path == f"{tmp_path}/?.lua;;"
    assert scratch.endswith("/x")
    assert not scratch.startswith(f"{SCRATCH}/x")


def test_embedded_time_limit(tmp_path: Path) -> None:
    """A job of lupa's that exceeds its time has no status."""
    if platform.machine() != "x86_64":
        pytest.skip("the row is for x86_64")
    job = Job("a", (LUAJIT, "-e", "while true do end"), seconds=1)
    (outcome,) = prepare(LUPA, QUIET).execute([job], tmp_path)
    assert outcome.status is None
