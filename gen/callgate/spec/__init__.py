"""Declared semantics: what no header says of a call, in tables by subsystem."""
