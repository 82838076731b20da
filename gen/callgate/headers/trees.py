"""Header trees: the pinned bundle, or a sysroot; and the compiler that reads them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import paths
from callgate.errors import CallgateError
from callgate.headers.compiler import DEFAULT_LIMITS, Limits, Run, first_errors, run_compiler
from callgate.headers.units import UnitSpec, load_units
from callgate.machines.uclibc import built_uclibc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from callgate.targets import Target
    from callgate.tree import Failure

TEXT_NAME = "<prelude>"  # what items of the unit's own text are filed under
COMPILER_NAME = "<compiler>"  # and those of the compiler's: __stddef_size_t.h
BUNDLE = "bundle"
ZIGLANG = "0.17.0"  # headers/targets.toml names folders of this version
# No warnings, and every error in one line.
CLANG_FLAGS = ("-w", "-ferror-limit=0", "-fno-caret-diagnostics")
INCLUDE = re.compile(r"#include <([^>]+)>")
# By target's os: where the version of the kernel stands, and how its number is put together.
VERSIONS: dict[str, tuple[str, str, Callable[[int], tuple[int, ...]]]] = {
    "linux": ("linux/version.h", "LINUX_VERSION_CODE", lambda n: (n >> 16, n >> 8 & 255, n & 255)),
    "netbsd": ("sys/param.h", "__NetBSD_Version__", lambda n: (n // 10**8, n // 10**6 % 100)),
    "freebsd": ("sys/param.h", "__FreeBSD_version", lambda n: (n // 10**5, n // 10**3 % 100)),
}
GCC_FLAGS = ("-w", "-fmax-errors=0", "-fno-diagnostics-show-caret")


@dataclass(frozen=True)
class HeaderTree:
    """The headers of one target and a compiler for them."""

    target: Target
    name: str  # "bundle", or the sysroot's path
    kernel_dirs: tuple[Path, ...]
    libc_dirs: tuple[Path, ...]
    compiler: tuple[str, ...]  # ex) (".../zig", "cc", "-target", "x86_64-linux-gnu")
    is_clang: bool
    version: str  # of the bundle, or the compiler's first line
    data: Path  # the folder of units.toml, preludes and shims
    cache: Path  # the compiler's own
    limits: Limits = DEFAULT_LIMITS
    broken: frozenset[str] = frozenset()  # headers that could not be preprocessed: not included
    own_units: tuple[UnitSpec, ...] = ()  # instead of those of units.toml: a user's own headers
    folders: tuple[Path, ...] = ()  # searched before the target's: a user's -I
    last_folders: tuple[Path, ...] = ()  # and after them: where a user's headers lie

    @cached_property
    def units(self) -> tuple[UnitSpec, ...]:
        """The units to parse; raises CallgateError for a mistake in units.toml."""
        if self.own_units:
            return self.own_units
        found: list[UnitSpec] = []
        for spec in load_units(self.data / "units.toml"):
            if spec.os != self.target.os:
                continue
            dirs = self.search(spec)
            found += spec.split(lambda name, dirs=dirs: _is_in(dirs, name))  # type: ignore[misc]
        return tuple(found)

    def unit(self, name: str) -> UnitSpec:
        """Return the unit called ``name``; raises KeyError for another one."""
        return {item.name: item for item in self.units}[name]

    def search(self, unit: UnitSpec) -> tuple[Path, ...]:
        """Return the unit's include directories in order, the compiler's own left out."""
        own = tuple(self.data / name for name in (unit.shims, unit.supplement) if name)
        if unit.of == "kernel":
            return own + self.kernel_dirs
        return own + tuple(dict.fromkeys((*self.libc_dirs, *self.kernel_dirs)))

    def headers(self, unit: UnitSpec) -> tuple[str, ...]:
        """Return the headers that the unit includes, in order."""
        left = {*self._excluded(unit), *unit.alone, *unit.first, *self.broken}
        below = self._below(unit.discover)
        found = {header for header in below if not unit.reached_through(header)}
        dirs = self.search(unit)
        found |= {name for name in unit.include if _is_in(dirs, name)}
        return (*unit.first, *sorted(found - left))

    def leaving_out(self, failures: Iterable[Failure]) -> HeaderTree:
        """Return the tree without the headers that ``failures`` say are left out as a whole."""
        found = (INCLUDE.fullmatch(item.text) for item in failures)
        return replace(self, broken=self.broken | {item[1] for item in found if item})

    def left_out(self, unit: UnitSpec, entered: tuple[str, ...]) -> dict[str, str]:
        """Return the tree's headers that ``entered`` (``tree.Unit.headers``) lacks, and why."""
        reasons = self._excluded(unit)
        reasons |= {header: f"alone: {row['reason']}" for header, row in unit.alone.items()}
        tops = {pattern.partition("/")[0] for pattern in unit.through} | set(unit.discover)
        missing = sorted(self._below(tuple(tops)) - set(entered))
        return {
            header: reasons.get(header)
            or unit.reached_through(header)
            or "it could not be read: see the failures"
            for header in missing
        }

    def source(self, unit: UnitSpec, without: frozenset[str] = frozenset()) -> str:
        """Return the unit's text: defines, prelude, one include per header but ``without``."""
        lines = [f"#define {name.replace('=', ' ', 1)}" for name in unit.defines]
        if unit.prelude:
            lines.append((self.data / unit.prelude).read_text(encoding="utf-8"))
        lines += [f"#include <{name}>" for name in self.headers(unit) if name not in without]
        return "\n".join([*lines, ""])

    def preprocess(self, unit: UnitSpec, source: str, *, macros: bool = True) -> str:
        """Return ``source`` preprocessed, with its macro definitions unless told otherwise.

        Raises CallgateError with the compiler's first messages when it fails.
        """
        run = self.try_preprocess(unit, source, macros=macros)
        if run.status != 0:
            raise CallgateError(
                f"preprocessing failed:\n  {first_errors(run.errors)}",
                where=f"{self.target.name}, unit {unit.name}",
                hint=f"the command was: {shlex.join(self.command(unit))} -E",
            )
        return run.output

    def try_preprocess(self, unit: UnitSpec, source: str, *, macros: bool = True) -> Run:
        """Run the preprocessor; the caller reads the status. LimitError when it runs away."""
        flags = ("-E", "-dD") if macros else ("-E", "-P")
        command = [*self.command(unit), *flags, *self._flags, "-x", "c", "-"]
        return run_compiler(command, source, cache=self.cache, capture=True, limits=self.limits)

    def compile(self, unit: UnitSpec, source: str, output: Path) -> Run:
        """Compile ``source`` to an object file for the target; the caller reads the status.

        The object is to be read, never run: nothing of a C library is linked to it.
        """
        flags = (*self._flags, "-g0", *(("-fno-sanitize=all",) if self._is_zig else ()))
        command = [*self.command(unit), *flags, "-c", "-x", "c", "-", "-o", str(output)]
        return run_compiler(command, source, cache=self.cache, capture=False, limits=self.limits)

    def command(self, unit: UnitSpec) -> list[str]:
        """Return the compiler with the unit's include directories."""
        before = [flag for folder in self.folders for flag in ("-I", str(folder))]
        after = [flag for folder in self.last_folders for flag in ("-idirafter", str(folder))]
        if unit.of == "libc" and self._has_own_libc:
            return [*self.compiler, *before, *after]
        # Without -nolibc zig adds its libc's headers in spite of -nostdinc.
        hide = ["-nostdinc", "-nolibc"] if self._is_zig else ["-nostdinc"]
        folders = self.search(unit)
        if unit.of == "libc":
            folders = self._builtin + folders
            minor = re.search(r"gnu.*\.(\d+)$", self.target.zig)
            if self.name == BUNDLE and minor:  # zig's glibc headers serve all versions
                hide.append(f"-D__GLIBC_MINOR__={minor[1]}")
        includes = (flag for folder in folders for flag in ("-isystem", str(folder)))
        return [*self.compiler, *before, *hide, *includes, *after]

    def with_compiler(self, compiler: str) -> HeaderTree:
        """Return the same headers seen by another compiler, a second witness.

        Raises CallgateError when it is not there, or does not compile for the target.
        """
        command = _find_compiler(compiler)
        version = _first_line(command, self.cache, self.limits)
        other = replace(self, compiler=command, is_clang=_is_clang(version), version=version)
        other.check()
        return other

    def check(self) -> None:
        """Raise CallgateError unless the compiler's types have the target's sizes."""
        model = self.target.data_model
        expected = (model.pointer[0], model.long[0], 4321 if model.big_endian else 1234)
        source = "__SIZEOF_POINTER__ __SIZEOF_LONG__ __BYTE_ORDER__"
        command = [*self.compiler, "-E", "-P", "-x", "c", "-"]
        run = run_compiler(command, source, cache=self.cache, capture=True, limits=self.limits)
        if run.status != 0:
            message = f"does not work: {first_errors(run.errors)}"
            raise CallgateError(message, where=self.compiler[0])
        if run.output.split() != [str(number) for number in expected]:
            raise CallgateError(
                f"does not compile for {self.target.name}: its pointer size, long size and byte "
                f"order are {run.output.strip()}, not {' '.join(map(str, expected))}",
                where=shlex.join(self.compiler),
                hint="name a cross compiler for the target, or leave --cc out",
            )

    def header_of(self, path: str) -> str:
        """Return a line marker's path as it would be included: ``linux/fcntl.h``.

        What is not to be emitted is filed under a ``<...>`` name: the unit's own text, stand-ins,
        the compiler's definitions, and the pieces of its own headers, which nobody includes.
        """
        if not path.startswith(("/", "<")):
            path = os.path.normpath(self.cache / path)  # relative to where the compiler ran
        for folder in self._prefixes:
            if path.startswith(f"{folder}/"):
                name = path[len(str(folder)) + 1 :]
                if folder in self._shims:
                    return TEXT_NAME
                return self._piece(name) if name.startswith("__") else name
        return TEXT_NAME if path.startswith("<") or path.endswith("stdin.c") else path

    def _piece(self, name: str) -> str:
        """Return what a piece of a compiler's header belongs to: a header that a unit names.

        clang has all of <float.h> in __float_float.h and __float_header_macro.h.
        """
        header = name.removeprefix("__").partition("_")[0] + ".h"
        named = any(header in spec.first for spec in self.own_units)
        return header if named else COMPILER_NAME

    def kernel_version(self) -> str:
        """Return the version of the kernel that the headers are of: ``7.2.0``.

        The bundle's headers of the BSDs leave it to the compiler, so it is asked.
        """
        header, macro, parts = VERSIONS[self.target.os]
        run = self.try_preprocess(self.units[0], f"#include <{header}>\n{macro}\n", macros=False)
        last = run.output.split()[-1:]
        if run.status == 0 and last and last[0].isdigit():
            return ".".join(map(str, parts(int(last[0]))))
        raise CallgateError(
            f"no {header} with {macro}",
            where=self.name,
            hint="the tree needs the kernel's exported headers (`make headers_install`)",
        )

    def fingerprint(self) -> str:
        """Return a hash that changes with the headers; the bundle's is its pinned version."""
        digest = hashlib.sha256(f"{self.name}\0{self.version}\0{self.compiler}".encode())
        if self.name != BUNDLE:
            for folder in dict.fromkeys((*self.kernel_dirs, *self.libc_dirs)):
                for path in sorted(folder.rglob("*.h")):
                    status = path.stat()
                    digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def _excluded(self, unit: UnitSpec) -> dict[str, str]:
        dirs = self.search(unit)
        return unit.excluded_on(self.target, lambda name: _is_in(dirs, name))

    def _below(self, tops: tuple[str, ...]) -> set[str]:
        return {
            path.relative_to(folder).as_posix()
            for folder in self.kernel_dirs
            for top in tops
            for path in (folder / top).rglob("*.h")
        }

    @cached_property
    def _shims(self) -> frozenset[Path]:
        return frozenset(self.data / unit.shims for unit in self.units if unit.shims)

    @cached_property
    def _prefixes(self) -> tuple[Path, ...]:
        """Every include directory, the longest path first."""
        folders = {folder for unit in self.units for folder in self.search(unit)}
        folders.update(self._builtin)
        return tuple(sorted(folders, key=lambda folder: len(str(folder)), reverse=True))

    @cached_property
    def _builtin(self) -> tuple[Path, ...]:
        """The directory of the compiler's own headers: stddef.h, stdarg.h."""
        if self._is_zig:
            return (Path(self.compiler[0]).parent / "lib/include",)
        command = [*self.compiler, "-print-file-name=include"]
        run = run_compiler(command, "", cache=self.cache, capture=True, limits=self.limits)
        path = Path(run.output.strip())
        return (path,) if path.is_absolute() else ()

    @property
    def _flags(self) -> tuple[str, ...]:
        return CLANG_FLAGS if self.is_clang else GCC_FLAGS

    @property
    def _is_zig(self) -> bool:
        return Path(self.compiler[0]).name == "zig"

    @property
    def _has_own_libc(self) -> bool:
        """Zig adds its libc's directories itself, and the macros that go with its version."""
        return self.name == BUNDLE and self._is_zig


