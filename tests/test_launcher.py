"""The launcher, in checkouts made for the purpose, mostly with a stand-in for Python."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).resolve().parent.parent / "callgate"
PATIENCE = 60.0

# Answers as a Python of version 3.12.0 does to the launcher's questions, and logs what it was
# asked to make. The lock is a real one: fcntl.flock of the file that the launcher opened.
STAND_IN = """#!/bin/sh
case "$1 $2" in
"-c"*fcntl*) exec "$REAL_PYTHON" "$@" ;;
"-c"*) echo "${ANSWER:-3.12.0 $FAKE_PYTHON}"; exit "${REFUSES:-0}" ;;
"-m venv")
    echo venv >>"$LOG"
    mkdir -p "$3/bin" "$3/lib/python3.12/site-packages" && ln -s "$FAKE_PYTHON" "$3/bin/python" ;;
"-m pip")
    echo pip >>"$LOG"
    sleep "${PIP_SLEEPS:-0}"
    echo "$PIP_SAYS" >&2
    exit "${PIP_FAILS:-0}" ;;
"-P -m") shift 3; echo "callgate runs: $*" ;;
*) echo "stand-in: unexpected $*" >&2; exit 99 ;;
esac
"""


@dataclass(frozen=True)
class Checkout:
    """A folder with the launcher, a lock file and a stand-in Python first on PATH."""

    root: Path
    environment: dict[str, str]

    @property
    def log(self) -> list[str]:
        """What the stand-in was asked to make, in order."""
        log = Path(self.environment["LOG"])
        return log.read_text().split() if log.exists() else []

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start the launcher in a process group of its own."""
        return subprocess.Popen(
            [str(self.root / "callgate"), *words],
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the launcher to its end."""
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def wait_for(self, step: str) -> None:
        """Wait until the stand-in has been asked for ``step``."""
        end = time.monotonic() + PATIENCE
        while step not in self.log:
            assert time.monotonic() < end, f"{step} was never asked for: {self.log}"
            time.sleep(0.01)


def _executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a checkout in a folder with a space in its name."""
    root = tmp_path / "check out"
    root.mkdir()
    shutil.copy2(LAUNCHER, root / "callgate")
    (root / "requirements.lock").write_text("rich==15.0.0 --hash=sha256:00\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    fake = _executable(programs / "python3", STAND_IN)
    needed = ("sh", "cksum", "readlink", "rm", "tail", "sed", "grep", "cut", "mkdir", "ln", "sleep")
    for name in needed:
        found = shutil.which(name)
        assert found, name
        (programs / name).symlink_to(found)
    environment = {
        "PATH": str(programs),
        "LOG": str(tmp_path / "log"),
        "FAKE_PYTHON": str(fake),
        "REAL_PYTHON": sys.executable,
    }
    return Checkout(root, environment)


class TestSetUp:
    """Making .venv."""

    def test_first_use(self, checkout: Checkout) -> None:
        """The first use says in one line what it makes, makes it, and runs the command."""
        done = checkout.run("targets", "a b")
        assert (done.returncode, done.stdout) == (0, "callgate runs: targets a b\n")
        assert done.stderr.count("\n") == 1
        assert f"making {checkout.root}/.venv with Python 3.12.0 and pip" in done.stderr
        assert checkout.log == ["venv", "pip"]

    def test_second_use(self, checkout: Checkout) -> None:
        """The second use makes nothing and says nothing."""
        checkout.run()
        done = checkout.run("doctor")
        assert (done.stdout, done.stderr) == ("callgate runs: doctor\n", "")
        assert checkout.log == ["venv", "pip"]

    def test_importable(self, checkout: Checkout) -> None:
        """The package's source becomes importable by a path that survives moving the checkout."""
        checkout.run()
        site = checkout.root / ".venv/lib/python3.12/site-packages"
        entry = (site / "callgate.pth").read_text().strip()
        assert (site / entry).resolve() == checkout.root / "gen"
        moved = checkout.root.rename(checkout.root.with_name("moved"))
        done = Checkout(moved, checkout.environment).run("targets")
        assert (done.stdout, done.stderr) == ("callgate runs: targets\n", "")

    def test_changed_lock(self, checkout: Checkout) -> None:
        """A changed requirements.lock makes .venv again."""
        checkout.run()
        (checkout.root / "requirements.lock").write_text("rich==15.0.1 --hash=sha256:00\n")
        assert "making" in checkout.run().stderr
        assert checkout.run().stderr == ""

    def test_python_gone(self, checkout: Checkout) -> None:
        """A .venv whose Python has been removed is made again."""
        checkout.run()
        python = checkout.root / ".venv/bin/python"
        python.unlink()
        python.symlink_to(checkout.root / "gone")
        assert "making" in checkout.run().stderr

    def test_chosen_python(self, checkout: Checkout) -> None:
        """Another CALLGATE_PYTHON makes .venv again with it, and it stays once unset."""
        checkout.run()
        chosen = str(checkout.environment["FAKE_PYTHON"])
        assert "making" in checkout.run(CALLGATE_PYTHON=chosen).stderr
        assert checkout.run(CALLGATE_PYTHON=chosen).stderr == ""
        assert checkout.run().stderr == ""

    def test_symlinked_launcher(self, checkout: Checkout, tmp_path: Path) -> None:
        """A symbolic link to the launcher uses the checkout that it leads to."""
        link = tmp_path / "bin" / "cg"
        link.symlink_to(checkout.root / "callgate")
        done = subprocess.run(
            ["cg", "targets"],
            env=checkout.environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            executable=str(link),
        )
        assert done.stdout == "callgate runs: targets\n"
        assert (checkout.root / ".venv").is_dir()

    def test_from_another_folder(self, checkout: Checkout) -> None:
        """A relative path to the launcher works, and CDPATH does not lead astray."""
        folder = checkout.root / "gen"
        folder.mkdir()
        done = subprocess.run(
            ["../callgate", "targets"],
            env={**checkout.environment, "CDPATH": "/"},
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "callgate runs: targets\n"


class TestUv:
    """Making .venv with uv."""

    def test_uv(self, checkout: Checkout, tmp_path: Path) -> None:
        """Where uv is there, it makes .venv from the lock and pip is not asked."""
        _executable(
            tmp_path / "bin" / "uv",
            '#!/bin/sh\necho "uv $1" >>"$LOG"\n[ "$1" = pip ] || "$FAKE_PYTHON" -m venv "$5"\n',
        )
        done = checkout.run()
        assert (done.returncode, done.stderr.count("\n")) == (0, 1)
        assert checkout.log == ["uv", "venv", "venv", "uv", "pip"]

    def test_uv_fails(self, checkout: Checkout, tmp_path: Path) -> None:
        """Where uv fails, one line tells its reason and pip does the work."""
        _executable(tmp_path / "bin" / "uv", "#!/bin/sh\necho 'no such index' >&2\nexit 2\n")
        done = checkout.run()
        assert (done.returncode, done.stdout) == (0, "callgate runs: \n")
        assert done.stderr.splitlines()[1:] == ["callgate: uv failed (no such index); trying pip"]
        assert checkout.log == ["venv", "pip"]


class TestTrouble:
    """What the user is told, and what is left behind."""

    @pytest.mark.parametrize(
        ("says", "advice"),
        [
            ("OSError: [Errno 28] No space left on device", "Free about 600 MB"),
            ("THESE PACKAGES DO NOT MATCH THE HASHES", "differs from requirements.lock"),
            ("Failed to establish a new connection", "check the network"),
            ("No matching distribution found for rich", "check the network"),
            ("[Errno 13] Permission denied", "writable"),
            ("error: cc1 exploded", "Another Python may do better"),
        ],
    )
    def test_pip_fails(self, checkout: Checkout, says: str, advice: str) -> None:
        """A failing pip is quoted, followed by what to do; nothing half-made is left."""
        done = checkout.run(PIP_FAILS="1", PIP_SAYS=says)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"  | {says}\n" in done.stderr
        assert advice in done.stderr.splitlines()[-1]
        assert not (checkout.root / ".venv").exists()
        assert checkout.run("again").stdout == "callgate runs: again\n"

    def test_old_python(self, checkout: Checkout) -> None:
        """A Python that is too old is named with its path and version."""
        done = checkout.run(ANSWER="it is Python 3.9.2", REFUSES="1")
        assert done.returncode == 1
        assert "version 3.11 or newer is needed" in done.stderr
        assert f"{checkout.environment['FAKE_PYTHON']}: it is Python 3.9.2" in done.stderr
        assert "CALLGATE_PYTHON=" in done.stderr

    def test_no_python(self, checkout: Checkout) -> None:
        """Without any Python the message says which one is needed."""
        Path(checkout.environment["FAKE_PYTHON"]).unlink()
        done = checkout.run()
        assert done.returncode == 1
        assert "3.11 or newer is needed, and python3 is not on PATH" in done.stderr

    def test_wrong_choice(self, checkout: Checkout) -> None:
        """A CALLGATE_PYTHON that is not there is not silently replaced by another Python."""
        done = checkout.run(CALLGATE_PYTHON="python3.99")
        assert done.returncode == 1
        assert "python3.99 is not on PATH" in done.stderr
        assert checkout.log == []

    def test_lock_missing(self, checkout: Checkout) -> None:
        """A checkout without requirements.lock is called incomplete."""
        (checkout.root / "requirements.lock").unlink()
        done = checkout.run()
        assert done.returncode != 0
        assert "requirements.lock" in done.stderr

    def test_unwritable(self, checkout: Checkout) -> None:
        """A checkout that cannot be written to is named together with what to do."""
        (checkout.root / ".venv.lock").mkdir()  # not even root can open it for writing
        done = checkout.run()
        assert done.returncode == 1
        assert f"cannot write to {checkout.root}" in done.stderr
        assert "Clone to a folder of your own" in done.stderr
        assert checkout.log == []

    @pytest.mark.parametrize(
        ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
    )
    def test_interrupted(self, checkout: Checkout, number: signal.Signals, status: int) -> None:
        """An interrupt while .venv is made leaves nothing behind, and the next run starts over."""
        process = checkout.start(PIP_SLEEPS="30")
        checkout.wait_for("pip")
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == status
        assert err.endswith("interrupted while making .venv; the next run starts over\n")
        assert not (checkout.root / ".venv").exists()
        assert checkout.run("again").stdout == "callgate runs: again\n"

    def test_killed(self, checkout: Checkout) -> None:
        """What a killed run left half-made is not used, and its lock does not outlive it."""
        process = checkout.start(PIP_SLEEPS="30")
        checkout.wait_for("pip")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
        assert (checkout.root / ".venv").exists()
        done = checkout.run("again")
        assert (done.returncode, done.stdout) == (0, "callgate runs: again\n")
        assert "waiting" not in done.stderr

    def test_two_at_once(self, checkout: Checkout) -> None:
        """Of two first uses at a time one makes .venv, and the other waits, says so and uses it."""
        first = checkout.start("first", PIP_SLEEPS="1")
        checkout.wait_for("pip")
        second = checkout.run("second")
        out, _ = first.communicate(timeout=PATIENCE)
        assert (out, second.stdout) == ("callgate runs: first\n", "callgate runs: second\n")
        assert "waiting for it" in second.stderr
        assert checkout.log == ["venv", "pip"]


class TestRealPython:
    """The launcher with the Python that runs the tests, and a package index in a folder."""

    def test_installs_what_the_lock_says(self, checkout: Checkout, tmp_path: Path) -> None:
        """The packages of the lock are installed by hash, and the package's source is found."""
        wheel = tmp_path / "thing-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("thing.py", "name = 'thing'\n")
            archive.writestr(
                "thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n"
            )
            archive.writestr(
                "thing-1.0.dist-info/WHEEL",
                "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            )
            archive.writestr("thing-1.0.dist-info/RECORD", "")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        (checkout.root / "requirements.lock").write_text(f"thing==1.0 --hash=sha256:{digest}\n")
        package = checkout.root / "gen" / "callgate"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "__main__.py").write_text("import sys, thing\nprint(thing.name, sys.argv[1:])\n")
        offline = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(tmp_path),
            "PIP_CONFIG_FILE": os.devnull,
        }
        done = checkout.run("targets", "a b", CALLGATE_PYTHON=sys.executable, **offline)
        assert (done.returncode, done.stdout) == (0, "thing ['targets', 'a b']\n"), done.stderr
