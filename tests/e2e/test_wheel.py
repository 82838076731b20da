"""The wheel, built and installed away from the checkout, is the whole program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from callgate import __version__

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built with the backend that is installed: nothing is downloaded."""
    folder = tmp_path_factory.mktemp("dist")
    command = [
        sys.executable,
        "-P",
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder),
    ]
    done = subprocess.run(
        [*command, str(ROOT)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment's folder, outside the checkout, with the wheel and what it needs.

    The dependencies are those of the environment that runs the tests, found through a path file:
    ziglang alone is a download of 100 MB. The path file cannot lead to the checkout's package,
    since path files are not read in the folders that another one names.
    """
    folder = tmp_path_factory.mktemp("installed") / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=300)
    python = folder / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([str(python), "-c", where], capture_output=True, text=True, check=True)
    dependencies = sysconfig.get_path("purelib")
    (Path(site.stdout.strip()) / "dependencies.pth").write_text(f"{dependencies}\n")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True, timeout=300)
    return folder


def _callgate(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(installed / "bin" / "callgate"), *words],
        cwd=installed.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_content(wheel: Path) -> None:
    """Every file of the package, of headers/ and of examples/ is in the wheel, and no others."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("callgate/")}
    expected = {
        f"{inside}/{path.relative_to(ROOT / source).as_posix()}"
        for source, inside in (
            ("gen/callgate", "callgate"),
            ("headers", "callgate/_data/headers"),
            ("examples", "callgate/_data/examples"),
        )
        for path in (ROOT / source).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == expected
    assert "callgate/_data/headers/targets.toml" in packed


def test_version(installed: Path) -> None:
    """The installed command is the wheel's, not the checkout's."""
    done = _callgate(installed, "--version")
    assert (done.returncode, done.stdout) == (0, f"callgate {__version__}\n"), done.stderr
    doctor = json.loads(_callgate(installed, "doctor", "--json").stdout)
    own = next(row for row in doctor if row["name"] == "callgate")
    assert str(installed) in own["found"]


def test_targets(installed: Path) -> None:
    """The installed command finds the target table."""
    done = _callgate(installed, "targets", "--json")
    assert done.returncode == 0, done.stderr
    assert "x86_64-linux-gnu" in {row["name"] for row in json.loads(done.stdout)}


def test_generate(installed: Path, tmp_path: Path) -> None:
    """The installed command writes the same library as the checkout's, byte for byte."""
    words = ("generate", "x86_64-linux-gnu", "--out")
    done = _callgate(installed, *words, str(tmp_path / "installed"))
    assert done.returncode == 0, done.stderr
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "gen")}
    command = [sys.executable, "-P", "-m", "callgate", *words, str(tmp_path / "own")]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
    written, own = _content(tmp_path / "installed"), _content(tmp_path / "own")
    assert sorted(written) == sorted(own)
    assert [name for name in written if written[name] != own[name]] == []


def _content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
