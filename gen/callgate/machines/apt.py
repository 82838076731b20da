"""Debian packages of any architecture and suite, through a private apt configuration.

Nothing is installed: apt resolves against an empty package database of its own and only downloads.
The mirror is the machine's own, with the suite replaced; packages are known by name.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import paths
from callgate.machines.model import Lacking

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path("/etc/apt")
ARCHIVE = re.compile(r"/debian/?$")  # the main archive; security and others have other paths
LISTS_SECONDS = 120
FETCH_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Apt:
    """Packages of one architecture in one suite. Raises Lacking where apt or a network is not."""

    arch: str  # Debian's name, ex) "armhf"
    suite: str  # ex) "trixie", "sid"

    def fetch(self, *names: str, closure: bool = True) -> list[Path]:
        """Return the files of the packages ``names``, with all that they depend on if ``closure``.

        Already downloaded ones are not asked for again. A name may be a shell pattern such as
        "linux-image-7.2*-amd64"; it must match one package.
        """
        key = self.folder / "fetched" / re.sub(r"[^\w.+-]", "_", f"{' '.join(names)} {closure}")
        with self._locked():
            if key.is_file():
                files = [self.folder / "debs" / line for line in key.read_text().split()]
                if all(path.is_file() for path in files):
                    return files
            self._lists()
            exact = [self._exact(name) for name in names]
            try:
                files = self._closure(exact) if closure else self._plain(exact)
            except subprocess.CalledProcessError:
                self._lists(again=True)  # a package of the old list may be gone from the mirror
                try:
                    files = self._closure(exact) if closure else self._plain(exact)
                except subprocess.CalledProcessError as error:
                    raise self._failed(" ".join(names), error) from error
            key.parent.mkdir(parents=True, exist_ok=True)
            key.write_text("\n".join(path.name for path in files))
            return files

    def source(self, name: str) -> Path:
        """Return a folder that holds the unpacked source of the source package ``name``."""
        folder = self.folder / "source" / name
        with self._locked():
            if not (folder / ".complete").is_file():
                subprocess.run(["tar", "-xf", self._archive(name)], cwd=folder, check=True)
                (folder / ".complete").touch()
        return folder

    def archive(self, name: str) -> Path:
        """Return the archive of the original source of the source package ``name``, packed."""
        with self._locked():
            return self._archive(name)

    def _archive(self, name: str) -> Path:
        folder = self.folder / "source" / name
        if not (folder / ".fetched").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._lists()
            try:  # Debian's own changes, another file, are of no use here
                self._run("apt-get", "source", "--download-only", "--tar-only", name, cwd=folder)
            except subprocess.CalledProcessError as error:
                raise self._failed(name, error) from error
            (folder / ".fetched").touch()
        return next(path for path in folder.glob("*.orig.tar.*") if path.suffix != ".asc")

    @property
    def folder(self) -> Path:
        """Where lists and packages of this suite and architecture are kept."""
        return paths.cache_dir() / "apt" / f"{self.suite}-{self.arch}"

    def _plain(self, names: list[str]) -> list[Path]:
        into = self.folder / "debs"
        into.mkdir(parents=True, exist_ok=True)
        # in another folder, since apt-get does not name what is already there
        said = self._run("apt-get", "download", "--print-uris", *names, cwd=self.folder).stdout
        # in an order of apt-get's own; a file's name is the package's, an underscore, its version
        found = {
            file.partition("_")[0]: into / file
            for file in re.findall(r"^'[^']+' (\S+) ", said, re.MULTILINE)
        }
        wanted = [name.partition(":")[0] for name in names]
        if lost := sorted(set(wanted) - set(found)):
            raise Lacking(f"apt-get names no file of {' '.join(lost)}", where=self.folder.name)
        absent = [name for name in wanted if not found[name].is_file()]
        if absent:
            self._run("apt-get", "download", *absent, cwd=into)
        return [found[name] for name in wanted]

    def _closure(self, names: list[str]) -> list[Path]:
        said = self._run(
            "apt-get", "install", "--simulate", "--no-install-recommends", *names
        ).stdout
        return self._plain(re.findall(r"^Inst (\S+)", said, re.MULTILINE))

    def _exact(self, name: str) -> str:
        if not re.search(r"[*?\[]", name):
            return name
        pattern = "^" + re.escape(name).replace(r"\*", ".*").replace(r"\?", ".") + "$"
        found = self._run("apt-cache", "search", "--names-only", pattern).stdout.split("\n")
        names = sorted(line.split()[0] for line in found if line)
        if not names:
            raise Lacking(f"no package like {name}", where=f"{self.suite} {self.arch}")
        return names[-1]

    def _lists(self, *, again: bool = False) -> None:
        """Write the configuration and download the package lists, once."""
        conf = self.folder / "apt.conf"
        if conf.is_file() and (self.folder / "lists" / ".complete").is_file() and not again:
            return
        if not shutil.which("apt-get"):
            raise Lacking("apt-get is not here", hint="run this on a Debian machine, or in one")
        for name in ("lists/partial", "cache/archives/partial", "debs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        (self.folder / "sources.list").write_text(
            f"deb [trusted=yes] {mirror()} {self.suite} main\n"
            f"deb-src [trusted=yes] {mirror()} {self.suite} main\n"
        )
        conf.write_text(
            f'Dir::Etc::sourcelist "{self.folder}/sources.list";\n'
            'Dir::Etc::sourceparts "/dev/null";\n'
            f'Dir::State "{self.folder}";\n'
            f'Dir::State::lists "{self.folder}/lists";\n'
            f'Dir::State::status "{self.folder}/status";\n'
            f'Dir::Cache "{self.folder}/cache";\n'
            f'APT::Architecture "{self.arch}";\n'
            f'APT::Architectures {{ "{self.arch}"; }};\n'
            'APT::Sandbox::User "";\n'
            'Acquire::Check-Valid-Until "false";\n'
            'Acquire::Languages "none";\n'
            'Acquire::Retries "3";\n'
            'APT::Get::AllowUnauthenticated "true";\n'
        )
        try:
            self._run("apt-get", "update", seconds=LISTS_SECONDS)
        except subprocess.CalledProcessError as error:
            raise self._failed("the package lists", error) from error
        (self.folder / "lists" / ".complete").touch()

    def _run(
        self, *command: str, cwd: Path | None = None, seconds: int = FETCH_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [command[0], "-qq" if command[0] == "apt-get" else "-q", *command[1:]],
                env={**os.environ, "APT_CONFIG": str(self.folder / "apt.conf"), "LC_ALL": "C"},
                cwd=cwd,
                capture_output=True,
                text=True,
                check=True,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired as error:
            raise Lacking(
                f"{command[0]} did not end within {seconds} s",
                where=f"{self.suite} {self.arch}",
                hint="is there a network? try again",
            ) from error

    def _failed(self, what: str, error: subprocess.CalledProcessError) -> Lacking:
        said = [line for line in error.stderr.splitlines() if line.startswith(("E:", "W:"))]
        why = said[0][2:].strip() if said else f"exit status {error.returncode}"
        return Lacking(
            f"cannot download {what}: {why}",
            where=f"Debian {self.suite}, {self.arch}",
            hint="is there a network, and a Debian mirror in /etc/apt? `apt-get update` tells",
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep two runs from writing to the same folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def mirror() -> str:
    """Return the address of the Debian archive that this machine's own apt uses."""
    for path in sorted([SOURCES / "sources.list", *SOURCES.glob("sources.list.d/*")]):
        if not path.is_file():
            continue
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lstrip().startswith("#"):
                continue
            for word in line.split():
                if "://" in word and ARCHIVE.search(word):
                    return word
    raise Lacking(
        "apt knows no Debian archive",
        where=str(SOURCES),
        hint="add one to /etc/apt/sources.list: its address ends in /debian",
    )
