"""From header text to ``callgate.tree``: preprocess, rewrite, parse, collect macros."""

from callgate.parse.unit import parse_unit, parse_units

__all__ = ["parse_unit", "parse_units"]
