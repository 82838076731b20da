"""`callgate bind` on the command line: what it writes and says."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callgate import cli
from callgate.cli import make_parser

if TYPE_CHECKING:
    from tests.commands.conftest import Bind


def test_writes(place: Path, bind: Bind) -> None:
    """The file and the editor's definitions are written, and a line says what is in them."""
    status, out, err = bind("lib/thing.h -o out/thing.lua")
    assert status == 0
    assert out == (
        "out/thing.lua: 2 functions, 1 constant, 6 records, 1 other type; "
        "thing.d.lua for editors\n"
        "1 name left out; --verbose lists them, and why\n"
    )
    assert re.search(r"verify thing.lua: \d+ answers agree", err)
    assert sorted(path.name for path in (place / "out").iterdir()) == ["thing.d.lua", "thing.lua"]
    text = (place / "out/thing.lua").read_text()
    assert "<thing.h>" in text
    assert str(place) not in text
    _, out, _ = bind("lib/thing.h -o out/thing.lua --verbose")
    assert "left out: thing_twice: an inline function: its code is in the header" in out


def test_json(bind: Bind) -> None:
    """With --json the counts and what is left out are data."""
    _, out, _ = bind("lib/thing.h -o thing.lua --json")
    found = json.loads(out)
    assert found["functions"] == 2
    assert found["left_out"] == {"thing_twice": "an inline function: its code is in the header"}


def test_globs(place: Path, bind: Bind) -> None:
    """--include chooses names wherever they are declared, --exclude leaves names out."""
    assert bind("lib/thing.h -o a.lua --include thing_* --include fputs")[0] == 0
    text = (place / "a.lua").read_text()
    assert set(re.findall(r"^    (\w+) = \"\w+ \$", text, re.MULTILINE)) == {"thing_make", "fputs"}
    assert "LIMIT" not in text
    assert "struct _IO_FILE" in text  # by dependency
    assert bind("lib/thing.h -o b.lua --exclude part* --exclude LIM*")[0] == 0
    text = (place / "b.lua").read_text()
    assert "part_of" not in text
    assert "LIMIT" not in text
    assert '["struct part"]' in text  # a thing points to one


def test_targets(place: Path, bind: Bind) -> None:
    """Of several targets what is equal stands once, and what is not by machine."""
    (place / "lib/part.h").write_text(
        "struct part { long size; };\n#define BITS (8*sizeof(long))\n"
    )
    names = "--target x86_64-linux-gnu --target i386-linux-gnu --target aarch64-linux-gnu"
    assert bind(f"lib/thing.h -o a.lua {names}")[0] == 0
    text = (place / "a.lua").read_text()
    assert text.count("LIMIT = 10") == 1
    assert re.search(r'on = "x64 arm64",\n      constants = \{\n        BITS = 64,', text)
    assert re.search(r'on = "x86",\n      constants = \{\n        BITS = 32,', text)
    both = "--target x86_64-linux-gnu --target x86_64-linux-musl"
    assert bind(f"lib/thing.h -o b.lua {both}")[0] == 0
    (place / "lib/part.h").write_text("#include <stdio.h>\nstruct part { char b[BUFSIZ]; };\n")
    status, _, err = bind(f"lib/thing.h -o a.lua {both}")
    assert status == 1
    assert "a program cannot tell x86_64-linux-gnu from x86_64-linux-musl" in err
    assert (place / "a.lua").read_text() == text


def test_defines_and_folders(place: Path, bind: Bind) -> None:
    """--define and -I are the compiler's."""
    (place / "lib/part.h").unlink()
    (place / "more").mkdir()
    (place / "more/part.h").write_text("#ifdef WIDE\nstruct part { char b[WIDE]; };\n#endif\n")
    assert bind("lib/thing.h -o a.lua -I more --define WIDE=77 --include *")[0] == 0
    assert "char b[77];" in (place / "a.lua").read_text()
    assert bind("lib/thing.h -o a.lua -I more --include thing*")[0] == 0
    assert "[77]" not in (place / "a.lua").read_text()


