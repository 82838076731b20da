"""Bindings of real libraries: their whole headers, and the examples that use them."""

from __future__ import annotations

import gzip
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callgate.tools import HEADERS, install_command

Bind = Callable[..., Path]
Run = Callable[..., str]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "bind"
PAGE = "<p>Hello</p>\n" * 5000


def need(pattern: str) -> None:
    """Fail, naming the package, where the headers are not here; `callgate test` installs it."""
    if not any(Path("/usr/include").glob(pattern)):
        pytest.fail(f"{pattern} is not here: {install_command([HEADERS[pattern]])}")


def command_of(example: str) -> list[str]:
    """Return the arguments of ``callgate bind`` that the head of an example gives, but -o."""
    text = (EXAMPLES / f"{example}.lua").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if "callgate bind " in line)
    words = line.partition("callgate bind ")[2].split()
    place = words.index("-o")
    return words[:place] + words[place + 2 :]


def example(name: str) -> str:
    """Return an example's text."""
    return (EXAMPLES / f"{name}.lua").read_text(encoding="utf-8")


@pytest.mark.parametrize("jit", [True, False], ids=["compiled", "interpreted"])
def test_zlib(tmp_path: Path, bind: Bind, lua: Run, jit: bool) -> None:
    """The example compresses a file as gzip does, and back; a broken file leaves nothing behind."""
    need("zlib.h")
    bind(*command_of("compress"), name="zlib")
    data = bytes(range(256)) * 2000 + b"the end"
    (tmp_path / "data").write_bytes(data)
    said = lua(example("compress"), "compress", "data", "data.gz", jit=jit)
    assert said.startswith(f"compress: {len(data)} bytes in, ")
    assert gzip.decompress((tmp_path / "data.gz").read_bytes()) == data
    lua(example("compress"), "decompress", "data.gz", "back", jit=jit)
    assert (tmp_path / "back").read_bytes() == data
    (tmp_path / "half.gz").write_bytes((tmp_path / "data.gz").read_bytes()[:900])
    said = lua(example("compress"), "decompress", "half.gz", "lost", jit=jit, status=1)
    assert said == "half.gz: the file ends too early\n"
    said = lua(example("compress"), "decompress", "data", "lost", jit=jit, status=1)
    assert said == "data: incorrect header check\n"
    assert not (tmp_path / "lost").exists()


@pytest.mark.parametrize("jit", [True, False], ids=["compiled", "interpreted"])
def test_sqlite(bind: Bind, lua: Run, jit: bool) -> None:
    """The example makes a table, fills it and queries it; SQLite's own errors come through.

    A value is bound as a number only where nothing of its text is lost.
    """
    need("sqlite3.h")
    bind(*command_of("query"), name="sqlite3")
    query = example("query")
    lua(query, "books.db", "create table books (title, year)", jit=jit)
    for title, year in (("Lua é", "1996"), ("C", "1978"), ("Zig", "2016")):
        lua(query, "books.db", "insert into books values (?, ?)", title, year, jit=jit)
    rows = lua(
        query,
        "books.db",
        "select *, null, 1.5, 9007199254740993 from books where year < ? order by year",
        "2000",
        jit=jit,
    )
    assert rows == (
        "C\t1978\tNULL\t1.5\t9007199254740993\nLua é\t1996\tNULL\t1.5\t9007199254740993\n"
    )
    numbers = ("7", "-7", "0", "1.5", "-0.25", "0.1234567890123456", "1e+20", "9007199254740993")
    integers = ("9223372036854775807", "-9223372036854775808")  # the ends of 64 bits
    texts = ("007", "-0", "1.50", "1e3", "0x10", "inf", "nan", "9223372036854775808", " 7", "")
    for value in (*numbers, *integers, *texts):
        row = lua(query, "books.db", "select ?1, typeof(?1)", value, jit=jit)
        text, kind = row.removesuffix("\n").split("\t")
        assert (text, kind == "text") == (value, value in texts)
    assert "usage: query.lua FILE SQL" in lua(query, "books.db", jit=jit, status=2)
    said = lua(query, "books.db", "slect", jit=jit, status=1)
    assert said == 'books.db: near "slect": syntax error\n'


