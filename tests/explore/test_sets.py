"""Sets of targets in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callgate import paths
from callgate.explore.sets import set_words
from callgate.targets import DEFAULT_TARGET, load_targets

ROW = load_targets(paths.data_dir("headers") / "targets.toml")[DEFAULT_TARGET]
KNOWN = [
    replace(ROW, name=f"{arch}-{libc}", arch=arch, libc=libc)
    for libc in ("glibc", "musl")
    for arch in ("x86_64", "mips", "s390x")
] + [
    replace(ROW, name="arm-hf", arch="arm", libc="glibc"),
    replace(ROW, name="arm-soft", arch="arm", libc="glibc"),
]
EVERY = {target.name for target in KNOWN}


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (EVERY, "all"),
        ({"mips-glibc", "mips-musl"}, "mips"),
        ({"x86_64-musl", "mips-musl", "s390x-musl"}, "musl"),
        ({"x86_64-musl", "mips-glibc", "mips-musl"}, "mips; musl on x86_64"),
        (EVERY - {"mips-glibc", "mips-musl"}, "all but mips"),
        ({"arm-hf", "arm-soft"}, "arm"),
        ({"arm-hf", "x86_64-glibc"}, "glibc on x86_64, arm-hf"),
    ],
)
def test_words(chosen: set[str], words: str) -> None:
    """A C library or an architecture that is there as a whole is named as one."""
    assert set_words(chosen, KNOWN) == words
