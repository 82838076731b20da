"""Debian packages without installing them; a script stands in for apt-get."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgate.machines import apt
from callgate.machines.apt import Apt, mirror
from callgate.machines.model import Lacking

# Answers as apt-get does, and writes down what it was asked.
APT_GET = """#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/log"
shift
case "$1" in
update) [ ! -e "$here/offline" ] || { echo "E: Failed to fetch" >&2; exit 100; } ;;
install) printf "Inst libc6 (2.41 Debian)\nInst luajit (2.1 Debian)\nConf luajit (2.1)\n" ;;
download)
  shift
  if [ "$1" = --print-uris ]; then
    shift
    for name; do echo "'http://x/pool/${name}_1%3a2_armhf.deb' ${name}_1%3a2_armhf.deb 9"; done
  else
    for name; do echo data > "${name}_1%3a2_armhf.deb"; done
  fi ;;
source)
  [ "$2 $3" = "--download-only --tar-only" ] || exit 1
  mkdir "$4-1" && echo text > "$4-1/README" && tar -czf "$4_1.orig.tar.gz" "$4-1" && rm -r "$4-1" ;;
esac
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let apt-get be the script, and its sources and cache lie below the folder returned."""
    program = tmp_path / "bin/apt-get"
    program.parent.mkdir()
    program.write_text(APT_GET)
    program.chmod(0o755)
    sources = tmp_path / "etc"
    sources.mkdir()
    (sources / "sources.list").write_text("deb http://mirror.example/debian bookworm main\n")
    monkeypatch.setattr(apt, "SOURCES", sources)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("CALLGATE_CACHE", str(tmp_path / "cache"))
    return tmp_path


def calls(bench: Path) -> list[str]:
    """Return what the script was asked."""
    return (bench / "bin/log").read_text().splitlines()


def test_closure(bench: Path) -> None:
    """All packages that apt would install are downloaded, once."""
    files = Apt("armhf", "trixie").fetch("luajit")
    assert [path.name for path in files] == ["libc6_1%3a2_armhf.deb", "luajit_1%3a2_armhf.deb"]
    assert all(path.read_text() == "data\n" for path in files)
    before = calls(bench)
    assert Apt("armhf", "trixie").fetch("luajit") == files
    assert calls(bench) == before


def test_plain(bench: Path) -> None:
    """Without the closure only what is named is downloaded."""
    (path,) = Apt("armhf", "trixie").fetch("busybox-static", closure=False)
    assert path.name == "busybox-static_1%3a2_armhf.deb"
    assert not any(" install " in line for line in calls(bench))


def test_source(bench: Path) -> None:
    """The original source is downloaded, once, and unpacked for who asks for its files."""
    archive = Apt("amd64", "bookworm").archive("luajit")
    assert archive.name == "luajit_1.orig.tar.gz"
    before = calls(bench)
    folder = Apt("amd64", "bookworm").source("luajit")
    assert (folder / "luajit-1/README").read_text() == "text\n"
    assert Apt("amd64", "bookworm").archive("luajit") == archive
    assert calls(bench) == before


def test_configuration(bench: Path) -> None:
    """The machine's mirror is asked for the row's suite; the machine's own lists stay alone."""
    Apt("armhf", "sid").fetch("luajit")
    folder = bench / "cache/apt/sid-armhf"
    assert "http://mirror.example/debian sid main" in (folder / "sources.list").read_text()
    conf = (folder / "apt.conf").read_text()
    assert 'APT::Architecture "armhf";' in conf
    assert f'Dir::State::status "{folder}/status";' in conf


def test_offline(bench: Path) -> None:
    """Without a network the error says what could not be had, and how to find out why."""
    (bench / "bin/offline").touch()
    with pytest.raises(
        Lacking, match="cannot download the package lists: Failed to fetch"
    ) as error:
        Apt("armhf", "trixie").fetch("luajit")
    assert "apt-get update" in (error.value.hint or "")


def test_no_apt(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no apt-get the error says so."""
    monkeypatch.setenv("PATH", str(bench))
    with pytest.raises(Lacking, match="apt-get is not here"):
        Apt("armhf", "trixie").fetch("luajit")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sources.list", "deb [arch=amd64] https://a.example/debian/ trixie main\n"),
        ("sources.list.d/x.sources", "Types: deb\nURIs: https://a.example/debian/\nSuites: sid\n"),
        (
            "sources.list",
            "# deb http://old.example/debian x main\ndeb https://a.example/debian/ x main\n",
        ),
        (
            "sources.list",
            "deb http://s.example/debian-security x main\ndeb https://a.example/debian/ x main\n",
        ),
    ],
)
def test_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """The main archive is found in both formats, not comments and not other archives."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(text)
    monkeypatch.setattr(apt, "SOURCES", tmp_path)
    assert mirror() == "https://a.example/debian/"


def test_no_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a Debian archive lacks just that."""
    monkeypatch.setattr(apt, "SOURCES", tmp_path)
    with pytest.raises(Lacking, match="apt knows no Debian archive"):
        mirror()