def open_tree(
    target: Target,
    data: Path | None = None,
    cache: Path | None = None,
    *,
    sysroot: Path | None = None,
    compiler: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> HeaderTree:
    """Return the target's headers: those below ``sysroot``, of the one it names, or the bundle's.

    ``compiler`` is a command of gcc or clang that reads the sysroot's; by default the bundle's
    clang does. ``data`` is the folder of units.toml, ``cache`` one for compilers to write to.
    Raises CallgateError when the bundle or the sysroot is not there, or holds no such headers;
    Lacking when the target's own sysroot has not been built.
    """
    data = data or paths.data_dir("headers")
    cache = (cache or paths.cache_dir()) / "zig"
    if sysroot is None and target.sysroot:
        sysroot = built_uclibc(target.sysroot)
    if sysroot is not None:
        found = _sysroot(target, data, cache, sysroot, compiler)
    elif compiler is None:
        found = _bundle(target, data, cache)
    else:
        hint = "the bundle's clang reads the bundle"
        raise CallgateError("it goes with --sysroot", where="--cc", hint=hint)
    return replace(found, limits=limits)


def _zig(target: Target) -> tuple[str, ...]:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise CallgateError(
            "the Python package ziglang, which carries the headers, is not installed",
            hint=f"run ./callgate, which installs it, or `pip install ziglang=={ZIGLANG}`",
        )
    # Resolved, as zig itself does: a package manager may have linked it from elsewhere.
    zig = (Path(spec.origin).parent / "zig").resolve()
    return (str(zig), "cc", "-target", target.zig)


def _bundle(target: Target, data: Path, cache: Path) -> HeaderTree:
    command = _zig(target)
    include = Path(command[0]).parent / "lib/libc/include"
    kernel = tuple(include / name for name in target.kernel_includes)
    libc = tuple(include / name for name in target.libc_includes)
    for folder in (*kernel, *libc):
        if not folder.is_dir():
            raise CallgateError(
                f"the ziglang package has no {folder.name}",
                where=target.name,
                hint=f"headers/targets.toml names the folders of version {ZIGLANG}",
            )
    version = importlib.metadata.version("ziglang")
    return HeaderTree(target, BUNDLE, kernel, libc, command, True, version, data, cache)


def _sysroot(
    target: Target, data: Path, cache: Path, sysroot: Path, compiler: str | None
) -> HeaderTree:
    where = f"--sysroot {sysroot}"
    hint = "name the directory that holds usr/include with the kernel's and the libc's headers"
    root = (sysroot / "usr/include").resolve()
    if not (root / "linux/version.h").is_file():
        raise CallgateError("no usr/include/linux/version.h below it", where=where, hint=hint)
    dirs = (*_multiarch(root, target), root)
    if not any((path / "asm/unistd.h").is_file() for path in dirs):
        raise CallgateError(
            f"no asm/unistd.h for {target.arch} below usr/include", where=where, hint=hint
        )
    command = _zig(target) if compiler is None else _find_compiler(compiler)
    version = _first_line(command, cache, DEFAULT_LIMITS)
    name, is_clang = str(sysroot.resolve()), _is_clang(version)
    tree = HeaderTree(target, name, dirs, dirs, command, is_clang, version, data, cache)
    tree.check()
    return tree


def _multiarch(root: Path, target: Target) -> tuple[Path, ...]:
    """Return Debian's per-architecture include folder that fits the target best, if any."""
    exact = root / target.gcc_machine
    if (exact / "asm").is_dir():
        return (exact,)
    fitting = (path.parent for path in sorted(root.glob(f"{target.arch}-*/asm")))
    return tuple(fitting)[:1]


def _find_compiler(compiler: str) -> tuple[str, ...]:
    words = shlex.split(compiler)  # it may carry options, as $CC does: "gcc -m32"
    found = shutil.which(words[0]) if words else None
    if found is None:
        raise CallgateError(
            f"no such compiler: {compiler!r}",
            where="--cc",
            hint="leave --cc out to use the bundled clang",
        )
    return (str(Path(found).absolute()), *words[1:])


def _first_line(command: tuple[str, ...], cache: Path, limits: Limits) -> str:
    run = run_compiler([*command, "--version"], "", cache=cache, capture=True, limits=limits)
    if run.status != 0:
        raise CallgateError(f"does not work: {first_errors(run.errors)}", where=command[0])
    return run.output.partition("\n")[0]


def _is_in(dirs: tuple[Path, ...], name: str) -> bool:
    return any((folder / name).is_file() for folder in dirs)


def _is_clang(version: str) -> bool:
    return "clang" in version
