"""The Lua library's names of units and records: one name, one layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callgate.model import Abi, Record


def library_unit(unit: str) -> str:
    """Return the library's folder for a unit: ``uapi`` for the kernel's headers, else ``libc``."""
    return "libc" if unit.partition(":")[0] == "libc" else "uapi"


class RecordNames:
    """The Lua library's names of records: one name, one layout.

    The chosen definition keeps C's name; another header's different one gets its unit as a suffix:
    glibc's ``struct stat`` is ``struct stat__libc``.
    """

    def __init__(self, abi: Abi) -> None:
        """Name every record of the model."""
        self._spelled: dict[tuple[str, int], str] = {}
        self._by_unit: dict[tuple[str, str], str] = {}
        self._primary: dict[str, str] = {}
        taken = {self.plain(record) for record in abi.records if " " in record.name}
        used: set[str] = set()
        for record in sorted(abi.records, key=lambda item: not item.primary):
            name = self.plain(record)
            if " " not in record.name:  # a typedef's name must not meet a real tag
                while name in taken or name in used:
                    name += "_t"
            if not record.primary:
                stem, number = f"{name}__{library_unit(record.location.unit)}", 1
                name = stem
                while name in used or name in taken:
                    number += 1
                    name = f"{stem}{number}"
            else:
                self._primary[record.name] = name
            used.add(name)
            self._by_unit.setdefault((record.location.unit, record.name), name)
            self._spelled[record.name, id(record)] = name

    def of(self, record: Record) -> str:
        """Return the library's name of this very definition: ``struct stat__libc``."""
        return self._spelled[record.name, id(record)]

    def spell(self, name: str, unit: str) -> str:
        """Return the name of the record that ``name`` means within ``unit``."""
        found = self._by_unit.get((unit, name)) or self._primary.get(name)
        return found or (name if " " in name else f"struct {name}")

    @staticmethod
    def plain(record: Record) -> str:
        """Return ``struct NAME`` whether NAME is a tag or a typedef of an untagged record."""
        return record.name if " " in record.name else f"{record.kind} {record.name}"
