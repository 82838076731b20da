"""Groups, friendly types and typed operations, resolved against a target's headers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from callgate.emit.facts import facts
from callgate.emit.tables import emit_groups, emit_operations, emit_types
from callgate.errors import CallgateError
from callgate.model import Abi, Constant, Location, Record
from callgate.paths import data_dir
from callgate.spec.loader import load_spec
from callgate.targets import load_targets

if TYPE_CHECKING:
    from callgate.spec.model import Spec

BARE = dataclasses.replace(load_spec(), calls=(), groups={}, types={}, operations={})


def constant(name: str, header: str, unit: str = "uapi") -> Constant:
    """Return a constant of a header."""
    return Constant(name, 1, 4, signed=True, kind="macro", location=Location(unit, header, 1))


ABI = Abi(
    "x86_64-linux-gnu",
    "7.2.0",
    (
        constant("O_RDONLY", "asm-generic/fcntl.h"),
        constant("O_ACCMODE", "asm-generic/fcntl.h"),
        constant("FIONREAD", "asm/ioctls.h"),
        constant("MAP_SHARED", "linux/mman.h"),
        constant("MAP_ANONYMOUS", "asm/mman.h"),
        constant("SOCK_STREAM", "bits/socket_type.h", "libc"),
    ),
    (Record("struct winsize", "struct", 8, 2, (), Location("uapi", "asm/termios.h", 1)),),
    enumerations=(),
    typedefs=(),
    prototypes=(),
    macros=(),
    unevaluated=(),
    syscalls=(),
)


TARGET = load_targets(data_dir("headers") / "targets.toml")["x86_64-linux-gnu"]
FACTS = [facts(ABI, TARGET)]


def with_group(**row: object) -> Spec:
    """Return tables with one group, X."""
    return dataclasses.replace(BARE, groups={"X": {"prefix": "O_", "in": [], **row}})


class TestGroups:
    """A group's headers are those of the target that match."""

    def test_patterns(self) -> None:
        """A pattern stands for the headers that it matches and that have such names."""
        spec = dataclasses.replace(
            BARE,
            groups={
                "MAP": {"prefix": "MAP_", "in": ["asm*/mman*.h", "linux/mman.h"]},
                "SOCK": {"prefix": "SOCK_", "in": ["bits/socket_type.h", "sys/socket.h"]},
            },
        )
        text = emit_groups(FACTS, spec)
        assert 'headers = { "uapi/asm/mman.h", "uapi/linux/mman.h" }' in text
        assert 'headers = { "libc/bits/socket_type.h" }' in text

    def test_parts(self) -> None:
        """Exceptions, aliases, values of its own and another group's names are kept."""
        row: dict[str, object] = {
            "in": ["asm*/fcntl.h"],
            "except": ["O_ACCMODE"],
            "aliases": {"READ": "RDONLY"},
        }
        text = emit_groups(FACTS, with_group(**row, names={"NONE": 0}, also="Y"))
        assert "except = { O_ACCMODE = true }" in text
        assert 'aliases = { READ = "RDONLY" }' in text
        assert "NONE = 0" in text
        assert 'also = "Y"' in text

    @pytest.mark.parametrize(
        ("row", "what"),
        [
            ({"in": ["linux/none.h"]}, "no header like linux/none.h has a constant O_*"),
            (
                {"in": ["asm*/fcntl.h"], "except": ["O_ACCMOD"]},
                "no constant 'O_ACCMOD' in the group",
            ),
            ({"in": ["asm*/fcntl.h"], "aliases": {"A": "B"}}, "no constant 'O_B' in the group"),
        ],
    )
    def test_mistakes(self, row: dict[str, object], what: str) -> None:
        """A group that means nothing on the target is an error at its row."""
        with pytest.raises(CallgateError) as caught:
            emit_groups(FACTS, with_group(**row))
        assert (caught.value.where, caught.value.what) == ("spec/groups.toml: [X]", what)


