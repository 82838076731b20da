"""Where things lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgate import paths
from callgate.errors import CallgateError


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the package believe that it is installed in the returned folder."""
    package = tmp_path / "site-packages" / "callgate"
    package.mkdir(parents=True)
    monkeypatch.setattr(paths, "PACKAGE", package)
    return package


class TestDataDir:
    """data_dir and checkout."""

    def test_checkout(self) -> None:
        """In a checkout the data are the checkout's own folders."""
        root = paths.checkout()
        assert root is not None
        assert paths.data_dir("headers") == root / "headers"
        assert paths.output_dir() == root / "output"

    def test_installed(
        self, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An installed package has the data inside, and writes to ./output by default."""
        (installed / "_data" / "headers").mkdir(parents=True)
        monkeypatch.chdir(tmp_path)
        assert paths.checkout() is None
        assert paths.data_dir("headers") == installed / "_data" / "headers"
        assert paths.output_dir() == tmp_path / "output"

    def test_missing(self, installed: Path) -> None:
        """A missing folder is named together with what to do."""
        with pytest.raises(CallgateError, match="missing") as caught:
            paths.data_dir("headers")
        assert str(installed) in (caught.value.where or "")
        assert "install callgate again" in (caught.value.hint or "")


class TestCacheDir:
    """cache_dir."""

    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            ({"CALLGATE_CACHE": "own", "XDG_CACHE_HOME": "xdg"}, "own"),
            ({"XDG_CACHE_HOME": "xdg"}, "xdg/callgate"),
            ({}, "home/.cache/callgate"),
        ],
    )
    def test_order(
        self,
        variables: dict[str, str],
        expected: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """CALLGATE_CACHE goes before XDG_CACHE_HOME, that before ~/.cache; the folder is made."""
        monkeypatch.delenv("CALLGATE_CACHE", raising=False)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        for name, value in variables.items():
            monkeypatch.setenv(name, str(tmp_path / value))
        assert paths.cache_dir() == tmp_path / expected
        assert (tmp_path / expected).is_dir()

    def test_relative_xdg(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A relative XDG_CACHE_HOME is ignored, as the XDG base directory specification asks."""
        monkeypatch.delenv("CALLGATE_CACHE", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", "relative")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert paths.cache_dir() == tmp_path / ".cache" / "callgate"

    def test_unwritable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A cache that cannot be made is named together with what to do."""
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("CALLGATE_CACHE", str(tmp_path / "file" / "cache"))
        with pytest.raises(CallgateError, match="cannot make the cache: Not a directory") as caught:
            paths.cache_dir()
        assert caught.value.where == str(tmp_path / "file" / "cache")
        assert "CALLGATE_CACHE" in (caught.value.hint or "")
