"""The command line of ``callgate bind``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare what `callgate bind` takes."""
    command.add_argument(
        "headers", nargs="*", metavar="HEADER", help="a path, or a name that is looked for"
    )
    command.add_argument("-o", "--output", type=Path, metavar="FILE", help="the Lua file to write")
    command.add_argument(
        "--library",
        action="append",
        default=[],
        metavar="NAME",
        help="load it at the first call; given again: another to search",
    )
    which = command.add_mutually_exclusive_group()
    _again(which, "--target", "T", "what it is for; default: this machine's")
    which.add_argument("--all", action="store_true", help="every target of Linux")
    _again(command, "--include", "GLOB", "bind the names that match, wherever declared")
    _again(command, "--exclude", "GLOB", "leave out the names that match")
    _again(command, "--prefix", "TEXT", "strip it: of sqlite3_, M.open is sqlite3_open")
    _again(command, "--define", "NAME[=VALUE]", "define a macro before the headers")
    _again(command, "--first", "HEADER", "include it before the others; it is not bound")
    command.add_argument(
        "-I",
        dest="folder",
        action="append",
        type=Path,
        default=[],
        metavar="DIR",
        help="look for headers there, too",
    )
    command.add_argument(
        "--by-abi", action="store_true", help="any machine takes the target with its pointers' size"
    )
    command.add_argument(
        "--definitions", type=Path, metavar="FILE", help="for editors; default: FILE.d.lua"
    )
    command.add_argument("--verbose", action="store_true", help="list what is left out, and why")
    command.add_argument(
        "--renew", action="store_true", help="write the bindings that the library itself has"
    )


def _again(command: argparse._ActionsContainer, option: str, metavar: str, text: str) -> None:
    command.add_argument(option, action="append", default=[], metavar=metavar, help=text)
