"""What tests of bindings share: writing one, and running Lua with it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from callgate import luajit
from callgate.cli import main

SECONDS = 60

Bind = Callable[..., Path]
Run = Callable[..., str]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLGATE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def bind(tmp_path: Path) -> Bind:
    """Return a function that runs ``callgate bind`` and returns the file that it wrote."""

    def run(*arguments: str, name: str = "bound") -> Path:
        out = tmp_path / f"{name}.lua"
        assert main(["bind", *arguments, "-o", str(out), "--quiet"]) == 0
        return out

    return run


@pytest.fixture
def lua(tmp_path: Path) -> Run:
    """Return a function that runs Lua in the folder of the bindings, compiled or not."""

    def run(code: str, *arguments: str, jit: bool = True, status: int = 0) -> str:
        script = tmp_path / "script.lua"
        script.write_text(code, encoding="utf-8")
        options = [] if jit or len(luajit.interpreter()) > 1 else ["-joff"]
        done = subprocess.run(
            [*luajit.interpreter(), *options, str(script), *arguments],
            cwd=tmp_path,
            env=luajit.environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    return run
