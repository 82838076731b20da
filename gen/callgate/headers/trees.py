"""Header trees: the pinned bundle, or a sysroot; and the compiler that reads them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from callgate.errors import CallgateError
from callgate.headers.compiler import Run, first_errors, run_compiler
from callgate.headers.units import UnitSpec, load_units

if TYPE_CHECKING:
    from callgate.targets import Target

TEXT_NAME = "<prelude>"  # what items of the unit's own text are filed under, and then left out
QUIET = ("-w", "-ferror-limit=0", "-fno-caret-diagnostics", "-fno-sanitize=all", "-g0")


@dataclass(frozen=True)
class HeaderTree:
    """The headers of one target and a compiler for them."""

    target: Target
    name: str  # ex) "bundle", or the sysroot's path
    kernel_dirs: tuple[Path, ...]
    libc_dirs: tuple[Path, ...]
    compiler: tuple[str, ...]  # ex) (".../zig", "cc", "-target", "x86_64-linux-gnu")
    is_clang: bool
    data: Path  # the folder of units.toml, preludes and shims
    cache: Path  # the compiler's own
    version: str  # of the bundle, or the compiler's first line

    @cached_property
    def units(self) -> tuple[UnitSpec, ...]:
        """The units to parse."""
        return load_units(self.data / "units.toml")

    def unit(self, name: str) -> UnitSpec:
        """Return the unit called ``name``."""
        return next(item for item in self.units if item.name == name)

    def search(self, unit: UnitSpec) -> tuple[Path, ...]:
        """Return the unit's include directories in order."""
        own = (self.data / unit.supplement,) if unit.supplement else ()
        shims = (self.data / unit.shims,) if unit.shims else ()
        if unit.of == "kernel":
            return own + self.kernel_dirs + shims
        return own + self.libc_dirs + self.kernel_dirs + shims

    def headers(self, unit: UnitSpec) -> tuple[str, ...]:
        """Return the headers that the unit includes, in order."""
        dirs = self.search(unit)
        excluded = unit.excluded_here(big_endian=self.target.data_model.big_endian)
        found: set[str] = set()
        for folder in dirs:
            for top in unit.discover:
                for path in (folder / top).rglob("*.h"):
                    found.add(path.relative_to(folder).as_posix())
        found = {header for header in found if not unit.is_through(header)}
        listed = {name for name in unit.include if any((path / name).is_file() for path in dirs)}
        wanted = (found | listed) - set(excluded) - set(unit.first)
        return (*unit.first, *sorted(wanted))

    def source(self, unit: UnitSpec) -> str:
        """Return the unit's text: defines, prelude, one include per header."""
        lines = [f"#define {name.replace('=', ' ')}" for name in unit.defines]
        prelude = (self.data / unit.prelude).read_text(encoding="utf-8") if unit.prelude else ""
        includes = [f"#include <{name}>" for name in self.headers(unit)]
        return "\n".join([*lines, prelude, *includes, ""])

    def preprocess(self, unit: UnitSpec, source: str, *, macros: bool = True) -> str:
        """Return ``source`` preprocessed, with its macro definitions unless told otherwise.

        Raises CallgateError with the compiler's first messages when it fails.
        """
        flags = ("-E", "-dD") if macros else ("-E", "-P")
        command = [*self.compiler, *self._includes(unit), *flags, "-w", "-x", "c", "-"]
        run = run_compiler(command, source, cache=self.cache, capture=True)
        if run.status != 0:
            raise CallgateError(
                f"preprocessing failed:\n  {first_errors(run.errors)}",
                where=f"{self.target.name}, unit {unit.name}",
                hint="exclude the header in headers/units.toml, with the reason",
            )
        return run.output

    def compile(self, unit: UnitSpec, source: str, output: Path) -> Run:
        """Compile ``source`` to an object file for the target; the caller reads the status."""
        quiet = QUIET if self.is_clang else ("-w", "-fmax-errors=0", "-g0")
        command = [*self.compiler, *self._includes(unit), *quiet, "-c", "-x", "c", "-"]
        return run_compiler([*command, "-o", str(output)], source, cache=self.cache, capture=False)

    def header_of(self, path: str) -> str:
        """Return a line marker's path as it would be included: ``linux/fcntl.h``."""
        for folder in self._prefixes:
            if path.startswith(folder):
                return path[len(folder) :]
        if path.startswith("<") or "stdin" in Path(path).name:
            return TEXT_NAME
        return path

    def kernel_version(self) -> str:
        """Return the version of the kernel headers, ``7.2.0``, from linux/version.h."""
        for folder in self.kernel_dirs:
            path = folder / "linux/version.h"
            if path.is_file():
                found = re.search(r"LINUX_VERSION_CODE\s+(\d+)", path.read_text(encoding="utf-8"))
                if found:
                    code = int(found[1])
                    return f"{code >> 16}.{code >> 8 & 0xFF}.{code & 0xFF}"
        raise CallgateError(
            "no linux/version.h with LINUX_VERSION_CODE",
            where=self.name,
            hint="the tree needs the kernel's exported headers (`make headers_install`)",
        )

    def fingerprint(self) -> str:
        """Return a hash that changes with the headers; the bundle's is its pinned version."""
        digest = hashlib.sha256(f"{self.name}\0{self.version}\0{self.compiler}".encode())
        if self.name != "bundle":
            for folder in (*self.kernel_dirs, *self.libc_dirs):
                for path in sorted(folder.rglob("*.h")):
                    status = path.stat()
                    digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    @cached_property
    def _prefixes(self) -> tuple[str, ...]:
        folders = {
            f"{folder}/"
            for unit in self.units
            for folder in (*self.search(unit), *self._builtin)
        }
        return tuple(sorted(folders, key=len, reverse=True))

    @cached_property
    def _builtin(self) -> tuple[Path, ...]:
        """The directory of the compiler's own headers: stddef.h, stdarg.h."""
        if self._is_zig:
            return (Path(self.compiler[0]).parent / "lib/include",)
        command = [*self.compiler, "-print-file-name=include"]
        return (Path(run_compiler(command, "", cache=self.cache, capture=True).output.strip()),)

    @property
    def _is_zig(self) -> bool:
        return Path(self.compiler[0]).name == "zig"

    def _includes(self, unit: UnitSpec) -> list[str]:
        if unit.of == "libc" and self.name == "bundle":
            return []  # zig adds the libc's directories, and the macros that go with its version
        # Without -nolibc zig adds its libc's headers in spite of -nostdinc.
        hide = ["-nostdinc", "-nolibc"] if self._is_zig else ["-nostdinc"]
        folders = (self._builtin if unit.of == "libc" else ()) + self.search(unit)
        return [*hide, *(flag for folder in folders for flag in ("-isystem", str(folder)))]


