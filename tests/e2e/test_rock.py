"""The rock: made, packed, installed away from the checkout, and put to use there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from callgate import luajit, paths

ROOT = Path(__file__).resolve().parents[2]
SPECS = ROOT / "tests" / "lua"
ROCKSPEC = "callgate-scm-1.rockspec"
DEBIAN = "/usr/share/lua/5.1"  # ljsyscall, which some specs load beside the library
TIME_LIMIT = 120

pytestmark = pytest.mark.slow


def luarocks(folder: Path, *words: str) -> str:
    """Return what LuaRocks says; it looks at nothing but the folder: no server, no home."""
    done = subprocess.run(
        ["luarocks", "--only-server", str(folder), "--tree", str(folder / "tree"), *words],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what a release's archive holds, as far as the rock needs it."""
    folder = tmp_path_factory.mktemp("source") / "callgate-0.1.0"
    library = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
    shutil.copytree(library, folder / "output")
    for name in ("bin", "docs", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / ROCKSPEC, folder)
    return folder


@pytest.fixture(scope="module")
def rock(source: Path) -> Path:
    """Return the packed rock of `luarocks make`."""
    luarocks(source, "make", ROCKSPEC)
    luarocks(source, "pack", "callgate")
    return source / "callgate-scm-1.all.rock"


@pytest.fixture(scope="module")
def installed(rock: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tree into which the rock was installed."""
    folder = tmp_path_factory.mktemp("installed")
    luarocks(folder, "install", str(rock))
    return folder / "tree"


def run(tree: Path, folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run LuaJIT with the modules of the tree, and ljsyscall's."""
    modules = tree / "share" / "lua" / "5.1"
    found = ";".join(f"{each}/?.lua;{each}/?/init.lua" for each in (modules, DEBIAN))
    return subprocess.run(
        [*luajit.interpreter(), *map(str, words)],
        env={**os.environ, "LUA_PATH": found, "CALLGATE_TEST_TMP": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )


def test_rockspec(source: Path) -> None:
    """LuaRocks finds nothing wrong with the rockspec."""
    luarocks(source, "lint", ROCKSPEC)


def test_release(source: Path, tmp_path: Path) -> None:
    """The rockspec of a release, made from this one, installs its archive."""
    archive = tmp_path / "callgate-0.1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as stream:
        stream.add(source, "callgate-0.1.0")
    shutil.copy(source / ROCKSPEC, tmp_path)
    luarocks(tmp_path, "new_version", ROCKSPEC, "0.1.0", f"file://{archive}")
    luarocks(tmp_path, "install", "callgate-0.1.0-1.rockspec")
    done = run(tmp_path / "tree", tmp_path, "-e", "print(require('callgate').getpid() > 0)")
    assert done.stdout == "true\n", done.stderr


def test_what_is_installed(installed: Path) -> None:
    """Modules lie where Lua looks; definitions for editors and examples lie beside the rock."""
    modules = installed / "share" / "lua" / "5.1"
    assert [path.name for path in modules.iterdir()] == ["callgate"]
    home = installed / "lib" / "luarocks" / "rocks-5.1" / "callgate" / "scm-1"
    for name in ("output/library/callgate/init.lua", "examples/tour.lua", "docs"):
        assert (home / name).exists(), name


def test_luactl(installed: Path, tmp_path: Path) -> None:
    """The command runs from where it was installed, by a link, too, without any environment."""
    link = tmp_path / "ctl"
    link.symlink_to(installed / "bin" / "luactl")
    for command in (installed / "bin" / "luactl", link):
        done = subprocess.run(
            [str(command), "-e", "create", "one", ",", "list"],
            env={name: text for name, text in os.environ.items() if name != "LUA_PATH"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIME_LIMIT,
        )
        assert done.stdout.startswith("one created\n1 active state:\n"), done.stderr


def test_tour(installed: Path, tmp_path: Path) -> None:
    """The first program runs on the installed library."""
    done = run(installed, tmp_path, ROOT / "examples" / "tour.lua", "/")
    assert 'received "hello, kernel"' in done.stdout, done.stderr


@pytest.mark.parametrize(
    "spec", sorted(SPECS.rglob("*_spec.lua")), ids=lambda path: path.stem.removesuffix("_spec")
)
def test_spec(spec: Path, installed: Path, tmp_path: Path) -> None:
    """Every spec passes on the installed library."""
    done = run(installed, tmp_path, SPECS / "runner.lua", spec)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^1\.\.[1-9]", done.stdout, re.MULTILINE), done.stdout
