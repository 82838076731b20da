"""What the machine has of what the tests need, and how it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from callgate import tools

if TYPE_CHECKING:
    import pytest


def test_missing_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library's headers that are not below the include folder are packages to install."""
    (tmp_path / "some-machine/curl").mkdir(parents=True)
    (tmp_path / "some-machine/curl/curl.h").touch()
    (tmp_path / "zlib.h").touch()
    monkeypatch.setattr(tools, "INCLUDE", tmp_path)
    monkeypatch.setattr(tools, "find", lambda _tool: "/bin/true")
    monkeypatch.setattr(tools, "has_ljsyscall", lambda: True)
    assert tools.missing_packages() == ["libluajit-5.1-dev", "libsqlite3-dev"]
