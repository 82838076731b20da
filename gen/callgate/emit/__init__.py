"""Renderers: from the ABI model and the declared semantics to the text of the Lua library."""
