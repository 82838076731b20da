"""Tests of callgate.machines.uclibc: what a sysroot is made of, and which one is found."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from callgate import paths
from callgate.errors import CallgateError
from callgate.headers.trees import open_tree
from callgate.machines import uclibc
from callgate.machines.model import Lacking
from callgate.report import Reporter
from callgate.targets import load_targets


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of built sysroots in a cache of its own."""
    monkeypatch.setenv("CALLGATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache/machines/uclibc"


def sysroot(folder: Path, *, seconds: int) -> Path:
    """Make ``folder`` look like a sysroot built ``seconds`` after the epoch."""
    for name in ("usr/include/stdio.h", "lib/ld-uClibc.so.1", "lib/libuClibc-1.0.54.so"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    os.utime(folder, (seconds, seconds))
    return folder


@pytest.mark.parametrize("arch", list(uclibc.ARCHITECTURES))
def test_config(arch: str) -> None:
    """The configuration names its processor, and has what Debian's linker needs."""
    lines = uclibc.config_text(arch).splitlines()
    assert lines[0] == f"TARGET_{arch}=y"
    assert "LDSO_GNU_HASH_SUPPORT=y" in lines
    assert len({line.partition("=")[0] for line in lines}) == len(lines)


def test_version() -> None:
    """The version is read from the package's file name."""
    assert uclibc.version_of("uclibc-source_1.0.54-1_all.deb") == "1.0.54"


def test_unknown_architecture(cache: Path) -> None:
    """A processor that it is not built for is refused with those that it is."""
    with pytest.raises(CallgateError, match="no uClibc for 'vax'") as error:
        uclibc.build_uclibc("vax", Reporter(quiet=True))
    assert error.value.hint == "known: x86_64, i386, arm"
    assert not cache.exists()


def test_not_built(cache: Path) -> None:
    """Where no sysroot was built the error is the command that builds it."""
    (cache / "arm-0123").mkdir(parents=True)
    with pytest.raises(Lacking, match="headers for arm are not built") as error:
        uclibc.built_uclibc("uclibc:arm")
    assert error.value.hint == "callgate headers build-uclibc --arch arm"


def test_targets(cache: Path) -> None:
    """Each target of a built sysroot says what to build, and is not read from the bundle."""
    data = paths.data_dir("headers")
    targets = load_targets(data / "targets.toml").values()
    built = {target.sysroot: target for target in targets if target.sysroot}
    assert set(built) == {f"uclibc:{arch}" for arch in uclibc.ARCHITECTURES}
    for target in built.values():
        assert not target.in_library
        with pytest.raises(Lacking, match="not built yet"):
            open_tree(target, data, cache)


def test_newest(cache: Path) -> None:
    """Of several sysroots of one processor the one built last is taken."""
    sysroot(cache / "arm-aaaa", seconds=1000)
    last = sysroot(cache / "arm-bbbb", seconds=3000)
    sysroot(cache / "arm-cccc", seconds=2000)
    sysroot(cache / "i386-dddd", seconds=4000)
    assert uclibc.built_uclibc("uclibc:arm") == last


def test_libc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What programs need at run time is the loader and the library, by their version."""
    root = sysroot(tmp_path / "i386-abcd", seconds=1)
    monkeypatch.setattr(uclibc, "build_uclibc", lambda _arch, _report: root)
    libc = uclibc.uclibc("i386", Reporter(quiet=True))
    assert libc.name == "uClibc-ng 1.0.54"
    assert libc.loader == "lib/ld-uClibc.so.1"
    assert libc.runtime == ("lib/ld-uClibc.so.1", "lib/libuClibc-1.0.54.so")


def test_suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that lacks the source is passed over; with none the first one's problem is told."""
    asked = []

    class Apt:
        def __init__(self, arch: str, suite: str) -> None:
            self.arch, self.suite = arch, suite

        def fetch(self, name: str, *, closure: bool) -> list[Path]:
            assert not closure
            asked.append((self.suite, name))
            if self.suite not in present:
                raise Lacking(f"no {name} in {self.suite}")
            return [tmp_path / f"{name}_{self.suite}"]

    monkeypatch.setattr(uclibc, "Apt", Apt)
    present = {"trixie"}
    source, kernel = uclibc._packages()
    assert (source.name, kernel.name) == ("uclibc-source_trixie", "linux-libc-dev_trixie")
    assert asked[0] == ("sid", "uclibc-source")
    present = set()
    with pytest.raises(Lacking, match="no uclibc-source in sid"):
        uclibc._packages()


def test_kernel_headers(tmp_path: Path) -> None:
    """The kernel's headers are those of one processor, with its asm/ among the others."""
    tree = tmp_path / "tree"
    for name in (
        "DEBIAN/control",
        "usr/include/linux/version.h",
        "usr/lib/linux/uapi/arm/asm/unistd.h",
        "usr/include/i386-linux-gnu/asm/unistd.h",
    ):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(f"{name}\n")
    (tree / "DEBIAN/control").write_text(
        "Package: linux-libc-dev\nVersion: 1\nArchitecture: all\n"
        "Maintainer: nobody <nobody@example.org>\nDescription: headers\n"
    )
    (tree / "usr/include/arm-linux-gnueabihf").mkdir()
    link = tree / "usr/include/arm-linux-gnueabihf/asm"  # as in Debian's package
    link.symlink_to("../../lib/linux/uapi/arm/asm")
    package = tmp_path / "headers.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-b", tree, package], check=True, capture_output=True
    )
    (tmp_path / "build").mkdir()
    uclibc._copy_uapi(package, "arm-linux-gnueabihf", tmp_path / "build")
    found = tmp_path / "build/uapi"
    assert (found / "asm/unistd.h").read_text() == "usr/lib/linux/uapi/arm/asm/unistd.h\n"
    assert not (found / "asm").is_symlink()
    assert sorted(path.name for path in found.iterdir()) == ["asm", "linux"]


def test_incomplete(tmp_path: Path) -> None:
    """A build that ended without the loader is no sysroot."""
    (tmp_path / "uapi/linux").mkdir(parents=True)
    (tmp_path / "sysroot/usr/include").mkdir(parents=True)
    with pytest.raises(CallgateError, match=r"made no lib/ld64-uClibc\.so\.1"):
        uclibc._finish(tmp_path, "x86_64")
