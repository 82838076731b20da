"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from callgate import files
from callgate.errors import CallgateError
from callgate.files import atomic_directory, atomic_file


def _content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return an earlier output folder."""
    folder = tmp_path / "output"
    (folder / "callgate").mkdir(parents=True)
    (folder / "callgate" / "init.lua").write_text("old")
    (folder / "callgate" / "gone.lua").write_text("old")
    return folder


def _fill(folder: Path) -> None:
    (folder / "callgate").mkdir()
    (folder / "callgate" / "init.lua").write_text("new")


OLD = {"callgate/gone.lua": "old", "callgate/init.lua": "old"}
NEW = {"callgate/init.lua": "new"}


class TestAtomicFile:
    """atomic_file."""

    def test_replaces(self, tmp_path: Path) -> None:
        """The new text replaces the old, and nothing else is left."""
        dest = tmp_path / "abi.json"
        dest.write_text("old")
        with atomic_file(dest) as path:
            path.write_text("new")
            assert dest.read_text() == "old"
        assert _content(tmp_path) == {"abi.json": "new"}

    def test_makes_parents(self, tmp_path: Path) -> None:
        """Missing parent folders are made."""
        with atomic_file(tmp_path / "a" / "b" / "c.json") as path:
            path.write_text("new")
        assert _content(tmp_path) == {"a/b/c.json": "new"}

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_failure_keeps_the_old(self, tmp_path: Path, error: type[BaseException]) -> None:
        """An exception passes through, and the file is as it was."""
        dest = tmp_path / "abi.json"
        dest.write_text("old")
        with pytest.raises(error), atomic_file(dest) as path:
            path.write_text("half")
            raise error
        assert _content(tmp_path) == {"abi.json": "old"}

    def test_full_disk(self, tmp_path: Path) -> None:
        """A full disk is an error for people, and the file is as it was."""
        dest = tmp_path / "abi.json"
        dest.write_text("old")
        with pytest.raises(CallgateError) as caught, atomic_file(dest):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        assert str(dest) == caught.value.where
        assert "No space left" in caught.value.what
        assert "free some space" in (caught.value.hint or "")
        assert _content(tmp_path) == {"abi.json": "old"}

    def test_device(self) -> None:
        """A device is written to, never replaced."""
        null = Path(os.devnull)
        with atomic_file(null) as path:
            path.write_text("new")
        assert null.is_char_device()

    def test_link(self, tmp_path: Path) -> None:
        """A symbolic link stays one; what it leads to is replaced."""
        (tmp_path / "real").write_text("old")
        (tmp_path / "link").symlink_to("real")
        with atomic_file(tmp_path / "link") as path:
            path.write_text("new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_text() == "new"

    def test_parent_is_a_file(self, tmp_path: Path) -> None:
        """A path through a file is refused with a reason and advice."""
        (tmp_path / "a").write_text("")
        with pytest.raises(CallgateError, match="cannot write") as caught:
            atomic_file(tmp_path / "a" / "b").__enter__()
        assert "a part of the path is a file" in (caught.value.hint or "")

    def test_other_errors_pass(self, tmp_path: Path) -> None:
        """An error about a file elsewhere is not mistaken for one of writing."""
        with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "x"):
            Path("/nonexistent/header.h").read_text()


class TestAtomicDirectory:
    """atomic_directory."""

    def test_new(self, tmp_path: Path) -> None:
        """A folder that was not there appears with its parents, under the user's umask."""
        dest = tmp_path / "a" / "output"
        with atomic_directory(dest) as folder:
            assert not dest.exists()
            _fill(folder)
        assert _content(tmp_path) == {"a/output/callgate/init.lua": "new"}
        assert dest.stat().st_mode == dest.parent.stat().st_mode

    def test_replaces(self, library: Path) -> None:
        """The new folder replaces the old one entirely, and nothing is left beside it."""
        with atomic_directory(library) as folder:
            _fill(folder)
            assert _content(library) == OLD
        assert _content(library) == NEW
        assert _names(library.parent) == ["output"]

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
    def test_failure_keeps_the_old(self, library: Path, error: type[BaseException]) -> None:
        """An exception passes through, and the folder is as it was."""
        with pytest.raises(error), atomic_directory(library) as folder:
            _fill(folder)
            raise error
        assert _content(library) == OLD
        assert _names(library.parent) == ["output"]

    @pytest.mark.parametrize("failing", [1, 2])
    def test_failing_rename(
        self, library: Path, monkeypatch: pytest.MonkeyPatch, failing: int
    ) -> None:
        """Whichever of the two renames fails, the folder is as it was."""
        rename, calls = Path.rename, []

        def fail_once(self: Path, target: Path) -> Path:
            calls.append(target)
            if len(calls) == failing:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(self))
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", fail_once)
        refused = pytest.raises(CallgateError, match="Input/output error")
        with refused, atomic_directory(library) as folder:
            _fill(folder)
        assert _content(library) == OLD
        assert _names(library.parent) == ["output"]

    def test_full_disk(self, library: Path) -> None:
        """A full disk is an error for people, and the folder is as it was."""
        with pytest.raises(CallgateError, match="No space left"), atomic_directory(library):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        assert _content(library) == OLD

    def test_strangers(self, tmp_path: Path) -> None:
        """A folder with files of somebody else's is refused before anything is done."""
        (tmp_path / "thesis.tex").write_text("years")
        with pytest.raises(CallgateError, match="did not write") as caught:
            atomic_directory(tmp_path).__enter__()
        assert "empty folder" in (caught.value.hint or "")
        assert _content(tmp_path) == {"thesis.tex": "years"}

    def test_stranger_beside_the_library(self, library: Path) -> None:
        """Files that lie beside the library at the top of the folder are not lost either."""
        (library / "mine.lua").write_text("mine")
        with pytest.raises(CallgateError, match=r"mine\.lua"), atomic_directory(library) as folder:
            _fill(folder)
        assert _content(library) == OLD | {"mine.lua": "mine"}

    def test_empty(self, tmp_path: Path) -> None:
        """An empty folder may be replaced."""
        dest = tmp_path / "empty"
        dest.mkdir()
        with atomic_directory(dest) as folder:
            _fill(folder)
        assert _content(dest) == NEW

    def test_file_in_the_way(self, tmp_path: Path) -> None:
        """A file under the folder's name is refused."""
        (tmp_path / "output").write_text("")
        with pytest.raises(CallgateError, match="Not a directory"):
            atomic_directory(tmp_path / "output").__enter__()

    def test_killed_while_filling(self, library: Path) -> None:
        """A killed run leaves the folder as it was; the next one removes what lies beside it."""
        script = textwrap.dedent("""
            import os, signal, sys
            from pathlib import Path
            from callgate.files import atomic_directory
            with atomic_directory(Path(sys.argv[1])) as folder:
                (folder / "half").write_text("half")
                os.kill(os.getpid(), signal.SIGKILL)
        """)
        done = subprocess.run([sys.executable, "-c", script, str(library)], check=False)
        assert done.returncode == -signal.SIGKILL
        assert _content(library) == OLD
        assert len(_names(library.parent)) == 2
        with atomic_directory(library) as folder:
            _fill(folder)
        assert _names(library.parent) == ["output"]

    def test_killed_between_the_renames(self, library: Path) -> None:
        """A folder that a killed run had moved aside is put back by the next run."""
        gone = subprocess.run(
            [sys.executable, "-c", "import os; print(os.getpid())"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        library.rename(library.with_name(f".output.old.{gone}"))
        with pytest.raises(ValueError, match="later"), atomic_directory(library):
            raise ValueError("later")
        assert _content(library) == OLD
        assert _names(library.parent) == ["output"]

    def test_another_run(self, library: Path) -> None:
        """The unfinished folder of a run that still goes on is left alone."""
        beside = library.with_name(f".output.new.{os.getppid()}")
        beside.mkdir()
        with atomic_directory(library) as folder:
            _fill(folder)
        assert beside.is_dir()


def test_library_entry_is_in_the_library() -> None:
    """The file that marks a folder as written by callgate is part of the hand-written runtime."""
    runtime = Path(files.__file__).parent / "runtime"
    assert (runtime / Path(files.LIBRARY_ENTRY).name).is_file()