def test_folder_of_the_machine(place: Path, bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    """-I of the machine's own folder gives its packages, and not its C library to a target."""
    monkeypatch.setattr("callgate.bind.request.ROOTS", (str(place / "usr"),))
    (place / "usr").mkdir()
    (place / "usr/stdio.h").write_text("#error of the machine\n")
    (place / "usr/pack.h").write_text("#include <stdio.h>\nint pack(FILE *from);\n")
    assert bind("pack.h -I usr -o a.lua --target aarch64-linux-gnu")[0] == 0
    assert "pack = " in (place / "a.lua").read_text()


def test_header_below_another_folder(place: Path, bind: Bind) -> None:
    """Of a header that is below a folder of those looked in, the option that finds it is said."""
    status, _, err = bind("lib/thing.h -I .. -o a.lua")
    assert status == 0, err
    (place / "lib").rename(place / "pack")
    (place / "pack/lib").mkdir()
    (place / "pack/thing.h").rename(place / "pack/lib/thing.h")
    status, _, err = bind("lib/thing.h -I . -o a.lua")
    assert status == 1
    assert f"-I {place}/pack has it" in err or "-I pack has it" in err


def test_words_after_options(place: Path, bind: Bind) -> None:
    """Headers may stand before, between and after options."""
    (place / "lib/last.h").write_text("int last(void);\n")
    assert bind("lib/thing.h -o a.lua lib/last.h --exclude LIMIT")[0] == 0
    text = (place / "a.lua").read_text()
    assert "thing_make = " in text
    assert "last = " in text
    assert "unknown option '--exclud'" in bind("lib/thing.h -o a.lua lib/last.h --exclud x")[2]


def test_folder_with_another_libc(place: Path, bind: Bind) -> None:
    """-I of a folder that has a part of a C library in it does not mix it with the target's."""
    (place / "usr/bits").mkdir(parents=True)
    (place / "usr/bits/types.h").write_text("#error of the machine\n")
    (place / "usr/pack.h").write_text("#include <stdio.h>\nint pack(FILE *from);\n")
    for target in ("aarch64-linux-gnu", "x86_64-linux-gnu"):
        assert bind(f"pack.h -I usr -o a.lua --target {target}")[0] == 0
        assert "pack = " in (place / "a.lua").read_text()


@pytest.mark.parametrize("header", ["pack/pack.h", "pack.h"])
def test_folder_of_a_package_in_two_places(header: str, place: Path, bind: Bind) -> None:
    """What a package has below the machine's own folder belongs to it, another package's not."""
    machine = place / "include/x86_64-linux-gnu"
    for folder in (place / "include/pack", machine / "pack", machine / "other"):
        folder.mkdir(parents=True)
    (machine / "pack/size.h").write_text("#define PACK_SIZE 5\n")
    (machine / "other/size.h").write_text("#define OTHER_SIZE 6\n")
    text = '#include "x86_64-linux-gnu/pack/size.h"\n#include "x86_64-linux-gnu/other/size.h"\n'
    (place / "include" / header).write_text(f"{text}int pack(void);\n")
    assert bind(f"include/{header} -o a.lua -I include")[0] == 0
    written = (place / "a.lua").read_text()
    assert "PACK_SIZE = 5" in written
    assert "OTHER_SIZE" not in written


def test_cut_short(place: Path, bind: Bind) -> None:
    """A header that ends inside a declaration is said to end, in no file of ours."""
    (place / "lib/thing.h").write_text("int thing_size(")
    status, _, err = bind("lib/thing.h -o a.lua")
    assert status == 1
    assert "where the headers end: error: expected" in err
    assert "stdin" not in err


def test_first(place: Path, bind: Bind) -> None:
    """What a header wants included before it is given by --first, and is not bound."""
    (place / "lib/thing.h").write_text("size_t thing_size(FILE *of);\n")
    (place / "lib/wants.h").write_text("#include <stdio.h>\n#define WANTED 1\n")
    status, _, err = bind("lib/thing.h -o a.lua")
    assert status == 1
    assert "size_t" in err
    assert "thing.h:1: the compiler does not take it" in err
    assert "--first HEADER" in err
    assert bind("lib/thing.h -o a.lua --first stdio.h")[0] == 0
    text = (place / "a.lua").read_text()
    assert 'thing_size = "size_t $(struct _IO_FILE *)"' in text
    assert "fopen" not in text


def test_first_of_the_compiler(place: Path, bind: Bind) -> None:
    """Headers that no C library has, but the compiler itself, are found, too."""
    text = "struct two { int a, b; };\nbool is(void);\n#define SECOND offsetof(struct two, b)\n"
    (place / "lib/thing.h").write_text(text)
    assert bind("lib/thing.h -o a.lua --first stddef.h --first stdbool.h")[0] == 0
    text = (place / "a.lua").read_text()
    assert "SECOND = 4," in text
    assert 'is = "_Bool $(void)"' in text
    status, _, err = bind("stddef.h -o a.lua")
    assert status in {0, 1}
    assert "no such header" not in err


PARTS = {  # header -> some of what only headers have that it includes
    "signal.h": ("SIGTERM = 15,", "SA_SIGINFO = 4,"),
    "errno.h": ("ENOENT = 2,",),
    "poll.h": ("POLLIN = 0x1,", 'poll = "int $(struct pollfd *, unsigned long, int)"'),
    "math.h": ('sin = "double $(double)"',),
    "linux/input.h": ("KEY_ESC = 1,",),
}


@pytest.mark.parametrize("header", PARTS)
def test_parts_of_a_header(header: str, place: Path, bind: Bind) -> None:
    """A system's header has what stands in those that only it includes; other headers have not."""
    status, _, err = bind(f"{header} -o a.lua --target x86_64-linux-gnu")
    assert status == 0, err
    text = (place / "a.lua").read_text()
    for line in PARTS[header]:
        assert f"    {line}" in text
    assert "__off_t =" not in text
    (place / "lib/thing.h").write_text(f"#include <{header}>\n#define OWN 1\n")
    assert bind("lib/thing.h -o a.lua")[0] == 0
    text = (place / "a.lua").read_text()
    assert "OWN = 1," in text
    assert PARTS[header][0] not in text


LEFT = {
    "#define ONE _Generic(1, int: 1, default: 2)\n#define TWO 2\n": "ONE: _Generic",
    "#define EVER for (;;)\n#define TWO 2\n": "EVER: statement",
    "#define TIGHT __attribute__((packed))\n#define TWO 2\n": "TIGHT: attribute",
    '#define STOP __asm__("nop")\n#define TWO 2\n': "STOP: assembly",
    "#define AT(x) __atomic_load_n((x), 0)\n#define TWO 2\n":
        "AT: calls __atomic_load_n, which is the compiler's own",
    "#define ALL __sync_synchronize()\n#define TWO 2\n":
        "ALL: calls __sync_synchronize, which is the compiler's own",
    '#define WHO "by " __VERSION__\n#define TWO 2\n': "WHO: compilers see it differently",
    "#ifdef __clang__\n#define WHO 1.5\n#else\n#define WHO 2.5\n#endif\n#define TWO 2\n":
        "WHO: compilers see it differently",
    "#ifdef __clang__\n#define N 5\n#else\n#define N 6\n#endif\n"
    "#define WHO ((char *)N)\n#define TWO 2\n":
        "WHO: compilers see it differently",
    "#ifdef __clang__\ntypedef int who;\n#else\ntypedef long who;\n#endif\n#define TWO 2\n":
        "who: compilers see it differently",
    "#ifdef __clang__\nenum who { A };\n#else\nenum who { A, B = -1 };\n#endif\n#define TWO 2\n":
        "who: compilers see it differently",
    "#ifdef __clang__\nint who(int);\n#else\nint who(long);\n#endif\n#define TWO 2\n":
        "who: compilers see it differently",
    "#ifdef __clang__\n#define WHO 1\n#else\n#define WHO 2\n#endif\n#define TWO 2\n":
        "WHO: compilers see it differently",
    "#ifdef __clang__\nint who(void);\n#endif\n#define TWO 2\n":
        "who: compilers see it differently",
    "#ifdef __clang__\nextern int who;\n#endif\n#define TWO 2\n":
        "who: compilers see it differently",
    "#ifdef __clang__\ntypedef int *who;\n#endif\n#define TWO 2\n":
        "who: compilers see it differently",
    "#ifdef __clang__\nenum who { NOBODY };\n#endif\n#define TWO 2\n":
        "who: compilers see it differently",
    "#ifdef __clang__\n#define WHO ((void *)5)\n#endif\n#define TWO 2\n":
        "WHO: compilers see it differently",
    "#ifdef __clang__\nstruct who { struct { int a, b : 3; } in; };\n#endif\n#define TWO 2\n":
        "who: compilers see it differently",
    "#ifdef __clang__\nint who(int);\n#endif\n#define ASK(x) who(x)\n#define TWO 2\n":
        "ASK: calls who, which is not bound",
    "#ifdef __clang__\nint who(int);\n#endif\n#define ASK who\n#define TWO 2\n":
        "ASK: who is not bound",
    "struct two { int a, b; };\n#define SECOND offsetof(struct two, b)\n#define TWO 2\n":
        "SECOND: the compiler does not take it: ",
    "#define HERE __LINE__\n#define TWO 2\n": "HERE: another value at every place",
    "typedef __int128 huge;\n#define TWO 2\n": "huge: of type __int128, which LuaJIT does not have",
    "_Float16 half(_Float16);\n#define TWO 2\n":
        "half: passes a _Float16, which LuaJIT cannot",
    "int who(struct later *l);\n#define TWO 2\n":
        "who: no header declares struct later before it; --first HEADER",
    "typedef int (*who)(struct later *);\nstruct later { int n; };\n#define TWO 2\n":
        "who: no header declares struct later before it; --first HEADER",
    "typedef int (*ask)(struct later *);\nvoid who(ask);\n#define TWO 2\n":
        "who: no header declares struct later before it; --first HEADER",
    "#define PASTE(a, b) a ## b\n#define TWO 2\n": "PASTE: pastes tokens",
    "#define PASTE(a) a ## 0\n#define TWO 2\n": "PASTE: pastes tokens",
    "int caf\u00e9(int);\n#define TWO 2\n": "thing.h:1:8: Illegal character",
    "static int counter = 5;\nstatic const int TWO = 1 + 1;\n":
        "counter: a static variable: no library has it",
    "static const int list[] = { 1, 2 };\nstatic const int TWO = 2;\n#define ALSO TWO\n":
        "list: a static variable: no library has it",
}  # fmt: skip


@pytest.mark.parametrize("text", LEFT, ids=str)
def test_left_out(text: str, place: Path, bind: Bind) -> None:
    """What is not the same to all compilers or at all places, or not for Lua, is left out."""
    (place / "lib/thing.h").write_text(text, encoding="utf-8")
    status, out, err = bind("lib/thing.h -o a.lua --verbose")
    assert status == 0, err
    assert f"left out: {LEFT[text]}" in out
    assert "TWO = 2" in (place / "a.lua").read_text()


def test_every_record_is_named(place: Path, bind: Bind) -> None:
    """Records on which compilers differ are refused, and each of them is named."""
    rows = "".join(f"struct row_{n} {{ T a; }};\n" for n in range(12))
    text = f"#ifdef __clang__\n#define T int\n#else\n#define T long\n#endif\n{rows}"
    (place / "lib/thing.h").write_text(text)
    status, _, err = bind("lib/thing.h -o a.lua")
    assert status == 1
    assert all(f"struct row_{n}" in err for n in range(12))
    assert "struct row_11: size: the model has 4, gcc" in err


TYPES = {
    "typedef volatile int lock;\nint f(lock *l);": "int $(volatile int *)",
    "char *f(char *restrict *__restrict p);": "char *$(char **)",
    "typedef enum { A } kind;\nconst kind *f(void);": "const unsigned int *$(void)",
    "typedef struct { int n; } *hidden;\nint f(hidden h);": "int $(struct hidden__type *)",
    "void f(const void *const *p, char *const argv[]);":
        "void $(const void *const *, char *const *)",
    "int (*(*f(int n))(void))[3];": "int (*(*$(int))(void))[3]",
    "typedef int row[4];\nvoid f(row r, row *all);": "void $(int *, int (*)[4])",
    "union u { int n; };\nunion u f(union u *p);": "union u $(union u *)",
    "_Bool f(signed char a, unsigned char b, char c);":
        "_Bool $(signed char, unsigned char, char)",
    "#include <stddef.h>\nsize_t f(ptrdiff_t n);": "size_t $(ptrdiff_t)",
    "void g(int (*)(struct late *));\nstruct late;\nvoid f(struct late *l);":
        "void $(struct late *)",
    "struct late;\nvoid f(struct late *l);\nstruct late { int n; };": "void $(struct late *)",
    "typedef struct s s_t;\ntypedef s_t other;\nother *f(const other *o);":
        "struct s *$(const struct s *)",
    "typedef const struct s s_t;\ns_t *f(void);": "const struct s *$(void)",
}  # fmt: skip


@pytest.mark.parametrize("text", TYPES, ids=str)
def test_types(text: str, place: Path, bind: Bind) -> None:
    """A function's text has the very types of its prototype, and both compilers agree."""
    (place / "lib/thing.h").write_text(f"{text}\n")
    status, _, err = bind("lib/thing.h -o a.lua")
    assert status == 0, err
    assert f'    f = "{TYPES[text]}",\n' in (place / "a.lua").read_text()


def test_help_fits() -> None:
    """The help has no line of more than 80 columns, and says what every option is for."""
    actions = make_parser()._subparsers
    assert actions is not None
    (commands,) = actions._group_actions
    assert commands.choices is not None
    text = dict(commands.choices)["bind"].format_help()
    assert max(map(len, text.splitlines())) <= cli.WIDTH
    for option in ("--include", "--exclude", "--library", "--target", "--define", "--prefix"):
        assert option in text


def test_no_place_of_the_machine(place: Path, bind: Bind) -> None:
    """A header of the machine's is named as it is included."""
    if not Path("/usr/include/zlib.h").is_file():
        pytest.fail("zlib.h is not here: apt-get install -y zlib1g-dev")
    assert bind("zlib.h -o z.lua --library z")[0] == 0
    text = (place / "z.lua").read_text() + (place / "z.d.lua").read_text()
    assert "<zlib.h>" in text
    assert "/usr/" not in text
    assert os.uname().nodename not in text
