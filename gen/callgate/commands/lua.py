"""``callgate lua``: run Lua with the library, on the installed LuaJIT or on lupa's."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from callgate import files, luajit, paths
from callgate.errors import CallgateError

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter


def run(options: argparse.Namespace, _report: Reporter) -> NoReturn:
    """Become LuaJIT: the script has the terminal, the signals and the exit status to itself."""
    library = options.library or paths.output_dir()
    if not (library / files.LIBRARY_ENTRY).is_file():
        raise CallgateError(
            "there is no library here", where=str(library), hint="run `callgate generate` first"
        )
    command = luajit.interpreter(embedded=options.embedded)
    if options.code is not None:
        command += ["-e", options.code]
    sys.stdout.flush()
    os.execve(command[0], [*command, *options.script], luajit.environment(library))  # noqa: S606
