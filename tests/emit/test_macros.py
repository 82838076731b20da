"""The model's macros: each gets its Lua or the reason, from its own unit's types."""

from __future__ import annotations

from callgate import paths, tree
from callgate.models import make_part
from callgate.parse.memo import Memo
from callgate.targets import load_targets

TARGET = load_targets(paths.data_dir("headers") / "targets.toml")["x86_64-linux-gnu"]


def unit(name: str, size: str) -> tree.Unit:
    """Return a unit with a type of its own and three macros that use it."""
    where = tree.Where(name, "t.h", 1)
    bodies = {"T_SIZE": "sizeof(t_long)", "T_BAD": "missing()", "T_WORD": "one two"}
    macros = tuple(
        tree.MacroDefinition(key, (), body, where, expansion=body) for key, body in bodies.items()
    )
    return tree.Unit(name, (tree.Typedef("t_long", tree.Basic(size), where),), macros)


def test_every_macro_has_lua_or_a_reason() -> None:
    """A macro means what its own unit makes of it, though another has one of the same name."""
    units = (unit("uapi", "long"), unit("libc", "short"))
    parts = [make_part(each, TARGET, Memo()) for each in units]
    found = [(item.lua, item.reason) for part in parts for item in part.macros]
    rejected = [
        (None, "calls missing, which no header declares"),
        (None, "not an expression: one two"),
    ]
    assert found == [
        ("function()\n  return 8\nend", None), *rejected,
        ("function()\n  return 2\nend", None), *rejected,
    ]  # fmt: skip
