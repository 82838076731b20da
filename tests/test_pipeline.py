"""Tests of callgate.pipeline: models from the cache, also from one that is not whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from callgate import models, paths, pipeline
from callgate.headers.trees import HeaderTree, open_tree
from callgate.pipeline import Parsed, load_abi, load_abis
from callgate.report import Reporter
from callgate.targets import Target, load_targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Opens = Callable[[Target], HeaderTree]

TABLE = load_targets(paths.data_dir("headers") / "targets.toml")
TARGETS = [TABLE[name] for name in ("x86_64-linux-gnu", "i386-linux-gnu", "s390x-linux-gnu")]
UNITS = '[uapi]\nof = "kernel"\ndiscover = ["linux", "asm"]\n'
HEADERS = {
    "linux/version.h": "#define LINUX_VERSION_CODE 459264\n",
    "linux/a.h": "struct a { unsigned long w; };\n#define SIZE (sizeof(struct a))\n#define ONE 1\n",
    "asm/unistd.h": "#define __NR_read 0\n",
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache, which is the one in use."""
    monkeypatch.setenv("CALLGATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def opens(tmp_path: Path, cache: Path) -> Opens:
    """Return a function that opens a small tree for a target."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "units.toml").write_text(UNITS, encoding="utf-8")
    for header, text in HEADERS.items():
        path = tmp_path / "sysroot/usr/include" / header
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(target: Target) -> HeaderTree:
        return open_tree(target, data, cache, sysroot=tmp_path / "sysroot")

    return run


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the name of every target whose model is made, not taken."""
    names: list[str] = []
    many, one = models.make_models, models.build_model

    def count_many(tasks: dict[str, tuple[Target, HeaderTree]], *rest: object, **more: object):  # type: ignore[no-untyped-def]  # noqa: ANN202
        names.extend(target.name for target, _ in tasks.values())
        return many(tasks, *rest, **more)  # type: ignore[arg-type]

    def count_one(target: Target, *rest: object, **more: object):  # type: ignore[no-untyped-def]  # noqa: ANN202
        names.append(target.name)
        return one(target, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "make_models", count_many)
    monkeypatch.setattr(pipeline, "build_model", count_one)
    return names


def load(opens: Opens, targets: list[Target] = TARGETS, jobs: int = 1) -> dict[str, Parsed]:
    """Return the models of ``targets``, saying nothing."""
    return load_abis(targets, opens, Reporter(quiet=True), jobs=jobs)


def test_one_or_many(opens: Opens, cache: Path) -> None:
    """A target's model is the same made alone and made with others, in any order."""
    together = load(opens, TARGETS[::-1], jobs=2)
    for path in (cache / "models").iterdir():
        path.unlink()
    alone = {
        target.name: load_abi(target, opens(target), Reporter(quiet=True)) for target in TARGETS
    }
    assert together == alone


def test_unchanged(opens: Opens, made: list[str]) -> None:
    """What was made together is taken from the cache, together and one by one."""
    first = load(opens)
    assert made == [target.name for target in TARGETS]
    assert load(opens, TARGETS[::-1]) == first
    one = load_abi(TARGETS[1], opens(TARGETS[1]), Reporter(quiet=True))
    assert one == first[TARGETS[1].name]
    assert len(made) == len(TARGETS)


def test_only_what_is_missing(opens: Opens, made: list[str]) -> None:
    """Targets made before are not made again with others; the whole is then in one file."""
    load_abi(TARGETS[0], opens(TARGETS[0]), Reporter(quiet=True))
    found = load(opens)
    assert made == [target.name for target in TARGETS]
    assert found[TARGETS[0].name].abi.constant["ONE"].value == 1
    load(opens)
    assert len(made) == len(TARGETS)


def test_changed_target(opens: Opens, made: list[str]) -> None:
    """A row of the table that changes makes another model."""
    load(opens, TARGETS[:1])
    other = replace(TARGETS[0], zig="x86_64-linux-musl")
    load(opens, [other])
    assert len(made) == 2


@pytest.mark.parametrize("name", ["models/*.pickle", "models/*.set", "parsed/*.pickle"])
@pytest.mark.parametrize("damage", ["empty", "cut", "one bit", "rubbish"])
def test_damaged_cache(opens: Opens, cache: Path, made: list[str], name: str, damage: str) -> None:
    """A damaged file of the cache is never believed: its models are made again, and right."""
    first = load(opens)
    for path in cache.glob(name):
        whole = path.read_bytes()
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        broken = {"empty": b"", "cut": whole[:-1], "one bit": flipped, "rubbish": b"../\xff\0"}
        path.write_bytes(broken[damage])
    if name.startswith("parsed"):
        for path in (cache / "models").iterdir():
            path.unlink()
    assert load(opens) == first
    assert len(made) == 2 * len(TARGETS)
    assert load(opens) == first
    assert len(made) == 2 * len(TARGETS)


def test_foreign_model(opens: Opens, cache: Path, made: list[str]) -> None:
    """A file that is whole but has not the model asked for counts as none."""
    load(opens, TARGETS[:1])
    (one,) = (cache / "models").glob("*.set")
    load(opens, TARGETS[1:2])
    for path in (cache / "models").glob("*.set"):
        path.write_text(one.read_text(encoding="ascii"), encoding="ascii")
    found = load(opens, TARGETS[1:2])
    assert found[TARGETS[1].name].abi.target == TARGETS[1].name
    assert made == [TARGETS[0].name, TARGETS[1].name, TARGETS[1].name]


def test_cache_is_bounded(opens: Opens, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many files of models are kept, those used last."""
    monkeypatch.setattr(pipeline, "KEPT_SETS", 2)
    monkeypatch.setattr(pipeline, "KEPT_KEYS", 2)
    for target in TARGETS:
        load(opens, [target])
    assert len(list((cache / "models").glob("*.pickle"))) == 2
    assert len(list((cache / "models").glob("*.set"))) == 2
