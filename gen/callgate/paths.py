"""Where things lie: the checkout or the installed package, and the cache."""

from __future__ import annotations

import os
from pathlib import Path

from callgate.errors import CallgateError

PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """Return the root of the checkout that the package runs from, or None when it is installed."""
    root = PACKAGE.parent.parent
    in_checkout = PACKAGE.parent.name == "gen" and (root / "pyproject.toml").is_file()
    return root if in_checkout else None


def data_dir(name: str) -> Path:
    """Return the folder ``name``, "headers" or "examples": the checkout's, else the package's copy.

    pyproject.toml (force-include) puts the copies into the wheel. Raises CallgateError where
    neither is there.
    """
    root = checkout()
    path = root / name if root else PACKAGE / "_data" / name
    if not path.is_dir():
        hint = "clone the repository again" if root else "install callgate again from a whole wheel"
        raise CallgateError("the folder is missing", where=str(path), hint=hint)
    return path


def output_dir() -> Path:
    """Return where the library is written by default: the checkout's output/, else ./output."""
    return (checkout() or Path.cwd()) / "output"


def cache_dir() -> Path:
    """Return the cache folder, made and writable.

    $CALLGATE_CACHE, else callgate in $XDG_CACHE_HOME (where that is absolute, as its
    specification asks), else ~/.cache/callgate. Raises CallgateError when it cannot be written.
    """
    own, shared = os.environ.get("CALLGATE_CACHE"), os.environ.get("XDG_CACHE_HOME")
    hint = "set CALLGATE_CACHE to a folder that you can write to"
    try:
        if own:
            path = Path(own).absolute()
        elif shared and Path(shared).is_absolute():
            path = Path(shared) / "callgate"
        else:
            path = Path.home() / ".cache" / "callgate"
    except RuntimeError as error:  # no $HOME, and the user has no entry in the password database
        raise CallgateError("there is no home folder to keep the cache in", hint=hint) from error
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        raise CallgateError(f"cannot make the cache: {why}", where=str(path), hint=hint) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise CallgateError("cannot write to the cache", where=str(path), hint=hint)
    return path
