"""The programs of the machine that callgate uses: what for, and how to install them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that callgate finds on PATH."""

    name: str  # ex) "LuaJIT"
    programs: tuple[str, ...]  # any of them will do, ex) ("luajit",)
    packages: tuple[str, ...]  # Debian's, ex) ("lua-check",)
    purpose: str  # ex) "lints the Lua code"
    version: tuple[str, ...] = ("--version",)  # arguments that print its version
    for_tests: bool = True  # `callgate test` needs it


LUAJIT = Tool("LuaJIT", ("luajit",), ("luajit",), "runs the library; else lupa's", ("-v",))
APT = Tool("apt-get", ("apt-get",), (), "installs the others", for_tests=False)
QEMU = ("qemu-arm", "qemu-arm-static")
TOOLS = (
    LUAJIT,
    Tool("luacheck", ("luacheck",), ("lua-check",), "lints the Lua code"),
    Tool("luarocks", ("luarocks",), ("luarocks",), "installs the library as a rock"),
    Tool("gcc", ("gcc",), ("gcc", "libc6-dev"), "second witness, benchmarks"),
    Tool("strace", ("strace",), ("strace",), "witness of system calls"),
    Tool("valgrind", ("valgrind",), ("valgrind", "libc6-dbg"), "witness of memory"),
    Tool("clang", ("clang",), ("clang",), "a further witness", for_tests=False),
    Tool("qemu", QEMU, ("qemu-user-static",), "runs other targets", for_tests=False),
    APT,
)

INCLUDE = Path("/usr/include")
# Headers that tests and examples of `callgate bind` read: pattern below /usr/include -> package.
HEADERS = {
    "luajit-2.1/luajit.h": "libluajit-5.1-dev",
    "zlib.h": "zlib1g-dev",
    "sqlite3.h": "libsqlite3-dev",
    "*/curl/curl.h": "libcurl4-openssl-dev",
}
LJSYSCALL_PACKAGE = "lua-ljsyscall"  # Debian's; tests load it beside the library


def find(tool: Tool) -> str | None:
    """Return the path of the first of the tool's programs that is on PATH; $LUAJIT goes before."""
    programs = tool.programs
    if tool is LUAJIT and os.environ.get("LUAJIT"):
        programs = (os.environ["LUAJIT"],)
    return next((path for path in map(shutil.which, programs) if path), None)


def luajit() -> str | None:
    """Return the installed LuaJIT: $LUAJIT, else the one on PATH, else None."""
    return find(LUAJIT)


def has_ljsyscall() -> bool:
    """Tell whether the installed LuaJIT finds ljsyscall's module."""
    program = luajit()
    look = "os.exit(package.searchpath('syscall', package.path) and 0 or 1)"
    return program is not None and _run([program, "-e", look]).returncode == 0


def version_of(tool: Tool, path: str) -> str:
    """Return the version that the program prints of itself, or "" when it does not run."""
    done = _run([path, *tool.version])
    found = re.search(r"\d+\.\d[\w.+-]*", done.stdout or done.stderr)
    return found[0] if found and done.returncode == 0 else ""


def install_command(packages: list[str]) -> str:
    """Return the command that installs Debian packages, as this user has to type it."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y {' '.join(packages)}"


def missing_packages() -> list[str]:
    """Return the Debian packages that `callgate test` needs and this machine lacks."""
    packages = [
        package for tool in TOOLS if tool.for_tests and not find(tool) for package in tool.packages
    ]
    packages += [package for name, package in HEADERS.items() if not any(INCLUDE.glob(name))]
    return packages if has_ljsyscall() else [*packages, LJSYSCALL_PACKAGE]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
