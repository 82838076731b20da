"""`callgate bind` on the command line: what it refuses, and in which words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from callgate.bind import binding as binding_module
from callgate.bind.ctext import DeclarationWriter
from callgate.bind.parse import Parsed, parse

if TYPE_CHECKING:
    from tests.commands.conftest import Bind

REFUSED = {
    "lib/thin.h -o x.lua": ("lib/thin.h: there is no such header", "did you mean thing.h"),
    "thing.h -o x.lua -I .": ("thing.h: there is no such header", "did you mean lib/thing.h?"),
    "lib -o x.lua": ("lib: it is a folder",),
    "lib/thing.h": ("no file to write given", "-o FILE.lua"),
    "-o x.lua": ("no header given", "callgate bind sqlite3.h"),
    "lib/thing.h -o lib": ("-o lib: it is a folder",),
    "lib/thing.h -o x.lua --definitions x.lua": ("--definitions x.lua: it is the file of -o",),
    "lib/thing.h -o lib/../lib/thing.h": ("-o lib/../lib/thing.h: it is a header",),
    "lib/thing.h -o x.lua --definitions lib/thing.h": (
        "--definitions lib/thing.h: it is a header",
    ),
    "lib/thing.h --first lib/part.h -o lib/part.h": ("-o lib/part.h: it is a header",),
    "lib/thing.h -o x.lua --target x86_64-linx-gnu": ("unknown target", "x86_64-linux-gnu"),
    "lib/thing.h -o x.lua --targe x": ("unknown option '--targe'", "did you mean --target?"),
    "lib/thing.h -o x.lua --includ x": ("unknown option", "did you mean --include"),
    "lib/thing.h -o x.lua --include thng*": ("--include: no name matches 'thng*'",),
    "lib/thing.h -o x.lua --exclude LIMITS": ("--exclude: no name matches", "did you mean LIMIT"),
    "lib/thing.h -o x.lua --exclude *": ("nothing is left to bind", "--include GLOB"),
    "lib/thing.h -o x.lua --define 5=x": ("--define: expected NAME or NAME=VALUE",),
    "lib/thing.h -o x.lua --prefix 5": ("--prefix: no name begins with '5'",),
    "lib/thing.h -o x.lua --prefix thng_": ("--prefix: no name begins with 'thng_'",),
    "lib/thing.h -o x.lua --library ''": ("--library: expected a name",),
    "'' -o x.lua": ("no header given",),
    "lib/thing.h -o x.lua -I nowhere": ("-I nowhere: no such folder",),
    "lib/thing.h -o x.lua --all --target i386-linux-gnu": ("not allowed with argument",),
    "zlib.h -o x.lua --target aarch64-linux-gnu": ("there is no such header", "-I DIR"),
    "--renew -o x.lua": ("--renew: it takes no headers and no -o",),
    "lib/thing.h -o /dev/null/x.lua": ("cannot write",),
}


@pytest.mark.parametrize("line", REFUSED, ids=str)
def test_refused(line: str, place: Path, bind: Bind) -> None:
    """Every mistake of a user's is said in words, with what to do; nothing is written."""
    before = sorted(place.rglob("*"))
    status, out, err = bind(line)
    assert status in {1, 2}
    assert out == ""
    for part in REFUSED[line]:
        assert part in err
    assert "Traceback" not in err
    assert sorted(place.rglob("*")) == before


BROKEN = {
    "#include <nowhere/part.h>\n": ("thing.h:2", "file not found", "-I DIR tells where"),
    "int good(void);\n\nint bad(unknown_t x);\n": ("thing.h:4", "unknown_t"),
    "struct again { struct again it; };\n": ("thing.h:2", "incomplete type"),
    '_Static_assert(0, "never");\n': ("thing.h:2", "never"),
    "#error give me a define\n": ("thing.h:2", "give me a define", "--define"),
    "#define LOOP LOOP LOOP\nstruct open {\n": ("thing.h",),
}


@pytest.mark.parametrize("text", BROKEN, ids=str)
def test_broken_headers(text: str, place: Path, bind: Bind) -> None:
    """What a compiler refuses is said with its place and in its words; the old file stays."""
    (place / "x.lua").write_text("old")
    (place / "lib/thing.h").write_text(f"#define FIRST 1\n{text}")
    status, _, err = bind("lib/thing.h -o x.lua")
    assert status == 1
    for part in BROKEN[text]:
        assert part in err
    assert (place / "x.lua").read_text() == "old"
    assert not (place / "x.d.lua").exists()


def test_nothing_but_errors(place: Path, bind: Bind) -> None:
    """A header that is wrong, and has nothing to bind, is refused in the compiler's words."""
    (place / "lib/thing.h").write_text("struct again { struct again it; };\n")
    status, _, err = bind("lib/thing.h -o x.lua")
    assert status == 1
    assert "thing.h:1: the compiler does not take it" in err
    assert "incomplete type" in err


def test_binary_header(place: Path, bind: Bind) -> None:
    """What is no text at all is refused in a message of bearable length."""
    (place / "lib/thing.h").write_bytes(b"\x7fELF\xff" + b"\0error" * 50_000)
    status, _, err = bind("lib/thing.h -o x.lua")
    assert status == 1
    assert len(err) < 5000


def wrong_constant(found: Parsed) -> Parsed:
    """Return a model with one wrong value."""
    constants = tuple(
        replace(item, value=11) if item.name == "LIMIT" else item for item in found.abi.constants
    )
    return replace(found, abi=replace(found.abi, constants=constants))


def wrong_record(found: Parsed) -> Parsed:
    """Return a model in which a record is too large."""
    records = tuple(
        replace(item, size=24) if item.name == "struct thing" else item
        for item in found.abi.records
    )
    return replace(found, abi=replace(found.abi, records=records))


def wrong_function(found: Parsed) -> Parsed:
    """Return a model in which a function has lost a parameter."""
    functions = tuple(
        replace(item, type=replace(item.type, parameters=item.type.parameters[:1]))
        if item.name == "thing_make"
        else item
        for item in found.abi.prototypes
    )
    return replace(found, abi=replace(found.abi, prototypes=functions))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (wrong_constant, "constant LIMIT: value: the model has 11, clang for x86_64-linux-gnu 10"),
        (wrong_record, "record struct thing: size: the model has 24, luajit 16"),
        (wrong_function, "prototype thing_make: compatible: the model has 1, clang"),
    ],
)
def test_disagreement(
    spoil: Callable[[Parsed], Parsed],
    said: str,
    place: Path,
    bind: Bind,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a witness disagrees with is named, and by whom; nothing is written."""
    (place / "x.lua").write_text("old")
    monkeypatch.setattr(binding_module, "parse", lambda *given: spoil(parse(*given)))
    status, out, err = bind("lib/thing.h -o x.lua")
    assert status == 1
    assert said in err
    assert "nothing was written" in err
    assert out == ""
    assert (place / "x.lua").read_text() == "old"
    assert not (place / "x.d.lua").exists()


def test_wrong_text(place: Path, bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text that LuaJIT is told is what the compilers are asked about: a slip in it shows."""
    usual = DeclarationWriter._parameters

    def careless(writer: DeclarationWriter, kind: Any) -> str:  # noqa: ANN401 - as it is called
        return usual(writer, kind).replace("const ", "")

    monkeypatch.setattr(DeclarationWriter, "_parameters", careless)
    status, _, err = bind("lib/thing.h -o x.lua")
    assert status == 1
    assert "lib/thing.h:5: prototype thing_make: compatible" in err
    assert not (place / "x.lua").exists()
