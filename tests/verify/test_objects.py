"""Reading object files: bits, floating formats, and what must not be in them."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.errors import CallgateError
from callgate.verify.objects import extent, floating, read_objects

if TYPE_CHECKING:
    from pathlib import Path

    from tests.verify.conftest import Small


class TestExtent:
    """extent()."""

    @given(st.integers(0, 60), st.integers(1, 40))
    def test_little_endian(self, position: int, width: int) -> None:
        """A run of bits is found where it was put, counted from the least significant bit."""
        content = (((1 << width) - 1) << position).to_bytes(16, "little")
        assert extent(content, big_endian=False) == (position, width)

    def test_big_endian(self) -> None:
        """On big-endian machines positions count from the first byte's most significant bit."""
        assert extent(b"\x38\x00", big_endian=True) == (2, 3)

    @pytest.mark.parametrize("content", [b"\x00\x00", b"\x05", b"\x80\x02"])
    def test_not_one_run(self, content: bytes) -> None:
        """No bit, or bits with a gap, are no bit-field."""
        assert extent(content, big_endian=False) is None


class TestFloating:
    """floating()."""

    @given(st.floats(allow_nan=False))
    def test_double(self, value: float) -> None:
        """A double is read exactly in both byte orders."""
        assert floating(struct.pack("<d", value), big_endian=False, x87=True) == value
        assert floating(struct.pack(">d", value), big_endian=True, x87=False) == value

    @pytest.mark.parametrize(
        ("content", "value"),
        [
            ("0000000000000080ff3f", 1.0),
            ("00000000000000c000c0", -3.0),
            ("0000000000000080ff7f", math.inf),
            ("00000000000000000000", 0.0),
            ("ffffffffffffffffff7f", math.nan),
        ],
    )
    def test_x87(self, content: str, value: float) -> None:
        """The 80-bit format is read, padded to 16 bytes."""
        found = floating(bytes.fromhex(content + "000000000000"), big_endian=False, x87=True)
        assert found == value or (math.isnan(found) and math.isnan(value))

    @pytest.mark.parametrize(
        ("content", "value"),
        [("3fff000000", 1.0), ("c000800000", -3.0), ("7fff000000", math.inf)],
    )
    def test_binary128(self, content: str, value: float) -> None:
        """Elsewhere long double is IEEE 754 binary128."""
        found = floating(bytes.fromhex(content) + bytes(11), big_endian=True, x87=False)
        assert found == value


class TestReadObjects:
    """read_objects()."""

    def compile(self, small: Small, text: str, path: Path) -> Path:
        """Return an object file of ``text``."""
        run = small.tree.compile(small.tree.unit("uapi"), text, path)
        assert run.status == 0, run.errors
        return path

    def test_data_and_zeros(self, small: Small, tmp_path: Path) -> None:
        """Initialised data and zeros, which have no bytes in the file, are both read."""
        text = "unsigned long long x_a[2] = {1, 1ULL << 63}; char x_zero[3]; int y = 1;"
        found = read_objects(self.compile(small, text, tmp_path / "a.o"), "x_")
        assert found.numbers("x_a") == (1, 1 << 63)
        assert found.data["x_zero"] == bytes(3)
        assert set(found.data) == {"x_a", "x_zero"}

    def test_relocation(self, small: Small, tmp_path: Path) -> None:
        """A value that the linker would fill in is refused, not read as zero."""
        path = self.compile(small, "extern int other; int *x_address = &other;", tmp_path / "a.o")
        with pytest.raises(CallgateError, match="x_address: the compiler left a value to"):
            read_objects(path, "x_")

    def test_not_an_object(self, tmp_path: Path) -> None:
        """A file that is no ELF object is a clear error."""
        (tmp_path / "a.o").write_bytes(b"what")
        with pytest.raises(CallgateError, match="cannot read the compiler's object file"):
            read_objects(tmp_path / "a.o", "x_")
