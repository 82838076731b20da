"""The command luactl: the arguments, output and status of NetBSD's luactl(8), and its sequences."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from callgate import luajit, paths

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
LUACTL = LIBRARY / "callgate" / "luactl" / "main.lua"
COLUMNS = 80
TIME_LIMIT = 60

USAGE = """\
usage: luactl [-cq]
       luactl [-cq] create name [desc]
       luactl [-cq] destroy name
       luactl [-cq] load name path
       luactl [-cq] require name module
       luactl -e [-cqv] [command [, command]...]
       luactl -h
"""


def run(folder: Path, *words: str, stdin: str = "") -> tuple[int, str, str]:
    """Run the command in a folder; return its status, output and errors."""
    done = subprocess.run(
        [*luajit.interpreter(), str(LUACTL), *words],
        env=luajit.environment(LIBRARY),
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )
    return done.returncode, done.stdout, done.stderr


def at_terminal(folder: Path, typed: str, *words: str) -> tuple[int, str]:
    """Run the command at a terminal of 80 columns; return its status and what stands there."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with subprocess.Popen(
        [*luajit.interpreter(), str(LUACTL), *words],
        env=luajit.environment(LIBRARY),
        cwd=folder,
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    ) as process:
        os.close(side)
        os.write(main, typed.encode())
        shown = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # Linux: EIO once nobody has the other side
                break
            if not part:
                break
            shown += part
        status = process.wait(timeout=TIME_LIMIT)
    os.close(main)
    return status, shown.decode().replace("\r\n", "\n")


def script(folder: Path, name: str, text: str) -> str:
    """Write a file of Lua; return its path as a shell would complete it."""
    (folder / name).write_text(text)
    return f"./{name}"


# --- luactl(8) ------------------------------------------------------------------------------------


def test_list(tmp_path: Path) -> None:
    """Without a command it lists the states: name, creator, description, in NetBSD's columns."""
    assert run(tmp_path, "-e", "list") == (0, "0 active states:\n", "")
    listed = (
        "one created\n"
        "1 active state:\n"
        "Name             Creator  Description\n"
        "one              user     the first\n"
    )
    assert run(tmp_path, "-e", "create", "one", "the first", ",", "list") == (0, listed, "")
    _, out, _ = run(tmp_path, "-eq", "create", "a", ",", "create", "b", "second", ",", "list")
    assert out == (
        "2 active states:\n"
        "Name             Creator  Description\n"
        "b                user     second\n"
        "a                user     \n"
    )


def test_messages(tmp_path: Path) -> None:
    """Each command says what it has done, unless -q is given."""
    load = script(tmp_path, "x.lua", "x = 1")
    words = ["create", "s", ",", "module", "m", script(tmp_path, "m.lua", "return {}"), ","]
    words += ["require", "s", "m", ",", "load", "s", load, ",", "destroy", "s"]
    said = f"s created\nmodule m registered\nm required by s\n{load} loaded into s\ns destroyed\n"
    assert run(tmp_path, "-e", *words) == (0, said, "")
    assert run(tmp_path, "-eq", *words) == (0, "", "")


def test_create_first(tmp_path: Path) -> None:
    """-c creates the state that load and require use, and says so."""
    load = script(tmp_path, "x.lua", "x = 1")
    module = script(tmp_path, "m.lua", "return {}")
    assert run(tmp_path, "-ec", "load", "s", load) == (0, f"s created\n{load} loaded into s\n", "")
    assert run(tmp_path, "-eq", "module", "m", module, ",", "-c", "require", "s", "m") == (
        0,
        "",
        "",
    )
    assert run(tmp_path, "-ec", "create", "s", ",", "load", "s", load) == (
        1,
        "s created\n",
        "luactl: LUACREATE: Device busy\n",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("create _s", "LUACREATE: Device not configured"),
        ("create s , create s", "LUACREATE: Device busy"),
        ("destroy s", "LUADESTROY: Device busy"),
        ("require s m", "LUAREQUIRE: Device not configured"),
        ("load s x.lua", "LUALOAD: Device not configured"),
        ("-c load s x.lua", "LUALOAD: Device not configured"),
        ("-c load s ./x.lua", "LUALOAD: No such file or directory"),
        ("-c load s .", "LUALOAD: Device not configured"),
        ("-c load s ./", "LUALOAD: Invalid argument"),
    ],
)
def test_failures(words: str, message: str, tmp_path: Path) -> None:
    """A failing ioctl is named, with NetBSD's text; the status is 1."""
    assert run(tmp_path, "-eq", *words.split()) == (1, "", f"luactl: {message}\n")


@pytest.mark.parametrize(
    "words",
    [
        ["create"],
        ["create", "a", "b", "c"],
        ["destroy"],
        ["require", "a"],
        ["load", "a", "b", "c"],
    ],
)
def test_usage(words: list[str], tmp_path: Path) -> None:
    """Too few or too many words show the usage, before any device is opened."""
    assert run(tmp_path, *words) == (1, "", USAGE)