class Pages(http.server.BaseHTTPRequestHandler):
    """One page, and one way to it."""

    def do_GET(self) -> None:
        """Answer."""
        agent = self.headers["User-Agent"]
        body = f"{agent}\n{PAGE}".encode() if self.path == "/page" else b"nothing\n"
        status = {"/page": 200, "/moved": 302}.get(self.path, 404)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/page")
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """Return the address of a server on this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_address[1]}"
        found.shutdown()
        thread.join()


@pytest.mark.parametrize("jit", [True, False], ids=["compiled", "interpreted"])
def test_curl(bind: Bind, lua: Run, server: str, jit: bool) -> None:
    """The example fetches a page, through a redirection too, and tells what it does not get."""
    need("*/curl/curl.h")
    bind(*command_of("fetch"), name="curl")
    assert lua(example("fetch"), f"{server}/page", jit=jit) == f"callgate-bind\n{PAGE}"
    assert lua(example("fetch"), f"{server}/moved", jit=jit) == f"callgate-bind\n{PAGE}"
    said = lua(example("fetch"), f"{server}/lost", jit=jit, status=1)
    assert said == "status 404, text/html, 8 bytes\n"
    said = lua(example("fetch"), "http://127.0.0.1:1/", jit=jit, status=1)
    assert "onnect" in said


def test_all_of_them(bind: Bind, lua: Run) -> None:
    """Every name of every library can be had, in one process, and each is what its header says."""
    names = {"zlib": ("zlib.h", "z"), "sqlite3": ("sqlite3.h", "sqlite3"),
             "curl": ("*/curl/curl.h", "curl")}  # fmt: skip
    for name, (pattern, library) in names.items():
        need(pattern)
        bind(pattern.removeprefix("*/"), "--library", library, name=name)
    code = """
      local total, lost = 0, {}
      for _, name in ipairs { "zlib", "sqlite3", "curl" } do
        local M = require(name)
        for line in io.lines(name .. ".lua") do
          local found = line:match "^    ([%a_][%w_]*) = "
          if line:find "^  left = " then break end
          if found and not line:find "^    %a+ = { " then
            local ok, why = pcall(function() return M[found] end)
            if not ok then ok = pcall(function() return M.t[found] end) end
            total = total + 1
            if not ok then lost[#lost + 1] = why end
          end
        end
      end
      print(total)
      print(table.concat(lost, "\\n"))
    """
    total, _, lost = lua(code).partition("\n")
    assert int(total) > 2000
    # what the headers declare, and the machine's build of the library was made without
    assert all("is in the headers, but not in" in line for line in lost.split("\n") if line)
    assert len(lost.splitlines()) < 30


def test_opaque_types(bind: Bind, lua: Run) -> None:
    """A pointer to one opaque type is not taken for another's; a string is a const char pointer."""
    need("sqlite3.h")
    bind("sqlite3.h", "--library", "sqlite3", name="sqlite3")
    code = """
      local ffi = require "ffi"
      local M = require "sqlite3"
      local db = ffi.new(ffi.typeof("$ *[1]", M.t.sqlite3))
      assert(M.sqlite3_open(":memory:", db) == M.SQLITE_OK)
      print(pcall(function() M.sqlite3_step(db[0]) end))
      assert(M.sqlite3_exec(db[0], "select 1", nil, nil, nil) == M.SQLITE_OK)
      local seen = {}
      local f = ffi.cast(M.t.sqlite3_callback, function(_, count, values)
        seen[#seen + 1] = ffi.string(values[count - 1])
        return 0
      end)
      assert(M.sqlite3_exec(db[0], "select 1, 2 union select 3, 4", f, nil, nil) == M.SQLITE_OK)
      f:free()
      print(table.concat(seen, " "))
    """
    first, second = lua(code, jit=False).splitlines()
    assert "bad argument #1 to 'sqlite3_step' (cannot convert" in first
    assert second == "2 4"
