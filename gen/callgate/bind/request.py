"""What a user asks ``callgate bind`` for, and whose headers those are."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from callgate.errors import CallgateError
from callgate.headers.units import UnitSpec
from callgate.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from callgate.headers.trees import HeaderTree
    from callgate.targets import Target

UNIT = "bind"  # the one translation unit, of all headers given
ROOTS = ("/usr/local/include", "/usr/include")  # of the machine's own development packages
SHARED = re.compile(r"include|[\w.]+-linux-\w+")  # folders where headers of many packages lie
LIBC = ("features.h", "bits/types.h", "bits/alltypes.h")  # of glibc, uClibc and musl
# The qualifier promises the compiler something and means nothing to a caller; the model has it not.
UNRESTRICTED = ("restrict=", "__restrict=", "__restrict__=")
# What the compiler brings, no C library (C11 4p6)
COMPILERS = {
    "float.h", "iso646.h", "limits.h", "stdalign.h", "stdarg.h", "stdatomic.h", "stdbool.h",
    "stddef.h", "stdint.h", "stdnoreturn.h",
}  # fmt: skip
DEFINE = re.compile(r"[A-Za-z_]\w*(=.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Request:
    """The options that bear on what is bound."""

    headers: tuple[str, ...]  # as given: paths, or names to look for
    include: tuple[str, ...] = ()  # globs of names
    exclude: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()  # stripped from names
    libraries: tuple[str, ...] = ()  # tried one after the other; () is the process itself
    defines: tuple[str, ...] = ()  # ex) "SQLITE_ENABLE_SESSION", "N=5"
    folders: tuple[Path, ...] = ()  # -I
    first: tuple[str, ...] = ()  # headers included before the others, and not bound
    by_abi: bool = False  # a machine that is no target gets the one with its size of pointers

    def check(self) -> None:
        """Raise CallgateError for what no compiler and no Lua could take."""
        for text in self.defines:
            if not DEFINE.fullmatch(text) or "\n" in text:
                raise CallgateError(
                    f"expected NAME or NAME=VALUE, not {text!r}", where="--define",
                    hint="NAME is a C identifier: --define NDEBUG --define LIMIT=10",
                )  # fmt: skip
        for folder in self.folders:
            if not folder.is_dir():
                raise CallgateError("no such folder", where=f"-I {folder}")
        if "" in (*self.headers, *self.first):
            raise CallgateError("no header given: its name is empty")
        if "" in self.libraries:
            raise CallgateError(
                "expected a name, not ''", where="--library",
                hint="leave it out for functions of the process itself",
            )  # fmt: skip
        for prefix in self.prefixes:
            if not re.fullmatch(r"[A-Za-z_]\w*", prefix):
                raise CallgateError(f"no name begins with {prefix!r}", where="--prefix")


@dataclass(frozen=True)
class Sources:
    """A request's headers as one target sees them."""

    tree: HeaderTree  # with one unit, of the headers
    named: tuple[str, ...]  # the headers as the model's locations call them
    parts: frozenset[str] = frozenset()  # of those that are the system's

    def has(self, name: str, header: str) -> bool:
        """Tell whether a name is the request's own; those that parts have for parts are not."""
        return self.is_own(header) and not (header in self.parts and name.startswith("__"))

    def is_own(self, header: str) -> bool:
        """Tell whether ``header`` is a named one, or lies below one's folder.

        Where headers of many packages lie (/usr/include), only those beside the named one count,
        and those in a folder of its name. The C library's own are never others' neighbours, but
        have parts.
        """
        if header in self.named or header in self.parts:
            return True
        path = Path(header)
        if not path.is_absolute():
            return False
        return any(_is_beside(path, Path(name)) for name in self.named if name[0] == "/")

    def shown(self, header: str) -> str:
        """Return a header's name for people and for files: without where it lies."""
        folders = (*self.tree.folders, *self.tree.last_folders)
        for folder in sorted(folders, key=lambda item: -len(item.parts)):
            if Path(header).is_relative_to(folder):
                return Path(header).relative_to(folder).as_posix()
        return Path(header).name if header.startswith("/") else header


def find_sources(request: Request, tree: HeaderTree) -> Sources:
    """Return the request's headers in ``tree``; raises CallgateError for one that is nowhere."""
    roots = _roots(tree.target) if _is_native(tree.target) else ()
    found = [_find(name, request, tree, roots) for name in request.headers]
    first = [_find(name, request, tree, roots) for name in request.first]
    own = [Path(name).parent for name in found if name.startswith("/")]
    last = dict.fromkeys(
        folder for path in own for folder in (path, *_above(path), *_siblings(path, roots))
    )
    spec = UnitSpec(
        UNIT,
        "libc",
        tree.target.os,
        (*UNRESTRICTED, *request.defines),
        first=(*_before(tree), *first, *found),
    )
    asked = [folder.resolve() for folder in request.folders]
    # A C library in them is not the target's: they come after the target's own folders.
    shared = {Path(root).resolve() for root in ROOTS}
    folders = tuple(each for each in asked if each not in shared and not _has_libc(each))
    last_folders = tuple(dict.fromkeys(each for each in (*asked, *last) if each not in folders))
    tree = replace(tree, own_units=(spec,), folders=folders, last_folders=last_folders)
    return Sources(tree, tuple(found))


