"""examples/state: plugins under limits, a pool of threads, a console of named states."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from callgate import luajit, paths

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "state"
SECONDS = 100


def start(
    script: Path, *words: str, text: str = "", path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run an example with ``text`` as its input."""
    library = Path(os.environ.get("CALLGATE_LIBRARY") or paths.output_dir())
    environment = luajit.environment(library)
    if path:
        environment["LUA_PATH"] = f"{path}/?.lua;{environment['LUA_PATH']}"
    return subprocess.run(
        [*luajit.interpreter(), str(script), *words],
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def run(script: Path, *words: str, text: str = "", path: Path | None = None) -> list[str]:
    """Return the lines that an example prints, which ends well."""
    done = start(script, *words, text=text, path=path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def refused(script: Path, *words: str) -> str:
    """Return the text with which an example refuses its arguments: status 2, and no traceback."""
    done = start(script, *words)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def answers(lines: list[str]) -> dict[str, str]:
    """Return plugin -> answer of what plugins.lua prints, and check the columns between."""
    pattern = re.compile(r"(\S+) +(\d+) KiB +(\d+) KiB +[\d.]+ ms  (.*)")
    found = {}
    for line in lines[1:-1]:
        row = pattern.fullmatch(line)
        assert row, line
        used, peak = int(row[2]), int(row[3])
        assert 0 < used <= peak
        found[row[1]] = row[4]
    return found


def test_plugins() -> None:
    """Every plugin gets its answer or its failure, and none takes more than it may."""
    lines = run(EXAMPLES / "plugins.lua")
    assert lines[0].split() == ["plugin", "used", "peak", "time", "answer"]
    assert lines[-1] == "3 of 14 plugins answered"
    spent, full = "failed: maximum instruction count exceeded", "failed: not enough memory"
    got = answers(lines)
    assert got.pop("broken").startswith("failed: broken:1: attempt to index field 'missing'")
    assert got.pop("unfinished").startswith("failed: unfinished:1: ")
    assert got.pop("compiled").startswith("failed: attempt to load ")
    assert got == {
        "upper": "HELLO, PLUGINS!",
        "count": "15 50005000",
        "table": "Hello-plugins",
        "endless": spent,
        "stubborn": spent,
        "greedy": full,
        "hoarder": full,
        "deep": full,
        "nosy": "failed: nosy:1: attempt to index global 'io' (a nil value)",
        "foreign": "failed: foreign:1: attempt to call global 'require' (a nil value)",
        "useless": "failed: no script has returned a function",
    }


def test_plugins_of_files(tmp_path: Path) -> None:
    """Files are plugins; one that a limit of time alone ends is stopped."""
    (tmp_path / "reverse.lua").write_text("return function(text) return text:reverse() end")
    (tmp_path / "loop.lua").write_text("return function() while true do end end")
    (tmp_path / "number.lua").write_text("return function() return 5 end")
    files = [str(tmp_path / name) for name in ("reverse.lua", "number.lua")]
    lines = run(EXAMPLES / "plugins.lua", "-m", "256", "-t", "abc", *files)
    assert answers(lines) == {"reverse": "cba", "number": "failed: returned a number"}
    assert lines[-1] == "1 of 2 plugins answered"
    lines = run(EXAMPLES / "plugins.lua", "-i", "0", "-s", "0.1", str(tmp_path / "loop.lua"))
    assert answers(lines) == {"loop": "failed: stopped after 0.1 s"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-x", "5"), "-x: expected -m, -i, -s, -t or a file; "),
        (("-10",), "-10: expected -m, -i, -s, -t or a file; "),
        (("-m",), "-m: expected a whole number of KiB from 1 to 1073741824; "),
        (("-m", "0"), "-m 0: expected a whole number of KiB from 1 to 1073741824; "),
        (("-i", "abc"), "-i abc: expected a whole number of instructions from 0 to 2147483000; "),
        (("-i", "1e10"), "-i 1e10: expected a whole number of instructions from 0 to 2147483000; "),
        (("-i", "1.5"), "-i 1.5: expected a whole number of instructions from 0 to 2147483000; "),
        (("-s", "nan"), "-s nan: expected a number of seconds from 0 to 1000000; "),
        (("-s", "-1"), "-s -1: expected a number of seconds from 0 to 1000000; "),
        (("-t",), "-t: expected a text; "),
        (("/no/file.lua",), "/no/file.lua: expected a file that can be read: No such file or "),
        (("/",), "/: expected a file that can be read: Is a directory; "),
    ],
)
def test_plugins_misused(words: tuple[str, ...], said: str) -> None:
    """A wrong argument is named in one line, with what was expected and the usage."""
    (line,) = refused(EXAMPLES / "plugins.lua", *words).splitlines()
    assert line.startswith(said)
    assert "; usage: plugins.lua [-m KIB]" in line


@pytest.mark.parametrize("workers", ["1", "4"])
def test_pool(workers: str) -> None:
    """All tasks are done once, by as many workers as there are, and a failing one is told."""
    primes, shares, failure = run(EXAMPLES / "pool.lua", workers, "20")
    assert primes == "41538 primes below 500000, the largest 499979"
    row = re.fullmatch(r"(\d+) workers, 20 tasks: ([\d +]+)", shares)
    assert row
    done = [int(share) for share in row[2].split(" + ")]
    assert len(done) == int(workers) == int(row[1])
    assert sum(done) == 20
    assert failure == "a task that fails: work:3: 'for' initial value must be a number"


@pytest.mark.parametrize("word", ["0", "-1", "1.5", "1e9", "nan", "inf", "four", ""])
def test_pool_misused(word: str) -> None:
    """Workers and tasks are whole numbers from 1 on; a pool without workers would never end."""
    said = refused(EXAMPLES / "pool.lua", word)
    expected = "WORKERS: expected a whole number from 1 to 256"
    assert said == f'{expected}, got "{word}"\nusage: pool.lua [WORKERS [TASKS]]\n'
    assert "TASKS: expected a whole number from 1 to 10000" in refused(
        EXAMPLES / "pool.lua", "1", word
    )


def test_pool_as_a_module(tmp_path: Path) -> None:
    """The pool is a module that passes whatever tables there are, and gives results in order."""
    script = tmp_path / "script.lua"
    script.write_text("""
        local pool = require "pool"
        local p = assert(pool.new(3, "return function(t) return { t.n * 2, name = t.name } end"))
        local tasks = {}
        for i = 1, 50 do
          tasks[i] = { n = i, name = ("x"):rep(i) }
        end
        for round = 1, 2 do
          local results = assert(p:map(tasks))
          for i = 1, 50 do
            assert(results[i][1] == i * 2 and results[i].name == tasks[i].name)
          end
        end
        print(#assert(p:map {}))
        p:close()
        print(pool.new(2, "x = = 1"))
        print(pcall(pool.new, 0, "return print"))
    """)
    empty, broken, none = run(script, path=EXAMPLES)
    assert empty == "0"
    assert broken.startswith("nil\t")
    assert "unexpected symbol" in broken
    assert none.endswith("pool.new: expected a whole number of workers from 1 on, got 0")


def test_console(tmp_path: Path) -> None:
    """The console creates, feeds, lists and destroys states, and goes on after every mistake."""
    (tmp_path / "file.lua").write_text("loaded = (loaded or 0) + 1 return loaded")
    lines = run(
        EXAMPLES / "repl.lua",
        text=f"""\
create first a state
create second maxcount=100000 maxalloc=1000000 with limits
create first
exec first x = 20
exec first x * 2, "text", {{1, k = 2}}, nil
exec second x
exec second while true do end
exec second y = nil + 1
load first {tmp_path}/file.lua
load first {tmp_path}/missing.lua
list
use first
x + 1
y = {{1, 2}}
#y
destroy second
destroy first
x
exec first x
use
destroy nobody
help
quit
exec first never
""",
    )
    listed = lines.index("2 states")
    assert lines[:listed] == [
        "done",
        "done",
        "error: File exists",
        "true",
        '40\t"text"\t{ [1] = 1, k = 2 }\tnil',
        "nil",
        "error: maximum instruction count exceeded",
        "error: second:1: attempt to perform arithmetic on a nil value",
        "1",
        "error: No such file or directory",
    ]
    assert re.fullmatch(r"first +\d+ KiB  a state", lines[listed + 1])
    assert re.fullmatch(r"second +\d+ KiB  with limits", lines[listed + 2])
    commands = "create destroy exec load use list help quit"
    assert lines[listed + 3 :] == [
        "21",
        "true",
        "2",
        "done",
        "done",
        f"error: no command x; there are: {commands}",
        'error: state "first": No such file or directory',
        "error: state nil: No such file or directory",
        'error: state "nobody": No such file or directory',
        commands,
        "closed 0",
    ]


def test_console_mistakes() -> None:
    """A limit that is mistyped makes no state; a misuse of the library is told, and no end."""
    lines = run(
        EXAMPLES / "repl.lua",
        text="""\
create
create maxcount=100
create a maxaloc=100000
create a x=1
create b maxalloc=1M
create b maxcount=
create c maxcount=99999999999
create d maxcount=-1
list
create e maxcount=1e4 one two
use e
while true do end
exec e return print
list
""",
    )
    usage = "create NAME [DESCRIPTION] [maxalloc=BYTES] [maxcount=INSTRUCTIONS]"
    known = "there are: maxalloc maxcount"
    wants = "expected a whole number from 0 to"
    counts = f"error: create: option maxcount: {wants} 2147483000, got"
    assert lines[:-2] == [
        f"error: a name is missing: {usage}",
        f"error: a name is missing: {usage}",
        f'error: unknown limit "maxaloc" (did you mean "maxalloc"?); {known}',
        f'error: unknown limit "x"; {known}',
        f'error: create: option maxalloc: {wants} 4503599627370496, got "1M" (string)',
        f'{counts} "" (string)',
        f"{counts} 99999999999",
        f"{counts} -1",
        "0 states",
        "done",
        "error: maximum instruction count exceeded",
        "error: cannot serialize 'function'",
        "1 state",
    ]
    assert re.fullmatch(r"e +\d+ KiB  one two", lines[-2])
    assert lines[-1] == "closed 1"
