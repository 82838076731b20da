"""Names whose values may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.errors import CallgateError
from callgate.headers.volatile import Volatile, load_volatile

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["IORING_OP_LAST", "__NFT_REG_MAX", "NR_OPEN", "KEY_CNT"])
def test_bounds_and_counts(name: str) -> None:
    """The project's table covers names that count or bound others."""
    assert load_volatile(paths.data_dir("headers") / "volatile.toml").covers(name)


@pytest.mark.parametrize("name", ["O_CREAT", "struct stat", "__NR_read", "IORING_OP_NOP"])
def test_others(name: str) -> None:
    """The project's table covers nothing that a program relies on."""
    assert not load_volatile(paths.data_dir("headers") / "volatile.toml").covers(name)


def test_none() -> None:
    """A table without rows covers nothing."""
    assert not Volatile(()).covers("A_MAX")


def test_reason(tmp_path: Path) -> None:
    """A row without a reason is refused."""
    path = tmp_path / "volatile.toml"
    path.write_text('[names]\n"*_X" = ""\n', encoding="utf-8")
    with pytest.raises(CallgateError, match="no reason given"):
        load_volatile(path)
