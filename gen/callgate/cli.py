"""The ``callgate`` command: its options. What a command does stands in commands/NAME.py."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from callgate import __version__
from callgate.bind import options as bind_options
from callgate.ending import Ended, end_by_exception
from callgate.errors import CallgateError
from callgate.machines.model import TIERS
from callgate.report import Reporter
from callgate.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH = 80
USAGE_ERROR = 2


class Parser(argparse.ArgumentParser):
    """A parser whose errors name the nearest valid word, and whose help fits 80 columns."""

    def __init__(self, **options: object) -> None:
        """Take argparse's options; abbreviated ones are refused, since a later one may clash."""
        options.setdefault("formatter_class", _formatter)
        super().__init__(allow_abbrev=False, **options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Print ``message``, the nearest valid word and how to get help; exit with status 2."""
        sys.stderr.write(f"{self.prog}: {self._say(message)}\n")
        sys.stderr.write(f"  `{self.prog} --help` tells what can be given\n")
        sys.exit(USAGE_ERROR)

    def _say(self, message: str) -> str:
        # "argument COMMAND: invalid choice: 'x' (choose from ...)", worded by argparse
        found = re.search(r"invalid choice: '(.*?)'", message)
        if not found:
            return message
        known = [word for action in self._actions for word in action.choices or ()]
        return _with_hint(f"unknown word {found[1]!r}", suggest(found[1], known), known)

    def take(self, options: argparse.Namespace, extra: Sequence[str]) -> None:
        """Add words that stand after options to the list that those before them are in.

        argparse gives a list the first group of words alone: "bind A.h -I DIR B.h" has two.
        """
        lists = [action.dest for action in self._actions if action.nargs == "*"]
        unknown = [word for word in extra if word.startswith("-")]
        if unknown or not lists:
            self.refuse(unknown or extra)
        setattr(options, lists[0], [*getattr(options, lists[0]), *extra])

    def refuse(self, extra: Sequence[str]) -> NoReturn:
        """Report the arguments that nothing takes; exit with status 2."""
        word = extra[0]
        options = [option for action in self._actions for option in action.option_strings]
        if word.startswith("-"):
            name = word.split("=", 1)[0]
            if name in options:
                self.error(f"{name} goes after the command: {self.prog} {name} ...")
            self.error(_with_hint(f"unknown option {name!r}", suggest(name, options), []))
        self.error(f"nothing takes the argument {word!r}")


def _with_hint(message: str, hint: str, known: Sequence[str]) -> str:
    if not hint and known:
        hint = f"known: {', '.join(known)}"
    return f"{message}; {hint}" if hint else message


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, width=WIDTH, max_help_position=26)


# --- the commands and their options --------------------------------------------------------------


def _generate(command: Parser) -> None:
    _targets_or_all(command)
    command.add_argument("--out", type=Path, metavar="DIR", help="where to write the library")
    command.add_argument(
        "--sysroot", type=Path, metavar="DIR", help="headers to read, not the bundle's"
    )
    command.add_argument("--cc", metavar="CC", help="the sysroot's C compiler")
    _jobs(command)


def _verify(command: Parser) -> None:
    _targets_or_all(command)
    command.add_argument(
        "--run", action="store_true", help="run the library: TARGET may be a run of runs.toml"
    )
    command.add_argument("--tier", choices=TIERS, help="with --run: only runs of this kind")
    command.add_argument(
        "--strict",
        action="store_true",
        help="a target that cannot be asked or run here is a failure",
    )
    command.add_argument("--shard", type=_shard, metavar="I/N", help="the I-th of N equal parts")
    _jobs(command)
    _json(command)


def _targets(command: Parser) -> None:
    command.add_argument(
        "--write", action="store_true", help="write the workflow and the README's table"
    )
    _json(command)


def _show(command: Parser) -> None:
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "name", nargs="?", metavar="NAME", help="of a constant, record or system call"
    )
    what.add_argument(
        "--differing", action="store_true", help="list the names that headers define differently"
    )
    what.add_argument(
        "--untranslated", action="store_true", help="list the macros that are no Lua functions"
    )
    what.add_argument(
        "--libc", action="store_true", help="list what the C library has otherwise than the kernel"
    )
    command.add_argument(
        "--markdown", action="store_true", help="with --libc: print the page docs/libc.md"
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument("--target", metavar="T", help="as this target sees it")
    which.add_argument("--all", action="store_true", help="as every target sees it")
    _json(command)


def _diff(command: Parser) -> None:
    for side in ("old", "new"):
        command.add_argument(
            side, metavar=side.upper(), help="a target, a folder of headers, or a dump's file"
        )
    command.add_argument("--target", metavar="T", help="whose headers a folder holds")
    command.add_argument(
        "--only",
        action="append",
        choices=("constants", "records", "typedefs", "syscalls"),
        help="what to compare; may be given again",
    )
    command.add_argument("--name", metavar="GLOB", help="compare the names that match")
    _json(command)


def _dump(command: Parser) -> None:
    command.add_argument("target", metavar="TARGET")
    command.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="default: standard output"
    )


def _bind(command: Parser) -> None:
    bind_options.add_options(command)
    _json(command)


def _ledger(command: Parser) -> None:
    command.add_argument(
        "targets", nargs="*", default=[], metavar="TARGET", help="default: one per architecture"
    )
    command.add_argument("--update", action="store_true", help="record what is new, grown or gone")
    command.add_argument(
        "--reason", default="", metavar="TEXT", help="why names are gone or changed: accept that"
    )
    _jobs(command)
    _json(command)


HEADERS_EXAMPLES = {
    "list": "list --json",
    "import": "import --kernel-source linux-7.2",
    "check": "check",
    "build-uclibc": "build-uclibc --arch x86_64 -o uclibc",
}


def _headers(command: Parser) -> None:
    actions = command.add_subparsers(
        dest="action", required=True, metavar="list|import|check|build-uclibc", title="actions"
    )
    for name, text in (
        ("list", "the header trees, their versions and hashes"),
        ("import", "extract system call tables and prototypes of a kernel source tree"),
        ("check", "compare the committed data with its recorded hashes"),
        ("build-uclibc", "build a sysroot of uClibc-ng, headers and library, and print its path"),
    ):
        action = actions.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"example:\n  callgate headers {HEADERS_EXAMPLES[name]}",
        )
        _common(action)
        if name == "import":
            action.add_argument("--kernel-source", type=Path, required=True, metavar="DIR")
            action.add_argument(
                "--origin", default="", metavar="TEXT", help="where it came from, for the record"
            )
        elif name == "build-uclibc":
            action.add_argument(
                "--arch", required=True, metavar="ARCH", help="x86_64, i386 or arm (hard-float)"
            )
            action.add_argument(
                "-o", "--output", type=Path, metavar="DIR", help="a copy (default: the cache's own)"
            )
            action.add_argument(
                "--record", action="store_true", help="renew the facts of it in headers/uclibc/"
            )
        else:
            _json(action)


def _coverage(command: Parser) -> None:
    command.add_argument("runs", nargs="*", metavar="RUN", help="default: all of the table's")
    command.add_argument("--update", action="store_true", help="run the specs; renew the page")
    command.add_argument("--check", action="store_true", help="run the specs natively; compare")
    command.add_argument("--tier", choices=TIERS, help="renew what this tier's machines say")
    command.add_argument("--library", type=Path, metavar="DIR", help="default: output/")
    command.add_argument(
        "--strict", action="store_true", help="fail where a machine cannot run here"
    )


def _docs(command: Parser) -> None:
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="default: the checkout's docs/reference"
    )


def _bench(command: Parser) -> None:
    command.add_argument(
        "names", nargs="*", default=[], metavar="NAME", help="calls, load, state, httpd, or one"
    )
    command.add_argument("--quick", action="store_true", help="one short round, not to be trusted")
    command.add_argument("--rounds", type=_positive, metavar="N", help="the best of them counts")
    command.add_argument("--library", type=Path, metavar="DIR", help="default: output/")
    _json(command)


def _lua(command: Parser) -> None:
    command.add_argument("-e", dest="code", metavar="CODE", help="run CODE")
    command.add_argument("--library", type=Path, metavar="DIR", help="default: output/")
    command.add_argument("--embedded", action="store_true", help="use no installed LuaJIT")
    command.add_argument("script", nargs=argparse.REMAINDER, metavar="SCRIPT [ARGUMENT...]")


def _test(command: Parser) -> None:
    which = command.add_mutually_exclusive_group()
    which.add_argument("--fast", action="store_true", help="no type checker, no slow tests")
    which.add_argument(
        "--all", action="store_true", help="also verify every target, and run it on every tier"
    )
    command.add_argument("--shard", type=_shard, metavar="I/N", help="the I-th of N equal parts")
    command.add_argument(
        "--strict", action="store_true", help="a target that cannot run here is a failure"
    )


def _targets_or_all(command: Parser) -> None:
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "targets", nargs="*", default=[], metavar="TARGET", help="default: this machine's"
    )
    which.add_argument("--all", action="store_true", help="every target of the table")


def _jobs(command: Parser) -> None:
    command.add_argument("--jobs", type=_positive, metavar="N", help="default: one per processor")


def _json(command: Parser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON, for programs")


def _common(command: Parser) -> None:
    # SUPPRESS: given before the command they count too, and a subparser's default must not win
    default = argparse.SUPPRESS
    command.add_argument(
        "--quiet", action="store_true", default=default, help="no progress, no table"
    )
    command.add_argument(
        "--debug", action="store_true", default=default, help="show Python tracebacks"
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, not {text!r}")
    return int(text)


def _shard(text: str) -> tuple[int, int]:
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise argparse.ArgumentTypeError(f"expected I/N with 1 <= I <= N, as 2/4, not {text!r}")
    return int(index), int(count)


# Each with its summary, an example, and the function that declares its options.
COMMANDS: dict[str, tuple[str, str, Callable[[Parser], None]]] = {
    "generate": (
        "parse headers, write and verify the Lua library, run a program on it",
        "callgate generate x86_64-linux-gnu --out build/lua",
        _generate,
    ),
    "verify": (
        "compare the library with what C compilers and LuaJIT say",
        "callgate verify x86_64-linux-gnu --json",
        _verify,
    ),
    "targets": ("list the targets", "callgate targets --json", _targets),
    "show": (
        "explain a constant, a struct as a byte map, a call's signature",
        "callgate show 'struct epoll_event'",
        _show,
    ),
    "diff": (
        "compare two targets, or two versions of the headers; status 1 when they differ",
        "callgate diff headers-6.12 headers-7.2 --target x86_64-linux-gnu",
        _diff,
    ),
    "dump": (
        "print the ABI model as JSON",
        "callgate dump x86_64-linux-gnu -o abi.json",
        _dump,
    ),
    "bind": (
        "bind C headers of your own: one Lua file, verified by the compilers",
        "callgate bind sqlite3.h -o sqlite3.lua --library sqlite3 --prefix sqlite3_",
        _bind,
    ),
    "headers": (
        "list, import, check and build header trees",
        "callgate headers import --kernel-source linux-7.2",
        _headers,
    ),
    "ledger": (
        "check that no name once released is lost or changed in silence",
        "callgate ledger --update --reason 'Linux 7.3 removed the ATM drivers'",
        _ledger,
    ),
    "coverage": (
        "which system calls the specs make the kernel do, as a page",
        "callgate coverage --update --tier system",
        _coverage,
    ),
    "docs": (
        "write the reference pages, docs/reference, from the declared tables",
        "callgate docs --out build/reference",
        _docs,
    ),
    "bench": (
        "what calls, loading and a server cost, beside C and ljsyscall",
        "callgate bench read stat httpd",
        _bench,
    ),
    "lua": (
        "run Lua with the library, on an embedded LuaJIT if none is installed",
        "callgate lua -e 'print(require(\"callgate\").getpid())'",
        _lua,
    ),
    "test": ("run the project's tests; set up what they need", "callgate test --fast", _test),
    "doctor": (
        "what this machine has and lacks, and the command that mends it",
        "callgate doctor",
        _json,
    ),
}


def make_parser() -> Parser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="callgate",
        description="LuaJIT FFI bindings for the Linux system call interface, from C headers.",
        epilog="example:\n  callgate generate        headers in, a proved Lua library out",
    )
    parser.add_argument("--version", action="version", version=f"callgate {__version__}")
    _common(parser)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", title="commands"
    )
    for name, (summary, example, add_options) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"example:\n  {example}",
        )
        _common(command)
        add_options(command)
        command.set_defaults(parser=command)
    return parser


# --- running one ---------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 all is well, 1 it is not, 2 usage (and any trouble of diff, as diff(1)), 128 + N ended by
    signal N.
    """
    options, extra = make_parser().parse_known_args(arguments)
    if extra:
        options.parser.take(options, extra)
    report = Reporter(json=getattr(options, "json", False), quiet=getattr(options, "quiet", False))
    end_by_exception()
    try:
        run = importlib.import_module(f"callgate.commands.{options.command}").run
        status: int = run(options, report)
        sys.stdout.flush()
    except (KeyboardInterrupt, Ended) as reason:
        sys.stderr.write(f"\ncallgate: {options.command} interrupted; nothing half-done is kept\n")
        return reason.code if isinstance(reason, Ended) else 128 + int(signal.SIGINT)
    except BrokenPipeError:
        # the reader of the output (head, a pager) has what it wanted; nothing more can be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + int(signal.SIGPIPE)
    except Exception as error:  # noqa: BLE001 - the outermost frame: nobody else can report it
        if getattr(options, "debug", False):
            traceback.print_exc()
        sys.stderr.write(f"callgate: {_explain(error)}\n")
        return USAGE_ERROR if options.command == "diff" else 1
    return status


def _explain(error: Exception) -> str:
    if isinstance(error, CallgateError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory\n  close other programs, or give --jobs 1"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    said = f"{type(error).__name__}: {error}".splitlines()[0]
    with tempfile.NamedTemporaryFile(
        "w", prefix="callgate-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"callgate {__version__}, Python {sys.version}\n{' '.join(sys.argv)}\n\n")
        traceback.print_exception(error, file=file)
    return f"a defect of callgate, not of your input: {said}\n  report it with {file.name}"
