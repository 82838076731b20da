"""What the parser's tests share: small C texts, and small header trees with a real compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.headers.compiler import Limits
from callgate.headers.trees import HeaderTree, open_tree
from callgate.parse.declarations import DeclarationParser
from callgate.parse.preprocess import Splitter
from callgate.targets import load_targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from callgate import tree

    Declarations = list[tree.Declaration]
    Failures = list[tree.Failure]
    ParsesText = Callable[[str], tuple[Declarations, Failures]]
    MakesTree = Callable[..., HeaderTree]

UNITS = """
[own]
of = "kernel"
discover = ["linux", "asm"]
"""


@pytest.fixture
def parse() -> ParsesText:
    """Return a function from preprocessed C text to its declarations and failures."""

    def run(text: str) -> tuple[Declarations, Failures]:
        split = Splitter("own", str).split(f'# 1 "x.h"\n{text}\n')
        parser = DeclarationParser("own")
        declarations: Declarations = []
        failures = list(split.failures)
        for chunk in split.chunks:
            found, failure = parser.parse(chunk)
            declarations += found
            if failure:
                failures.append(failure)
        return declarations, failures

    return run


@pytest.fixture
def one(parse: ParsesText) -> Callable[[str], tree.Declaration]:
    """Return a function from C text to its last declaration; nothing in it may fail."""

    def run(text: str) -> tree.Declaration:
        declarations, failures = parse(text)
        assert failures == []
        return declarations[-1]

    return run


@pytest.fixture
def make_tree(tmp_path: Path) -> MakesTree:
    """Return a function that writes headers to a sysroot and opens it with the bundle's clang."""
    target = load_targets(paths.data_dir("headers") / "targets.toml")["x86_64-linux-gnu"]

    def run(
        headers: dict[str, str], *, units: str = UNITS, seconds: float = 60, output: int = 4 << 20
    ) -> HeaderTree:
        data, sysroot = tmp_path / "data", tmp_path / "sysroot"
        data.mkdir(exist_ok=True)
        (data / "units.toml").write_text(units, encoding="utf-8")
        basics = {
            "linux/version.h": "#define LINUX_VERSION_CODE 459264\n",
            "asm/unistd.h": "#define __NR_read 0\n",
        }
        for name, text in (basics | headers).items():
            path = sysroot / "usr/include" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        limits = Limits(seconds=seconds, output=output)
        return open_tree(target, data, tmp_path / "cache", sysroot=sysroot, limits=limits)

    return run