class TestTypes:
    """A friendly name stands for a record of the headers."""

    def test_row(self) -> None:
        """The index says the record and the module that helps it."""
        types = {"ws": {"record": "struct winsize", "module": "winsize"}, "fd": {"module": "fd"}}
        text = emit_types(FACTS, dataclasses.replace(BARE, types=types))
        assert 'ws = { record = "struct winsize", module = "callgate.kinds.winsize" },' in text
        assert 'fd = { module = "callgate.kinds.fd" },' in text

    def test_family_and_prefix(self) -> None:
        """The index says the family of a socket address, and what fields begin with in C."""
        row = {"record": "struct winsize", "prefix": "ws_", "family": 40}
        text = emit_types(FACTS, dataclasses.replace(BARE, types={"ws": row}))
        assert 'ws = { record = "struct winsize", prefix = "ws_", family = 40 },' in text

    def test_mistake(self) -> None:
        """A record that no header has is an error with the nearest one."""
        spec = dataclasses.replace(BARE, types={"ws": {"record": "struct winsiz"}})
        with pytest.raises(CallgateError) as caught:
            emit_types(FACTS, spec)
        assert caught.value.where == "spec/types.toml: [ws]"
        assert "struct winsize" in (caught.value.hint or "")


class TestOperations:
    """An operation's name decides the type of its argument and result."""

    @pytest.mark.parametrize(
        "text",
        [
            "out int", "in winsize", "both winsize -> fd", "none", "value -> number",
            "value, 0, in winsize", "address, size winsize, out bytes -> boolean",
            "array winsize, count", "none -> fd event", "{ a: fd, b: array int, c: count b }",
            "test { a: fd } -> number",
            "{ a: constant BPF }", "{ a: fd, b: out element }",
        ],
    )  # fmt: skip
    def test_row(self, text: str) -> None:
        """What a row may say."""
        spec = dataclasses.replace(BARE, operations={"ioctl": {"FIONREAD": text}})
        files = emit_operations(FACTS, spec)
        assert f'  FIONREAD = "{text}",\n' in files["operations/ioctl.lua"]

    @pytest.mark.parametrize(
        ("name", "text", "what", "hint"),
        [
            ("FIONRED", "out int", "no constant 'FIONRED'", "FIONREAD"),
            ("FIONREAD", "outt int", "cannot read 'outt int'", "out TYPE"),
            ("FIONREAD", "", "cannot read ''", "out TYPE"),
            ("FIONREAD", "out winsiz", "no type 'winsiz'", ""),
            ("FIONREAD", "out in", "no type 'in'", "int"),
            ("FIONREAD", "flags P", "no group 'P'", ""),
            ("FIONREAD", "value, size winsiz", "no type 'winsiz'", ""),
            ("FIONREAD", "value, choice P", "no group 'P'", ""),
            ("FIONREAD", "value,in winsize", "cannot read 'value,in winsize'", '", " between'),
            ("FIONREAD", "array winsiz, count", "no type 'winsiz'", ""),
            ("FIONREAD", "{ a: fd, b: array winsiz }", "no type 'winsiz'", ""),
            ("FIONREAD", "{ a: flags P }", "no group 'P'", ""),
            ("FIONREAD", "{ fd }", "cannot read '{ fd }'", ""),
            ("FIONREAD", "a: fd", "cannot read 'a: fd'", ""),
            ("FIONREAD", "none -> nmber", "unknown result 'nmber'", "number"),
        ],
    )
    def test_mistakes(self, name: str, text: str, what: str, hint: str) -> None:
        """A mistake is said with the operation and the nearest word."""
        spec = dataclasses.replace(BARE, operations={"ioctl": {name: text}})
        with pytest.raises(CallgateError) as caught:
            emit_operations(FACTS, spec)
        assert caught.value.where == f"spec/operations: [ioctl] {name}"
        assert caught.value.what == what
        assert hint in (caught.value.hint or "")