def test_unknown(tmp_path: Path) -> None:
    """A mistyped command or option is answered with the nearest one and the usage."""
    status, out, err = run(tmp_path, "creat", "a")
    assert (status, out) == (1, "")
    assert err == f'luactl: unknown command "creat"; did you mean "create"?\n{USAGE}'
    assert run(tmp_path, "-x") == (1, "", f"luactl: unknown option -- x\n{USAGE}")
    assert run(tmp_path, "-v") == (1, "", f"luactl: unknown option -- v\n{USAGE}")
    assert run(tmp_path, "zzzzzzzz") == (1, "", f'luactl: unknown command "zzzzzzzz"\n{USAGE}')
    assert run(tmp_path, "-e", "sysctrl", "x") == (
        1,
        "",
        'luactl: unknown command "sysctrl"; did you mean "sysctl"?\n',
    )
    assert run(tmp_path, "-e", "destroy") == (1, "", "luactl: usage: destroy name\n")


def test_no_device(tmp_path: Path) -> None:
    """Where there is no /dev/lua it says what to do."""
    if Path("/dev/lua").exists():
        pytest.skip("there is a /dev/lua")
    status, out, err = run(tmp_path, "create", "a")
    assert (status, out) == (1, "")
    first, second = err.splitlines()
    assert first == "luactl: /dev/lua: No such file or directory"
    assert "luactl -e" in second


def test_help(tmp_path: Path) -> None:
    """-h explains every command, at 80 columns."""
    status, shown = at_terminal(tmp_path, "", "-h")
    assert status == 0
    assert shown.startswith(USAGE)
    for name in ("create", "destroy", "load", "require", "list", "module", "sysctl"):
        assert f"\n  {name}" in shown
    assert max(map(len, shown.splitlines())) < COLUMNS


def test_launcher(tmp_path: Path) -> None:
    """bin/luactl finds the modules in the checkout, or beside itself, and says where it looked."""
    copy = tmp_path / "bin" / "luactl"
    copy.parent.mkdir()
    shutil.copy(ROOT / "bin" / "luactl", copy)
    environment = {**os.environ, "LUA_PATH": ""}

    def launched() -> tuple[int, str, str]:
        done = subprocess.run(
            [str(copy), "-e", "list"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIME_LIMIT,
        )
        return done.returncode, done.stdout, done.stderr

    assert launched() == (1, "", f"luactl: no module callgate.luactl below {tmp_path}\n")
    for place in ("share/lua/5.1", "output"):
        modules = tmp_path / place
        modules.parent.mkdir(parents=True, exist_ok=True)
        modules.symlink_to(LIBRARY.resolve())
        assert launched() == (0, "0 active states:\n", "")
        modules.unlink()


# --- sequences ------------------------------------------------------------------------------------


def test_lines(tmp_path: Path) -> None:
    """With -e and no command it takes lines: words as in a shell, comments, its own name."""
    load = script(tmp_path, "with blank.lua", "x = 1")
    lines = f"""\
# a comment
luactl -q create one 'the first'

-c load "two" "{load}" # another
sysctl kern.lua.maxcount
sysctl -w kern.lua.maxcount=500 , sysctl kern.lua.maxcount
luactl
"""
    said = (
        f"two created\n{load} loaded into two\n"
        "kern.lua.maxcount = 0\nkern.lua.maxcount: 0 -> 500\nkern.lua.maxcount = 500\n"
        "2 active states:\n"
        "Name             Creator  Description\n"
        "two              user     \n"
        "one              user     the first\n"
    )
    assert run(tmp_path, "-e", stdin=lines) == (0, said, "")


def test_first_failure(tmp_path: Path) -> None:
    """The first line that fails ends it, and is named by its number."""
    assert run(tmp_path, "-e", stdin="create a\n\ndestroy b\ncreate c\n") == (
        1,
        "a created\n",
        "luactl: 3: LUADESTROY: Device busy\n",
    )
    assert run(tmp_path, "-e", stdin="create 'a\n") == (
        1,
        "",
        "luactl: 1: the quote ' at column 8 is not closed\n",
    )


def test_verbose(tmp_path: Path) -> None:
    """-v sets kern.lua.verbose: the device says why it refuses."""
    load = script(tmp_path, "wrong.lua", "x = = 1")
    status, _, err = run(tmp_path, "-eqv", "-c", "load", "s", load)
    assert status == 1
    assert err.splitlines()[0] == "lua0: state s created"
    assert "unexpected symbol near '='" in err
    assert err.endswith("luactl: LUALOAD: Invalid argument\n")


def test_sysctl(tmp_path: Path) -> None:
    """Variables that are unknown, and values of another type, are refused."""
    nearest = '; did you mean "kern.lua.maxcount"?'
    assert run(tmp_path, "-e", "sysctl", "kern.lua.maxcont") == (
        1,
        "",
        f"luactl: sysctl: kern.lua.maxcont: No such file or directory{nearest}\n",
    )
    assert run(tmp_path, "-e", "sysctl", "kern.lua.require=5") == (
        1,
        "",
        "luactl: sysctl: kern.lua.require: Invalid argument\n",
    )


def test_terminal(tmp_path: Path) -> None:
    """At a terminal it prompts, and goes on after a failure."""
    status, shown = at_terminal(tmp_path, "create a\ndestroy b\nlist\n\x04", "-e")
    assert status == 0
    assert shown.count("luactl> ") == 4
    assert "a created\n" in shown
    assert "luactl: LUADESTROY: Device busy\n" in shown
    assert "a                user     \n" in shown
    assert max(map(len, shown.splitlines())) < COLUMNS