def _has_libc(folder: Path) -> bool:
    """Tell whether headers of a C library lie in a folder; Debian has glibc's in two."""
    return any((folder / name).is_file() for name in LIBC)


def _before(tree: HeaderTree) -> tuple[str, ...]:
    """Return what the headers of a system expect their includer to have included."""
    return ("sys/types.h",) if tree.target.os != "linux" else ()


def _find(name: str, request: Request, tree: HeaderTree, roots: tuple[Path, ...]) -> str:
    """Return the path of a header given, or its name where it is one of the target's own."""
    path = Path(name)
    if path.is_file():
        return os.path.normpath(path.absolute())
    system = (*tree.libc_dirs, *tree.kernel_dirs)
    for folder in (*request.folders, *system, *roots):
        if not path.is_absolute() and (folder / name).is_file():
            return name if folder in system else os.path.normpath((folder / name).absolute())
    if name in COMPILERS:
        return name
    what = "it is a folder" if path.is_dir() else "there is no such header"
    raise CallgateError(what, where=name, hint=_hint(path, request, tree.target, roots))


def _hint(path: Path, request: Request, target: Target, roots: tuple[Path, ...]) -> str:
    """Return what may be meant by a header that is nowhere, else where it was looked for."""
    looked = (*request.folders, *roots)
    is_plain = path.parent == Path()
    deeper = [
        found.relative_to(folder).as_posix()
        for folder in looked
        for found in sorted(folder.glob(f"*/{path.name}"))
        if is_plain
    ]
    if deeper and not SHARED.fullmatch(Path(deeper[0]).parent.name):
        return f"did you mean {' or '.join(deeper[:3])}?"
    for folder in looked if not is_plain and not path.is_absolute() else ():
        for found in sorted(folder.glob(f"*/{path}")):
            return f"-I {str(found).removesuffix(f'/{path}')} has it"
    beside = [Path(), *looked] if is_plain else [path.parent]
    known = [item.name for folder in beside if folder.is_dir() for item in folder.glob("*.h")]
    if near := suggest(path.name, known):
        return near
    if not roots:
        return f"the machine's folders are not {target.name}'s: give the header's path, or -I DIR"
    places = ", ".join(map(str, looked))
    return f"looked here, in {places} and in the headers of {target.name}; -I DIR adds a place"


def _is_native(target: Target) -> bool:
    machine = os.uname()
    return (target.os, target.arch) == (machine.sysname.lower(), machine.machine)


def _roots(target: Target) -> tuple[Path, ...]:
    """Return the folders of the machine's development packages, Debian's among them."""
    folders = [Path(root) / target.gcc_machine for root in ROOTS] if target.gcc_machine else []
    return tuple(folder for folder in (*folders, *map(Path, ROOTS)) if folder.is_dir())


def _above(folder: Path) -> list[Path]:
    """Return the folders from ``folder`` up to the last shared one: others' paths begin there."""
    shared = _shared_above(folder)
    if not shared:
        return [folder.parent]
    return [item for item in (folder, *folder.parents) if item.is_relative_to(shared[-1])]


def _shared_above(folder: Path) -> list[Path]:
    """Return the folders above in which headers of many packages lie."""
    return [item for item in (folder, *folder.parents) if SHARED.fullmatch(item.name)]


def _siblings(folder: Path, roots: Iterable[Path]) -> list[Path]:
    """Return the machine's other roots where ``folder`` is, or lies in, one of them."""
    every = list(roots)
    return every if any(folder.is_relative_to(root) for root in every) else []


def _is_beside(path: Path, named: Path) -> bool:
    """Tell whether ``path`` belongs to the header ``named``: it lies below its folder."""
    folder = named.parent
    is_shared = SHARED.fullmatch(folder.name) is not None
    own = folder / named.stem if is_shared else folder
    if path.is_relative_to(own) or _is_below_twin(path, own):
        return True
    beside = path.parent in _shared_above(folder) or (
        SHARED.fullmatch(path.parent.name) is not None and path.parent.is_relative_to(folder)
    )
    return is_shared and beside


def _is_below_twin(path: Path, own: Path) -> bool:
    """Tell whether ``path`` is below a folder that is in another shared one what ``own`` is.

    Debian has what differs by machine apart: SDL2/SDL_config.h below /usr/include/x86_64-linux-gnu.
    """
    shared, others = _shared_above(own), _shared_above(path)
    if shared[-1:] != others[-1:] or not shared:
        return False
    return path.relative_to(others[0]).is_relative_to(own.relative_to(shared[0]))
