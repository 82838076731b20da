"""The tables of declared semantics, and what is said of a mistake in them."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callgate.errors import CallgateError
from callgate.spec.loader import load_spec
from callgate.spec.model import ArgumentSpec

if TYPE_CHECKING:
    from callgate.spec.model import Spec

TABLES = Path(str(resources.files("callgate") / "spec"))


@pytest.fixture(scope="module")
def spec() -> Spec:
    """Return the package's own tables."""
    return load_spec()


def load_with(folder: Path, table: str, text: str) -> Spec:
    """Return the package's tables with ``text`` added to one of them."""
    for path in TABLES.rglob("*.toml"):
        copy = folder / path.relative_to(TABLES)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(path, copy)
    with (folder / table).open("a", encoding="utf-8") as stream:
        stream.write(f"\n{text}\n")
    return load_spec(folder)


class TestRows:
    """A row says what the kernel's prototype does not."""

    def test_arguments(self, spec: Spec) -> None:
        """An argument has a name, a kind, the kind's word, added flags and a default."""
        calls = {call.name: call for call in spec.calls}
        assert calls["eventfd"].args == (
            ArgumentSpec("initial", "uint", None, None, "0"),
            ArgumentSpec("flags", "flags", "EFD", "cloexec", None),
        )
        assert calls["pread"].args[2] == ArgumentSpec("count", "length", "buf")
        assert calls["lseek"].args[2] == ArgumentSpec("whence", "choice", "SEEK", None, "set")

    def test_defaults(self, spec: Spec) -> None:
        """What a row leaves out follows from its name and its arguments."""
        call = next(call for call in spec.calls if call.name == "fsync")
        assert (call.call, call.man, call.passed) == ("fsync", "fsync(2)", ("fd",))
        assert (call.returns, call.returned, call.behaviour) == ("true", None, None)
        assert call.where == "spec/files.toml: [fsync]"

    def test_methods(self, spec: Spec) -> None:
        """A call on a descriptor is its method, also without the leading f."""
        methods = {call.name: call.methods for call in spec.calls}
        assert methods["fstat"] == ("fstat", "stat")
        assert methods["openat"] == ("openat",)
        assert methods["read"] == ("read",)
        assert methods["stat"] == ()
        assert "timer:settime" in methods["timerfd_settime"]

    def test_wholeness(self, spec: Spec) -> None:
        """Every call has a line of documentation that ends as a sentence does."""
        assert len(spec.calls) > 180
        for call in spec.calls:
            assert call.doc.endswith("."), call.where
            assert "\n" not in call.doc, call.where


class TestMistakes:
    """A mistake is said with its file, its row and the nearest valid word."""

    @pytest.mark.parametrize(
        ("row", "where", "what", "hint"),
        [
            ('args = []\ndoc = "x"\nreturn = "fd"', "[new]", "unknown key 'return'", "returns"),
            ("args = []", "[new]", "no doc", None),
            (
                'doc = "x"\nargs = ["fd fd"]',
                "[new]",
                "cannot read the argument 'fd fd'",
                "name: kind",
            ),
            ('doc = "x"\nargs = ["fd: fdd"]', "[new] fd", "unknown kind 'fdd'", "did you mean fd"),
            ('doc = "x"\nargs = ["f: flags OO"]', "[new] f", "unknown group 'OO'", "O"),
            ('doc = "x"\nargs = ["f: flags"]', "[new] f", "needs the name of a group", None),
            ('doc = "x"\nargs = ["f: int O"]', "[new] f", "takes no word", None),
            ('doc = "x"\nargs = ["f: int + x"]', "[new] f", "has no flags to add", None),
            ('doc = "x"\nargs = ["n: length buf"]', "[new] n", "unknown argument 'buf'", "n"),
            ('doc = "x"\nreturns = "numbr"', "[new]", "unknown result 'numbr'", "number"),
            ('doc = "x"\nreturns = "argument st"', "[new]", "unknown argument 'st'", "none"),
            ('doc = "x"\npass = ["path"]', "[new] pass", "unknown argument 'path'", "none"),
            ('doc = "x"\npass = ["1 + 2"]', "[new]", "cannot read '1 + 2' in pass", "CONSTANT"),
            (
                'doc = "x"\nalso = ["read"]',
                "[new]",
                "function 'read' is already declared",
                "another",
            ),
            (
                'doc = "x"\nmethod = ["sync"]',
                "[new]",
                "method 'sync' is already declared",
                "another",
            ),
        ],
    )
    def test_row(self, tmp_path: Path, row: str, where: str, what: str, hint: str | None) -> None:
        """Each part of a row is checked."""
        with pytest.raises(CallgateError) as caught:
            load_with(tmp_path, "time.toml", f"[new]\n{row}")
        assert caught.value.where == f"spec/time.toml: {where}"
        assert what in caught.value.what
        assert (hint or "") in (caught.value.hint or "")

    @pytest.mark.parametrize(
        ("table", "text", "where", "what"),
        [
            ("groups.toml", 'X = { prefx = "X_", in = [] }', "spec/groups.toml: [X]", "'prefx'"),
            ("groups.toml", 'X = { prefix = "X_" }', "spec/groups.toml: [X]", "no 'in'"),
            ("types.toml", 'x = { recrd = "struct x" }', "spec/types.toml: [x]", "'recrd'"),
            ("kinds.toml", '[arguments.x]\nlua = "x"', "spec/kinds.toml: x", "no 'convert'"),
            ("kinds.toml", "[results.x]\nc = 1", "spec/kinds.toml: x", "unknown key 'c'"),
            (
                "inference.toml",
                "[[rule]]\ntype = []",
                "spec/inference.toml: [[rule]]",
                "a rule has",
            ),
            (
                "inference.toml",
                '[[rule]]\ntype = ["x"]\nname = ["y"]\nkind = "flags"',
                "spec/inference.toml: x: y",
                "needs more than a prototype says",
            ),
            ("time.toml", "[", "spec/time.toml", "line"),
            (
                "annotations/time.toml",
                "[functions.opne]",
                "spec/annotations/time.toml: [functions] opne",
                "unknown function 'opne'",
            ),
            (
                "annotations/links.toml",
                '[functions.lstat.params]\nflgs = "x"',
                "spec/annotations/links.toml: [functions] lstat",
                "unknown argument 'flgs'",
            ),
            ("annotations/more.toml", "[", "spec/annotations/more.toml", "line"),
            (
                "operations/more.toml",
                '[ioctl]\nTIOCGWINSZ = "out int"',
                "spec/operations/terminals.toml",
                "[ioctl] has 'TIOCGWINSZ' in another file, too",
            ),
        ],
    )
    def test_table(self, tmp_path: Path, table: str, text: str, where: str, what: str) -> None:
        """The other tables are checked, too."""
        with pytest.raises(CallgateError) as caught:
            load_with(tmp_path, table, text)
        assert caught.value.where == where
        assert what in caught.value.what

    def test_missing_table(self, tmp_path: Path) -> None:
        """A folder without one of the tables is refused by the table's name."""
        shutil.copy(TABLES / "kinds.toml", tmp_path)
        with pytest.raises(CallgateError, match=r"spec/groups\.toml: the table is missing"):
            load_spec(tmp_path)
        for path in TABLES.glob("*.toml"):
            shutil.copy(path, tmp_path)
        with pytest.raises(CallgateError, match="spec/annotations: the folder of tables is miss"):
            load_spec(tmp_path)
