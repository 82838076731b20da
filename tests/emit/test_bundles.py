"""Bundles of headers: what the generator writes, the library's own reader reads back."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import lupa.luajit21 as lupa
import pytest

from callgate.emit.bundles import emit_modules, part
from callgate.emit.merge import Delta, Module
from callgate.errors import CallgateError
from callgate.paths import PACKAGE

if TYPE_CHECKING:
    from pathlib import Path

MODULES = [
    Module(
        ("uapi", "linux/Fs.h"),
        {
            "constants": {"A": "1", "AB": "0x8000000000000000ULL", "end": '"x\\n"'},
            "records": {"struct a": "[[{\n  int32_t b;\n} __attribute__((packed))]]"},
            "macros": {"DOUBLE": "function(x)\n  return M.two * x\nend", "same": "function(x) end"},
        },
        (Delta("!mine", {"constants": {"C": "2"}}), Delta("mine", {"constants": {"C": "3"}})),
    ),
    Module(("uapi", "linux/fa.h"), {}, (Delta("other", {"constants": {"D": "4"}}),)),
    Module(("uapi", "linux/fe.h"), {"constants": {"E": '"é"'}}, ()),
    Module(("uapi", "linux/fz.h"), {"constants": {"F": "5"}}, ()),
]

READER = """function(folder)
  package.path = folder .. "/?.lua"
  package.loaded["callgate.target"] = { is = function(on)
    return (on:gsub("^!", "") == "mine") == (on:sub(1, 1) ~= "!")
  end }
  return require "callgate.headers"
end"""
COMPILE = "function(path) return string.dump(assert(loadfile(path)), true) end"
PRELOAD = "function(name, text) package.preload[name] = assert(loadstring(text)) end"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return a folder with the reader and bundles of the modules above."""
    folder = tmp_path / "callgate"
    for path, text in emit_modules(MODULES, "7.2.0").items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    for name in ("headers.lua", "rows.lua"):
        shutil.copy(PACKAGE / "runtime" / name, folder)
    return folder


def reader(library: Path) -> tuple[Any, Any]:
    """Return a Lua, and the library's module of headers in it."""
    lua = lupa.LuaRuntime()
    return lua, lua.eval(READER)(str(library.parent))


class TestReader:
    """Headers come back from their bundle as they were given."""

    def test_single_names(self, library: Path) -> None:
        """A name's value is found in what all share and in what this target has."""
        _, headers = reader(library)
        get = headers.get
        assert get("uapi/linux/Fs.h", "constants", "A") == 1
        assert get("uapi/linux/Fs.h", "constants", "end") == "x\n"
        assert get("uapi/linux/Fs.h", "constants", "C") == 3
        assert get("uapi/linux/fz.h", "constants", "F") == 5
        assert get("uapi/linux/fz.h", "constants", "A") is None
        assert get("uapi/linux/fz.h", "records", "struct a") is None
        assert get("uapi/linux/gone.h", "constants", "A") is None
        record = get("uapi/linux/Fs.h", "records", "struct a")
        assert record == "{\n  int32_t b;\n} __attribute__((packed))"

    def test_a_part_of_a_name_is_none(self, library: Path) -> None:
        """A name is a whole one, and never what only looks like a row."""
        _, headers = reader(library)
        for name in ("", "B", "A = 1,\nAB", "C = 3", "struct a", "return", "function(x)"):
            assert headers.get("uapi/linux/Fs.h", "constants", name) is None

    def test_macros_know_what_they_are_given(self, library: Path) -> None:
        """A macro is a function that sees the helpers it was read with."""
        lua, headers = reader(library)
        double = headers.get("uapi/linux/Fs.h", "macros", "DOUBLE", lua.eval("{ two = 2 }"))
        assert double(21) == 42

    def test_texts(self, library: Path) -> None:
        """A section is what all share and this target has; another target's header is empty."""
        _, headers = reader(library)
        texts = headers.texts
        assert list(texts("uapi/linux/Fs.h", "constants").values())[1:] == ["\nC = 3,\n"]
        assert not list(texts("uapi/linux/Fs.h", "typedefs").values())
        assert not list(texts("uapi/linux/fa.h", "constants").values())
        assert not list(texts("uapi/linux/gone.h", "constants").values())
        assert headers.line("uapi/linux/fa.h") is not None
        assert headers.line("uapi/linux/gone.h") is None
        assert headers.line("uapi/nowhere/x.h") is None

    def test_lengths_are_bytes(self, library: Path) -> None:
        """What is not ASCII moves nothing."""
        _, headers = reader(library)
        assert headers.get("uapi/linux/fe.h", "constants", "E") == "é"

    @pytest.mark.parametrize("how", ["other ends of lines", "compiled", "preloaded"])
    def test_a_changed_file(self, library: Path, how: str) -> None:
        """A bundle that is not as it was written is read by Lua, with the same values."""
        lua, headers = reader(library)
        bundle = library / "uapi/linux/_f.lua"
        if how == "other ends of lines":
            bundle.write_bytes(bundle.read_bytes().replace(b"\n", b"\r\n"))
        elif how == "compiled":
            raw = lupa.LuaRuntime(encoding=None)
            bundle.write_bytes(raw.eval(COMPILE)(str(bundle).encode()))
        else:
            lua.eval(PRELOAD)("callgate.uapi.linux._f", bundle.read_text())
            bundle.unlink()
        assert headers.get("uapi/linux/Fs.h", "constants", "C") == 3
        assert headers.get("uapi/linux/fz.h", "constants", "F") == 5

    def test_a_broken_file_is_an_error(self, library: Path) -> None:
        """A file that does not load is no header without names."""
        (library / "uapi/linux/_f.lua").write_text("return {", encoding="utf-8")
        _, headers = reader(library)
        with pytest.raises(lupa.LuaError, match="_f"):
            headers.get("uapi/linux/Fs.h", "constants", "A")


def test_an_edited_file_is_an_error(library: Path) -> None:
    """Where a bundle's parts are not where its list says, no value is made up."""
    bundle = library / "uapi/linux/_f.lua"
    bundle.write_text(bundle.read_text().replace("A = 1,", "A = 100,"), encoding="utf-8")
    _, headers = reader(library)
    with pytest.raises(lupa.LuaError, match="not what its list says"):
        headers.get("uapi/linux/Fs.h", "constants", "A")


def test_rows_are_told_apart_by_their_first_column() -> None:
    """Only what begins a row stands at the start of a line, whatever the text has there."""
    text = part({"f": "function()\nend", "r": "[[{\n}]]", "s": "1"})
    assert text == "\nf = function()\n  end,\nr = [[{\n}]],\ns = 1,\n"


def test_small_files_are_saved() -> None:
    """Headers of a folder share a file by their first letter, whatever its case."""
    files = emit_modules(MODULES, "7.2.0")
    assert list(files) == ["uapi/linux/_f.lua"]
    assert "linux/fa.h " in files["uapi/linux/_f.lua"]
    assert " constants@!mine 8 constants@mine 8\n" in files["uapi/linux/_f.lua"]


def test_text_that_lua_cannot_hold() -> None:
    """What would end the string that a bundle is is refused, with the header."""
    broken = Module(("uapi", "linux/x.h"), {"constants": {"A": '"]==]"'}}, ())
    with pytest.raises(CallgateError, match="ends a Lua string"):
        emit_modules([broken], "7.2.0")
