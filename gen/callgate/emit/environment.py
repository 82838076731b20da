"""The one jinja2 environment of all templates: nothing undefined is ever rendered."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from callgate.emit import literals


@cache
def environment() -> Environment:
    """Return the environment; templates lie beside this module, named after what they render."""
    made = Environment(
        loader=PackageLoader("callgate.emit", "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - the output is Lua, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["lua_field"] = literals.lua_field
    made.filters["lua_key"] = literals.lua_key
    made.filters["lua_string"] = literals.lua_string
    made.filters["wrap"] = literals.wrap
    return made


def render(template: str, **values: object) -> str:
    """Render ``templates/<template>``; raises jinja2.UndefinedError on a missing value."""
    return environment().get_template(template).render(**values)
