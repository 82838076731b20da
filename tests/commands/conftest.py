"""A folder with headers, and `callgate bind` run there."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from callgate.cli import main

Bind = Callable[[str], tuple[int, str, str]]
HEADER = """
#include "part.h"
#define LIMIT 10
typedef struct thing { int n; struct part *part; } thing;
int thing_make(thing *t, const char *name);
static inline int thing_twice(int n) { return 2 * n; }
"""
PART = """
#include <stdio.h>
struct part { long size; };
int part_of(FILE *stream, struct part *p);
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with headers, which is where the command runs."""
    monkeypatch.setenv("CALLGATE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "work"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/thing.h").write_text(HEADER)
    (folder / "lib/part.h").write_text(PART)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def bind(place: Path, capsys: pytest.CaptureFixture[str]) -> Bind:
    """Return a function that runs the command in ``place``: its status, output and errors."""
    del place

    def run(line: str) -> tuple[int, str, str]:
        try:
            status = main(["bind", *shlex.split(line)])
        except SystemExit as end:
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    return run
