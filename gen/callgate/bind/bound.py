"""The library's own bindings: bound.toml -> runtime/bound/NAME.lua."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import paths
from callgate.bind.request import Request
from callgate.errors import CallgateError
from callgate.tools import install_command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from callgate.targets import Target

TABLE = Path(__file__).with_name("bound.toml")


@dataclass(frozen=True, slots=True)
class Bound:
    """One row of the table."""

    name: str  # ex) "luajit"
    request: Request
    patterns: tuple[str, ...]  # of targets' names
    package: str  # Debian's, "" where the bundle has the headers

    @property
    def file(self) -> Path:
        """The committed file."""
        return paths.PACKAGE / "runtime" / "bound" / f"{self.name}.lua"

    def targets(self, table: Iterable[Target]) -> list[Target]:
        """Return the row's targets, but for those whose sysroot may not be built."""
        return [
            target
            for target in table
            if not target.sysroot and any(fnmatchcase(target.name, each) for each in self.patterns)
        ]

    def check(self) -> None:
        """Raise CallgateError where the machine lacks the headers."""
        for folder in self.request.folders:
            if not folder.is_dir():
                raise CallgateError(
                    f"the headers of {self.name} are not here",
                    where=str(folder),
                    hint=f"install them: {install_command([self.package])}",
                )


def load_bound(path: Path = TABLE) -> tuple[Bound, ...]:
    """Return the rows of the table, in its order."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Bound(
            name,
            Request(
                headers=tuple(row["headers"]),
                exclude=tuple(row.get("exclude", ())),
                folders=tuple(map(Path, row.get("folders", ()))),
                by_abi=row.get("by_abi", False),
            ),
            tuple(row["targets"]),
            row.get("package", ""),
        )
        for name, row in table.items()
    )
