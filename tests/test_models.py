"""Tests of callgate.models: several targets' models, made side by side, of small trees."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from callgate import model, paths, tree
from callgate.errors import CallgateError
from callgate.headers.trees import HeaderTree, open_tree
from callgate.models import Maker, Sharing, build_model, make_models
from callgate.parse.memo import Memo
from callgate.parse.preprocessed import Preprocessed
from callgate.targets import Target, load_targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Opens = Callable[[str], tuple[Target, HeaderTree]]

TARGETS = load_targets(paths.data_dir("headers") / "targets.toml")
NAMES = ("x86_64-linux-gnu", "x86_64-linux-musl", "s390x-linux-gnu", "arm-linux-gnueabihf")
UNITS = """
[uapi]
of = "kernel"
discover = ["linux", "asm"]
[libc]
of = "libc"
include = ["own.h"]
"""
HEADERS = {
    "linux/version.h": "#define LINUX_VERSION_CODE 459264\n",
    "linux/a.h": (
        "typedef unsigned long word;\nstruct a { word w; int c; };\n"
        "#define SIZE (sizeof(struct a))\n#define F(x) ((x) + 1)\n#define ONE 1\n"
    ),
    "asm/unistd.h": "#define __NR_read 0\n",
    "own.h": "#include <linux/a.h>\n#define TWO 2\nint own(struct a *);\nint broken broken;\n",
}


@pytest.fixture
def opens(tmp_path: Path) -> Opens:
    """Return a function from a target's name to the target and a small tree for it."""
    data, sysroot = tmp_path / "data", tmp_path / "sysroot"
    data.mkdir()
    (data / "units.toml").write_text(UNITS, encoding="utf-8")

    def run(name: str) -> tuple[Target, HeaderTree]:
        for header, text in HEADERS.items():
            path = sysroot / "usr/include" / header
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        target = TARGETS[name]
        return target, open_tree(target, data, tmp_path / "cache", sysroot=sysroot)

    return run


def silent(_done: int, _total: int) -> None:
    """Show no progress."""


def test_order_and_jobs_do_not_matter(opens: Opens) -> None:
    """Each target's model is that of the target alone, whatever the order and number of jobs."""
    tasks = {name: opens(name) for name in NAMES}
    alone = {name: Maker(Memo()).model(*task) for name, task in tasks.items()}
    for order, jobs in ((NAMES, 1), (NAMES, 3), (NAMES[::-1], 2)):
        found = make_models(
            {name: tasks[name] for name in order}, Memo(), jobs=jobs, progress=silent
        )
        assert {name: (each.abi, each.failures) for name, each in found.items()} == alone
    assert alone[NAMES[0]][0].constant["SIZE"].value == 16
    assert alone[NAMES[3]][0].constant["SIZE"].value == 8
    assert [failure.where.header for failure in alone[NAMES[0]][1]] == ["own.h"]


def test_progress(opens: Opens) -> None:
    """Progress ends with all targets done."""
    seen: list[tuple[int, int]] = []
    tasks = {name: opens(name) for name in NAMES[:3]}
    for jobs in (1, 2):
        make_models(tasks, Memo(), jobs=jobs, progress=lambda *counts: seen.append(counts))
        assert seen[-1] == (3, 3)


def test_error_of_a_worker(opens: Opens) -> None:
    """What keeps a worker from making a model is said as it would be without workers."""
    tasks = {name: opens(name) for name in NAMES[1:3]}
    (opens(NAMES[0])[1].kernel_dirs[0] / "linux/version.h").unlink()
    with pytest.raises(CallgateError, match="LINUX_VERSION_CODE") as caught:
        make_models(tasks, Memo(), jobs=2, progress=silent)
    assert caught.value.hint


def test_equal_items_are_shared(opens: Opens) -> None:
    """What two models have alike is one object, made in one process or in two."""
    tasks = {name: opens(name) for name in (NAMES[0], NAMES[2])}
    for jobs in (1, 2):
        found = make_models(tasks, Memo(), jobs=jobs, progress=silent)
        first, second = (each.abi for each in found.values())
        assert first.constant["ONE"] is second.constant["ONE"]
        assert first.record["struct a"] is second.record["struct a"]


def test_sharing_keeps_values() -> None:
    """A model with shared items is equal to what it was, also when ids are used again."""
    where = model.Location("uapi", "a.h", 1)
    sharing = Sharing()
    for value in range(50):
        items = tuple(model.Constant("A", value, 4, True, "macro", where) for _ in range(3))
        abi = model.Abi("t", "7.2.0", items, (), (), (), (), (), (), (), {"uapi": ("a.h",)})
        found = sharing.model(abi)
        assert found == abi
        assert found.constants[0] is found.constants[2]
        del items, abi, found
        gc.collect()
        sharing.forget()


def test_kernel_unit_is_made_once(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two C libraries of one machine share the kernel's unit: it is parsed once."""
    parsed: list[str] = []
    real = tree.Unit

    def counting(name: str, *rest: object) -> tree.Unit:
        parsed.append(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("callgate.parse.unit.tree.Unit", counting)
    maker = Maker(Memo())
    models = [maker.model(*opens(name))[0] for name in NAMES[:2]]
    assert parsed == ["uapi", "libc", "libc"]
    assert models[0].constants == models[1].constants


def test_predefined_macros_that_matter(opens: Opens) -> None:
    """Texts that differ in a macro of the compiler mean the same unless the headers name it."""
    _, headers = opens(NAMES[0])
    spec = headers.unit("uapi")
    plain = Preprocessed.of(headers, spec)
    marker = plain.text.index("#define __clang__ 1\n")
    other = f"{plain.text[:marker]}#define __SOFT__ 1\n{plain.text[marker:]}"
    assert plain.means_the_same_as(replace(plain, text=other))
    named = "#define FLOATS defined __SOFT__\n"
    assert not replace(plain, text=plain.text + named).means_the_same_as(
        replace(plain, text=other + named)
    )
    assert not plain.means_the_same_as(replace(plain, text=plain.text + "int more;\n"))


def test_earlier_units_win() -> None:
    """A model is merged from its units in their order, macros translated by each one's types."""
    target = TARGETS[NAMES[0]]

    def unit(name: str, size: str) -> tree.Unit:
        where = tree.Where(name, "t.h", 1)
        macro = tree.MacroDefinition("F", (), f"({size})", where, expansion=f"({size})")
        return tree.Unit(name, (tree.Typedef("t", tree.Basic("int"), where),), (macro,))

    abi = build_model(target, "7.2.0", (unit("a", "1"), unit("b", "2")), ())
    assert [(item.lua, item.primary) for item in abi.macros] == [
        ("function()\n  return 1\nend", True), ("function()\n  return 2\nend", False),
    ]  # fmt: skip
