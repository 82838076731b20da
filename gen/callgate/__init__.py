"""Callgate turns C headers into LuaJIT FFI bindings for the Linux system call interface."""

__version__ = "0.1.0"
