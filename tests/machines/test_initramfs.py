"""The archive that a kernel unpacks as its first root folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.machines.furnish import FILES
from callgate.machines.initramfs import DIRECTORY, INIT, PLAIN, Archive, base, errand
from callgate.machines.model import Job

NAME = st.text("ab.-é ", min_size=1, max_size=8).filter(lambda name: name.strip(".") == name)
PATH = st.lists(NAME, min_size=1, max_size=4).map("/".join)


def entries(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Return path -> (mode, data) of a newc archive; reads it by the format's text."""
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert at % 4 == 0
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = archive[at + 110 : at + 110 + length]
        assert name.endswith(b"\0")
        start = at + 110 + length + -(110 + length) % 4
        data = archive[start : start + size]
        at = start + size + -size % 4
        if name == b"TRAILER!!!\0":
            assert at == len(archive)
            return found
        found[name[:-1].decode()] = (mode, data)


def unpacker() -> list[str]:
    """Return the command of an unpacker of cpio archives; one that was written by others."""
    if shutil.which("cpio"):
        return ["cpio", "--quiet", "-idm"]
    if shutil.which("busybox"):
        return ["busybox", "cpio", "-idm"]
    pytest.skip("neither cpio nor busybox is here")


def unpacked(archive: bytes, folder: Path) -> Path:
    """Unpack the archive into a new folder."""
    folder.mkdir()
    subprocess.run(unpacker(), input=archive, cwd=folder, check=True, capture_output=True)
    return folder


@given(st.dictionaries(PATH, st.binary(max_size=40), max_size=8))
def test_entries(files: dict[str, bytes]) -> None:
    """Every file is there once, whole, after the folders that lead to it."""
    archive = Archive()
    added: dict[str, bytes] = {}
    for name, data in files.items():
        if not any(other.startswith(f"{name}/") or name.startswith(f"{other}/") for other in added):
            archive.add(name, PLAIN, data)
            added[name] = data
    found = entries(archive.whole())
    assert {name: data for name, (mode, data) in found.items() if mode == PLAIN} == added
    order = list(found)
    for number, name in enumerate(order):
        parent = str(Path(name).parent)
        assert parent == "." or order.index(parent) < number


def test_unpacked(tmp_path: Path) -> None:
    """What another program unpacks is the tree that went in: files, modes, links, folders."""
    tree = tmp_path / "tree"
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "bin").symlink_to("usr/bin")
    (tree / "usr/bin/program").write_bytes(bytes(range(256)) * 5)
    (tree / "usr/bin/program").chmod(0o755)
    (tree / "usr/empty").touch(mode=0o644)
    (tree / "usr/bin/other").symlink_to("program")
    archive = Archive()
    archive.add_tree(tree)
    got = unpacked(archive.whole(), tmp_path / "got")
    assert sorted(path.relative_to(got) for path in got.rglob("*")) == sorted(
        path.relative_to(tree) for path in tree.rglob("*")
    )
    assert (got / "usr/bin/other").read_bytes() == bytes(range(256)) * 5
    assert os.access(got / "usr/bin/program", os.X_OK)
    assert (got / "bin").readlink() == Path("usr/bin")
    assert (got / "usr/empty").read_bytes() == b""


def test_two(tmp_path: Path) -> None:
    """Two archives, one after the other, are what the kernel takes as well: both start aligned."""
    first, second = Archive(), Archive()
    first.add("a", PLAIN, b"1")
    second.add("b", PLAIN, b"22")
    assert len(first.whole()) % 4 == 0
    got = unpacked(first.whole(), tmp_path / "got")
    assert (got / "a").read_text() == "1"
    assert entries(second.whole()) == {"b": (PLAIN, b"22")}


def test_base(tmp_path: Path) -> None:
    """A root folder gets init, mount points and files of /etc; documentation stays behind."""
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/luajit").write_bytes(b"\x7fELF")
    (tmp_path / "usr/share/doc/luajit").mkdir(parents=True)
    (tmp_path / "usr/share/doc/luajit/copyright").touch()
    (tmp_path / "usr/lib/x/gconv").mkdir(parents=True)
    (tmp_path / ".packages").touch()
    found = entries(base(tmp_path))
    assert found["init"] == (0o100755, INIT.read_bytes())
    assert found["usr/bin/luajit"][1] == b"\x7fELF"
    assert found["proc"][0] == found["newroot"][0] == DIRECTORY
    assert found["etc/passwd"][1] == FILES["etc/passwd"].encode()
    assert not {"usr/share/doc", "usr/lib/x/gconv", ".packages"} & set(found)


def test_errand(tmp_path: Path) -> None:
    """A job becomes a script that starts exactly its words with exactly its environment."""
    (tmp_path / "a.lua").write_text("print 'a'")
    printing = "import os, sys; print(sys.argv[1:], sorted(set(os.environ) - {'LC_CTYPE'}))"
    words = ("luajit", "-I", "-c", printing, "it's", "$HOME", "luajit")
    jobs = [(4, Job("a", words, (("A", "b 'c'\n"), ("B", "3")), seconds=9))]
    found = entries(errand(jobs, tmp_path, sys.executable, {"C": "/bin", "B": "2"}))
    assert found["callgate/a.lua"][1] == b"print 'a'"
    assert found["tasks/list"][1] == b"4 9\n"
    done = subprocess.run(
        ["sh", "-c", found["tasks/4.sh"][1]], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{['it' + chr(39) + 's', '$HOME', 'luajit']} ['A', 'B', 'C']\n"


def test_init() -> None:
    """The init script is one that a POSIX shell can read."""
    assert subprocess.run(["sh", "-n", INIT], check=False).returncode == 0
