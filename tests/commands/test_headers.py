"""Tests of ``callgate headers``: what it prints, and where a built sysroot goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgate.cli import main
from callgate.commands import headers
from callgate.machines.model import Lacking


@pytest.fixture(autouse=True)
def sysroot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that stands for a built sysroot."""
    folder = tmp_path / "cache/machines/uclibc/arm-0123"
    (folder / "usr/include").mkdir(parents=True)
    (folder / "usr/include/stdio.h").write_text("/* stdio */\n")
    (folder / "libc.so.1").symlink_to("libuClibc-1.so")
    monkeypatch.setenv("CALLGATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(headers, "build_uclibc", lambda _arch, _report: folder)
    return folder


def test_build(sysroot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Building prints the path of the sysroot in the cache."""
    assert main(["headers", "build-uclibc", "--arch", "arm"]) == 0
    assert capsys.readouterr().out == f"{sysroot}\n"


def test_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With -o the sysroot is copied, over an older one too, its links as they are."""
    copy = tmp_path / "copy"
    for _ in range(2):
        assert main(["headers", "build-uclibc", "--arch", "arm", "-o", str(copy)]) == 0
    assert capsys.readouterr().out == f"{copy}\n{copy}\n"
    assert (copy / "usr/include/stdio.h").read_text() == "/* stdio */\n"
    assert (copy / "libc.so.1").readlink() == Path("libuClibc-1.so")


def test_copy_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that holds something else than a sysroot is left alone."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/text").write_text("mine")
    assert main(["headers", "build-uclibc", "--arch", "arm", "-o", str(tmp_path / "mine")]) == 1
    assert "it holds what callgate did not write" in capsys.readouterr().err
    assert (tmp_path / "mine/text").read_text() == "mine"


def test_lacking(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What this machine lacks to build is printed with what mends it."""

    def lacking(_arch: str, _report: object) -> Path:
        raise Lacking("apt-get is not here", hint="run this on a Debian machine, or in one")

    monkeypatch.setattr(headers, "build_uclibc", lacking)
    assert main(["headers", "build-uclibc", "--arch", "arm"]) == 1
    said = capsys.readouterr().err
    assert said == "callgate: apt-get is not here\n  run this on a Debian machine, or in one\n"
