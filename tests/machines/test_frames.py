"""The answers of a machine in qemu-system, as bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.machines.frames import Frame, GarbledError, Reader

STREAM = st.binary(max_size=300) | st.just(b"all\n") | st.just(b"end 1 0 0 0\n\n")
ENDS = st.builds(
    lambda number, status, out, err: Frame("end", number, "", status, out, err),
    st.integers(0, 10**6),
    st.none() | st.integers(-64, 128),
    STREAM,
    STREAM,
)
FRAMES = st.lists(
    st.builds(lambda number: Frame("begin", number), st.integers(0, 10**6))
    | ENDS
    | st.sampled_from([Frame("all"), Frame("boot", release="7.2.13+deb14-amd64")])
)


def written(frame: Frame) -> bytes:
    """Return what init.sh writes for a frame."""
    if frame.kind != "end":
        more = {"boot": f" {frame.release}", "begin": f" {frame.number}", "all": ""}[frame.kind]
        return f"{frame.kind}{more}\n".encode()
    shells = "late" if frame.status is None else frame.status
    if isinstance(shells, int) and shells < 0:
        shells = 128 - shells
    sizes = f"{len(frame.stdout)} {len(frame.stderr)}"
    return f"end {frame.number} {shells} {sizes}\n".encode() + frame.stdout + frame.stderr + b"\n"


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Return ``data`` cut at the places ``cuts``."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


@given(FRAMES, st.lists(st.integers(0, 10**6), max_size=20))
def test_pieces(frames: list[Frame], cuts: list[int]) -> None:
    """Frames are the same however the bytes come, and whatever the streams hold."""
    reader = Reader()
    data = b"".join(map(written, frames))
    assert [frame for piece in pieces(data, cuts) for frame in reader.feed(piece)] == frames


@given(FRAMES, st.integers(0, 10**6))
def test_truncated(frames: list[Frame], cut: int) -> None:
    """Cut off bytes give the frames that were whole, never one that was not."""
    data = b"".join(map(written, frames))
    kept = data[: cut % (len(data) + 1)]
    got = list(Reader().feed(kept))
    assert got == frames[: len(got)]
    assert len(b"".join(map(written, got))) <= len(kept)
    if len(got) < len(frames):
        assert len(b"".join(map(written, frames[: len(got) + 1]))) > len(kept)


@given(FRAMES, st.binary(min_size=1, max_size=300))
def test_garbage(frames: list[Frame], garbage: bytes) -> None:
    """Bytes that are no frame are refused or waited on; the frames before them stay."""
    reader = Reader()
    assert list(reader.feed(b"".join(map(written, frames)))) == frames
    try:
        later = list(reader.feed(b"?" + garbage + b"\n"))
    except GarbledError:
        return
    assert later == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"boot\n", "no frame: b'boot'"),
        (b"end 1 0 5 0\nabcdeX", "job 1: its streams have not 5 and 0 bytes"),
        (b"end 1 0 999999999 0\n", "999,999,999 bytes from one job"),
        (b"end 1 -1 0 0\n", "no frame: b'end 1 -1 0 0'"),
        (b"x" * 300, "no frame: b'" + "x" * 40 + "'..."),
    ],
)
def test_refused(data: bytes, message: str) -> None:
    """A line of no known shape, or a length that does not fit, says what was seen."""
    with pytest.raises(GarbledError) as error:
        list(Reader().feed(data))
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("shells", "status"), [(b"0", 0), (b"3", 3), (b"139", -11), (b"137", -9), (b"late", None)]
)
def test_status(shells: bytes, status: int | None) -> None:
    """A shell's status of a signal is turned into a negative one; a late job has none."""
    assert list(Reader().feed(b"end 7 %s 0 0\n\n" % shells)) == [Frame("end", 7, "", status)]
