"""How a row's function looks to Lua: parameters, results, failure."""

from __future__ import annotations

import dataclasses

import pytest

from callgate.emit.luasig import LuaFunction, lua_function, or_nil
from callgate.spec.loader import load_spec
from callgate.spec.model import ArgumentSpec, CallSpec

SPEC = load_spec()
CALLS = {call.name: call for call in SPEC.calls}


def made(*args: ArgumentSpec, returns: str = "true", returned: str | None = None) -> LuaFunction:
    """Return the Lua side of a call with these arguments."""
    call = CallSpec("x", "files", "", "x(2)", "x", args, returns=returns, returned=returned)
    return lua_function(call, SPEC)


class TestParameters:
    """What a caller passes, in LuaCATS terms."""

    def test_group(self) -> None:
        """Flags have their group's names and may be left out, a choice may not."""
        function = made(ArgumentSpec("a", "flags", "O"), ArgumentSpec("b", "choice", "SEEK"))
        found = [(item.type, item.optional) for item in function.parameters]
        assert found == [("callgate.c.O", True), ("callgate.c.SEEK", False)]

    def test_default(self) -> None:
        """What has a default may be left out."""
        function = made(ArgumentSpec("a", "int"), ArgumentSpec("b", "int", default="0"))
        assert function.usage == "a[, b]"

    def test_record(self) -> None:
        """A friendly type is its own class; what else makes one is taken, too."""
        function = made(
            ArgumentSpec("a", "record", "timespec"),
            ArgumentSpec("b", "out", "stat"),
            ArgumentSpec("c", "out", "tms"),
        )
        assert [(item.type, item.optional) for item in function.parameters] == [
            ("callgate.t.timespec|table|number|string", False),
            ("callgate.t.stat", True),
            ("ffi.cdata*", True),
        ]


class TestResults:
    """What comes back: value|nil, string?, integer?."""

    def test_failure(self) -> None:
        """A call that can fail returns nil, message and errno instead of its value."""
        function = made(returns="fd", returned="timer")
        assert function.returns == (
            ("callgate.fd.timer?", "fd"),
            ("string?", "message"),
            ("integer?", "errno"),
        )

    def test_always(self) -> None:
        """A call that cannot fail returns its value alone."""
        assert made(returns="always").returns == (("integer", "result"),)

    def test_argument(self) -> None:
        """An argument that comes back has its type."""
        function = made(ArgumentSpec("st", "out", "stat"), returns="argument", returned="st")
        assert function.returns[0] == ("callgate.t.stat?", "st")

    def test_bytes(self) -> None:
        """A buffer that may be left out turns the count into a string."""
        assert lua_function(CALLS["read"], SPEC).values == (("integer|string", "count"),)

    def test_several(self) -> None:
        """Further values share their places with the message and the errno."""
        found = [kind for kind, _ in lua_function(CALLS["getresuid"], SPEC).returns]
        assert found == ["integer?", "integer|any", "integer|any"]

    def test_none(self) -> None:
        """A call that only returns on failure never has a value."""
        assert lua_function(CALLS["execve"], SPEC).returns[0] == ("nil", "never")

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("integer", "integer?"),
            ("integer|string", "integer|string|nil"),
            ("string?", "string?"),
            ("any", "any"),
            ("(fun(): string?)", "(fun(): string?)|nil"),
        ],
    )
    def test_or_nil(self, kind: str, expected: str) -> None:
        """Any type can be made to include nil, once."""
        assert or_nil(kind) == expected


def test_hand_written_functions_have_types() -> None:
    """Every row whose Lua is written by hand says in spec/annotations what it returns."""
    rows = SPEC.annotations["functions"]
    lacking = [
        call.name
        for call in SPEC.calls
        if call.behaviour and call.returns == "true" and "returns" not in rows.get(call.name, {})
    ]
    assert lacking == []


def test_unknown_result() -> None:
    """A hand-written function that no annotation speaks of returns anything."""
    call = dataclasses.replace(CALLS["pipe"], name="strange")
    assert lua_function(call, SPEC).returns[0] == ("any", "result")
