"""Reading tables from their files: one file, or a folder whose files together are one table."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

Origins = dict[tuple[str, str], str]  # section and row -> the file that it stands in


def read_table(path: Traversable) -> dict[str, Any]:
    """Return a file's table; raises CallgateError where it is no TOML."""
    return _read(path, f"spec/{path.name}")


def read_folder(folder: Traversable) -> tuple[dict[str, dict[str, Any]], Origins]:
    """Return the tables of a folder's files as one, and where each row stands.

    Sections of one name are joined. Raises CallgateError where two files have the same row.
    """
    table: dict[str, dict[str, Any]] = {}
    origins: Origins = {}
    files = sorted(folder.iterdir(), key=lambda item: item.name)
    for path in files:
        if not path.name.endswith(".toml"):
            continue
        where = f"spec/{folder.name}/{path.name}"
        for section, rows in _read(path, where).items():
            _join(section, rows, where, table, origins)
    return table, origins


def _join(
    section: str,
    rows: Mapping[str, Any],
    where: str,
    table: dict[str, dict[str, Any]],
    origins: Origins,
) -> None:
    joined = table.setdefault(section, {})
    for name, row in rows.items():
        if name in joined:
            raise CallgateError(
                f"[{section}] has {name!r} in another file, too",
                where=where,
                hint=f"delete it here or in {origins[section, name]}",
            )
        joined[name] = row
        origins[section, name] = where


def _read(path: Traversable, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CallgateError(str(error), where=where) from error