def open_tree(
    target: Target,
    data: Path,
    cache: Path,
    *,
    sysroot: Path | None = None,
    compiler: str | None = None,
) -> HeaderTree:
    """Return the target's headers: the bundle's, or those under ``sysroot``.

    Raises CallgateError when the bundle or the sysroot is not there, or holds no such headers.
    """
    if sysroot is None:
        return _bundle(target, data, cache)
    return _sysroot(target, data, cache, sysroot, compiler)


def _zig() -> Path:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise CallgateError(
            "the Python package ziglang, which carries the headers, is not installed",
            hint="run ./callgate, which installs it, or `pip install ziglang==0.17.0`",
        )
    return Path(spec.origin).parent / "zig"


def _bundle(target: Target, data: Path, cache: Path) -> HeaderTree:
    zig = _zig()
    include = zig.parent / "lib/libc/include"
    kernel = tuple(include / name for name in target.kernel_includes)
    libc = tuple(include / name for name in target.libc_includes)
    for folder in (*kernel, *libc):
        if not folder.is_dir():
            raise CallgateError(
                f"the ziglang package has no {folder.name}",
                where=target.name,
                hint="headers/targets.toml names the folders; the package must be version 0.17.0",
            )
    command = (str(zig), "cc", "-target", target.zig)
    version = importlib.metadata.version("ziglang")
    return HeaderTree(target, "bundle", kernel, libc, command, True, data, cache / "zig", version)


def _sysroot(
    target: Target, data: Path, cache: Path, sysroot: Path, compiler: str | None
) -> HeaderTree:
    root = sysroot / "usr/include"
    if not (root / "linux/version.h").is_file():
        raise CallgateError(
            "no usr/include/linux/version.h below it",
            where=f"--sysroot {sysroot}",
            hint="name the directory that holds usr/include with the kernel's and libc's headers",
        )
    folders = [root / folder for folder in _multiarch(root, target)] + [root]
    zig = _zig()
    command: tuple[str, ...] = (str(zig), "cc", "-target", target.zig)
    if compiler is not None:
        found = shutil.which(compiler)
        if found is None:
            raise CallgateError(
                f"no such compiler: {compiler}",
                where="--cc",
                hint="leave --cc out to use the bundled clang",
            )
        command = (found,)
    is_clang = compiler is None or "clang" in compiler
    version = run_compiler([*command, "--version"], "", cache=cache / "zig", capture=True).output
    dirs = tuple(path.resolve() for path in folders if path.is_dir())
    return HeaderTree(
        target, str(sysroot.resolve()), dirs, dirs, command, is_clang, data, cache / "zig",
        version.partition("\n")[0],
    )  # fmt: skip


def _multiarch(root: Path, target: Target) -> list[str]:
    """Return Debian's per-architecture include folders that fit the target."""
    return [
        path.parent.name
        for path in sorted(root.glob("*/asm"))
        if path.parent.name.partition("-")[0] == target.arch
    ]
