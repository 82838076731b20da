"""ljsyscall's own example of a server, as it is read from its source package."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from callgate.explore import theirs
from callgate.machines.apt import Apt
from callgate.machines.model import Lacking


def archive(path: Path, files: dict[str, str]) -> Path:
    """Write a source archive."""
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            row = tarfile.TarInfo(f"ljsyscall-0.12/{name}")
            row.size = len(text)
            tar.addfile(row, io.BytesIO(text.encode()))
    return path


def test_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example comes out of the archive with another port, and only it."""
    text = "local sa = t.sockaddr_in(8000, host)\n"
    packed = archive(tmp_path / "x.tar.gz", {"README.md": "text", "examples/epoll.lua": text})
    monkeypatch.setattr(Apt, "archive", lambda _apt, _name: packed)
    assert theirs.example(81) == "local sa = t.sockaddr_in(81, host)\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"README.md": "text"}, "has no examples/epoll.lua"),
        ({"examples/epoll.lua": "t.sockaddr_in(80, host)"}, "does not say"),
    ],
)
def test_another_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], message: str
) -> None:
    """A package without the example, or with another one, is said to lack it."""
    packed = archive(tmp_path / "x.tar.gz", files)
    monkeypatch.setattr(Apt, "archive", lambda _apt, _name: packed)
    with pytest.raises(Lacking, match=message):
        theirs.example(81)
