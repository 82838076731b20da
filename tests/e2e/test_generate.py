"""`callgate generate` as a user runs it: what it writes, leaves alone, and says."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600  # a minute on a quiet machine
BLOCK = 4096

pytestmark = pytest.mark.slow


def start(*arguments: str, cache: Path, **options: str) -> subprocess.Popen[str]:
    """Start the command with a cache folder of its own."""
    environment = {**os.environ, "CALLGATE_CACHE": str(cache), **options}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "callgate", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(*arguments: str, cache: Path, status: int = 0, **options: str) -> str:
    """Run the command to its end, check its status, and return what it said."""
    process = start(*arguments, cache=cache, **options)
    try:
        out, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == status, out + err
    return out + err


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below ``folder``."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache that is empty at first."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def library(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library made from nothing."""
    out = tmp_path_factory.mktemp("library") / "out"
    said = run("generate", "--out", str(out), cache=cache)
    assert "received" in said, "the tour did not run"
    return out


class TestBytes:
    """The same headers give the same bytes."""

    def test_the_repository_holds_what_is_generated(self, library: Path) -> None:
        """output/ equals, file by file, what generate writes from nothing."""
        made, committed = contents(library), contents(ROOT / "output")
        assert sorted(made) == sorted(committed)
        assert [name for name in made if made[name] != committed[name]] == []

    def test_again_is_identical(self, library: Path, cache: Path) -> None:
        """A second run finds nothing to change and says so."""
        before = contents(library)
        said = run("generate", "--out", str(library), cache=cache)
        assert "unchanged" in said
        assert contents(library) == before

    def test_a_changed_file_is_restored(self, library: Path, cache: Path, tmp_path: Path) -> None:
        """Generated files that somebody edited are written anew."""
        copy = tmp_path / "copy"
        shutil.copytree(library, copy)
        numbers = copy / "callgate/numbers/x64.lua"
        numbers.write_text(numbers.read_text().replace("read = 0", "read = 1"))
        run("generate", "--out", str(copy), cache=cache)
        assert contents(copy) == contents(library)


class TestSize:
    """The library of all targets is small enough to install anywhere."""

    def test_of_all_files(self) -> None:
        """output/ takes less than 8 MB, and less than 2 MB packed as a rock is."""
        files = contents(ROOT / "output")
        assert sum(map(len, files.values())) < 8_000_000
        blocks = sum(-(-len(data) // BLOCK) * BLOCK for data in files.values())
        assert blocks < 8 << 20, "on a disk of 4 KB blocks"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        assert packed.tell() < 2_000_000


class TestFailures:
    """Whatever goes wrong, the library that was there stays as it was."""

    @pytest.mark.parametrize("delay", [0.3, 1.5, 4.0])
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_interrupted(
        self, library: Path, tmp_path: Path, delay: float, number: signal.Signals
    ) -> None:
        """An interrupt at any moment leaves the old library and nothing beside it."""
        out = tmp_path / "out"
        shutil.copytree(library, out)
        (out / "callgate/numbers/x64.lua").write_text("-- old\n")
        before = contents(out)
        process = start("generate", "--out", str(out), cache=tmp_path / "cache")
        time.sleep(delay)
        process.send_signal(number)
        _, err = process.communicate(timeout=SECONDS)
        assert "Traceback" not in err
        if delay > 1 or process.returncode != -number:  # Python itself may not have begun
            assert process.returncode == 128 + number, err
            assert "interrupted" in err
        assert contents(out) == before
        assert {path.name for path in tmp_path.iterdir()} <= {"cache", "out"}

    def test_unknown_target(self, cache: Path) -> None:
        """A mistyped target is answered with the nearest names."""
        said = run("generate", "x86_64-linux-gun", cache=cache, status=1)
        assert "x86_64-linux-gnu" in said

    def test_missing_sysroot(self, cache: Path, tmp_path: Path) -> None:
        """A sysroot without headers is named, with what it lacks."""
        said = run("generate", "--sysroot", str(tmp_path), cache=cache, status=1)
        assert str(tmp_path) in said
        assert "linux/version.h" in said

    def test_missing_compiler(self, cache: Path) -> None:
        """A compiler that is not there is named."""
        arguments = ("generate", "--sysroot", "/", "--cc", "no-such-cc")
        said = run(*arguments, cache=cache, status=1)
        assert "no-such-cc" in said

    def test_foreign_folder(self, cache: Path, tmp_path: Path) -> None:
        """A folder with somebody's files in it is refused, and they stay."""
        (tmp_path / "precious").write_text("mine")
        run("generate", "--out", str(tmp_path), cache=cache, status=1)
        assert contents(tmp_path) == {"precious": b"mine"}


class TestOtherCommands:
    """Commands on the same model."""

    def test_show(self, library: Path, cache: Path) -> None:
        """A constant, a record and a system call are explained."""
        assert library.is_dir()
        assert "0x40" in run("show", "O_CREAT", cache=cache)
        assert "packed" not in run("show", "struct epoll_event", cache=cache)
        assert "system call 257" in run("show", "openat", cache=cache)

    def test_show_unknown(self, cache: Path) -> None:
        """A mistyped name is answered with a near one."""
        assert "O_CREAT" in run("show", "O_CRAET", cache=cache, status=1)

    def test_dump(self, cache: Path, tmp_path: Path) -> None:
        """The dump is written whole, as JSON."""
        out = tmp_path / "abi.json"
        run("dump", "x86_64-linux-gnu", "-o", str(out), cache=cache)
        value = json.loads(out.read_text())
        assert value["syscalls"]["openat2"]["number"] == 437
        assert value["records"]["struct epoll_event"]["size"] == 12
        assert value["constants"]["O_CREAT"]["value"] == 64


class TestSysroot:
    """Headers from elsewhere than the bundle."""

    def test_a_broken_header_is_left_out_and_said(self, cache: Path, tmp_path: Path) -> None:
        """The run goes on without the declaration, tells its place, and ends non-zero."""
        import ziglang  # noqa: PLC0415 - a namespace that this test alone copies from

        bundle = Path(next(iter(ziglang.__path__))) / "lib/libc/include"
        include = tmp_path / "root/usr/include"
        for name in ("generic-glibc", "x86-linux-gnu", "any-linux-any", "x86-linux-any"):
            shutil.copytree(bundle / name, include, dirs_exist_ok=True)
        (include / "linux/zz_broken.h").write_text(
            "struct zz_good {\n\tint a;\n};\nint zz_bad(;\n#define ZZ_GOOD 7\n"
        )
        out = tmp_path / "out"
        arguments = ("generate", "--sysroot", str(tmp_path / "root"), "--out", str(out))
        said = run(*arguments, cache=cache, status=1)
        assert "linux/zz_broken.h:4:" in said, said
        assert "int zz_bad(;" in said
        module = (out / "callgate/uapi/linux/_z.lua").read_text()
        assert "ZZ_GOOD = 7" in module
        assert "struct zz_good" in module
        assert "zz_bad" not in module
