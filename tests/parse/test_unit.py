"""Tests of callgate.parse.unit: whole units of small header trees, hostile ones among them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from callgate import tree
from callgate.errors import CallgateError
from callgate.parse import parse_unit, parse_units
from callgate.parse.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Callable

    from callgate.headers.trees import HeaderTree

    MakesTree = Callable[..., HeaderTree]


def names(unit: tree.Unit) -> list[str]:
    """Return the names of what a unit declares."""
    return [
        getattr(item, "name", "") or getattr(item.type, "tag", "") for item in unit.declarations
    ]


def macro(unit: tree.Unit, name: str) -> list[tuple[str, str]]:
    """Return header and expansion of each definition of a macro."""
    return [(item.where.header, item.expansion) for item in unit.macros if item.name == name]


class TestUnits:
    """What a unit holds."""

    def test_declarations_and_macros(self, make_tree: MakesTree) -> None:
        """Declarations know their header and line; macros are expanded at the unit's end."""
        headers = make_tree(
            {
                "linux/a.h": "#include <linux/b.h>\n#define TWO (ONE + ONE)\nstruct a { T x; };\n",
                "linux/b.h": "#ifndef B\n#define B\ntypedef int T;\n#define ONE 1\n#endif\n",
            }
        )
        unit = parse_unit(headers, headers.unit("own"))
        assert unit.failures == ()
        assert names(unit) == ["T", "a"]
        assert str(unit.declarations[1].where) == "linux/a.h:3:8"
        assert macro(unit, "TWO") == [("linux/a.h", "(1 + 1)")]
        assert unit.headers == ("asm/unistd.h", "linux/a.h", "linux/b.h", "linux/version.h")

    def test_names_that_two_headers_define(self, make_tree: MakesTree) -> None:
        """A name that two headers define differently has both meanings, each with its header."""
        headers = make_tree(
            {
                "linux/a.h": "#define BASE 1\n#define X (BASE + 1)\n",
                "linux/b.h": "#undef X\n#define X (BASE + 2)\n",
            }
        )
        unit = parse_unit(headers, headers.unit("own"))
        assert macro(unit, "X") == [("linux/a.h", "(1 + 1)"), ("linux/b.h", "(1 + 2)")]

    def test_macro_that_swallows(self, make_tree: MakesTree) -> None:
        """A macro that opens a call, or that is rejected, does not spoil the others."""
        text = (
            '#define CALL(x) <x>\n#define OPEN CALL(\n#define BAD _Pragma("GCC warning x")\n'
            "#define AFTER 5\n#define CLOSE )\n#define LAST 6\n"
        )
        headers = make_tree({"linux/a.h": text})
        unit = parse_unit(headers, headers.unit("own"))
        assert macro(unit, "AFTER") == [("linux/a.h", "5")]
        assert macro(unit, "LAST") == [("linux/a.h", "6")]
        assert macro(unit, "OPEN") == [("linux/a.h", "CALL(")]

    def test_function_like(self, make_tree: MakesTree) -> None:
        """A function-like macro is expanded with stand-ins for its arguments."""
        headers = make_tree({"linux/a.h": "#define BASE 8\n#define F(x, y) ((x) << BASE | y)\n"})
        unit = parse_unit(headers, headers.unit("own"))
        expected = "((__callgate_0_) << 8 | __callgate_1_)"
        assert macro(unit, "F") == [("linux/a.h", expected)]

    def test_failed_declaration(self, make_tree: MakesTree) -> None:
        """A declaration that cannot be parsed is left out and reported; the rest is there."""
        text = "int before;\nstruct bad {\n\tmissing_t x;\n};\nint after;\n"
        headers = make_tree({"linux/a.h": text, "linux/b.h": "int other;\n"})
        unit = parse_unit(headers, headers.unit("own"))
        (failure,) = unit.failures
        assert str(failure.where) == "linux/a.h:3:2"
        assert failure.message == "unknown type name 'missing_t'"
        assert "missing_t x;" in failure.text
        assert names(unit) == ["before", "after", "other"]

    @pytest.mark.parametrize(
        ("text", "where", "message"),
        [
            ("#include <linux/missing.h>\n", "linux/bad.h:1:10", "file not found"),
            ("int x;\n#error no\n", "linux/bad.h:2:2", "no"),
            ("#include <linux/inner.h>\n", "linux/inner.h:1:2", "unterminated"),
            ("int x; /* open\n", "linux/bad.h:1:8", "unterminated /* comment"),
        ],
    )
    def test_broken_header(self, make_tree: MakesTree, text: str, where: str, message: str) -> None:
        """A header that the preprocessor rejects is left out with the place; the rest is there."""
        headers = make_tree(
            {"linux/bad.h": text, "linux/good.h": "int good;\n", "linux/inner.h": "#if 1\n"},
            units='[own]\nof = "kernel"\ninclude = ["linux/bad.h", "linux/good.h"]\n',
        )
        unit = parse_unit(headers, headers.unit("own"))
        (failure,) = unit.failures
        assert str(failure.where) == where
        assert message in failure.message
        assert "linux/bad.h is left out as a whole" in failure.message
        assert names(unit) == ["good"]

    def test_broken_prelude(self, make_tree: MakesTree) -> None:
        """An error in the unit's own text is an error of the run."""
        headers = make_tree({}, units='[own]\nof = "kernel"\nprelude = "prelude.h"\n')
        (headers.data / "prelude.h").write_text("#error own\n", encoding="utf-8")
        with pytest.raises(CallgateError, match="own") as caught:
            parse_unit(headers, headers.unit("own"))
        assert "headers/prelude.h, is at fault" in (caught.value.hint or "")

    def test_header_broken_in_the_prelude(self, make_tree: MakesTree) -> None:
        """A broken header that the unit's own text needs is an error of the run, too."""
        headers = make_tree(
            {"linux/a.h": "#error broken\n"},
            units='[own]\nof = "kernel"\nprelude = "prelude.h"\ndiscover = ["linux"]\n',
        )
        (headers.data / "prelude.h").write_text("#include <linux/a.h>\n", encoding="utf-8")
        with pytest.raises(CallgateError, match="broken"):
            parse_unit(headers, headers.unit("own"))

    def test_too_many_broken_headers(self, make_tree: MakesTree) -> None:
        """A tree in which much is missing ends the run, with the place of the last."""
        headers = make_tree({f"linux/a{n:02}.h": "#include <none.h>\n" for n in range(40)})
        with pytest.raises(CallgateError, match="more than 20 broken headers") as caught:
            parse_unit(headers, headers.unit("own"))
        assert caught.value.where == "linux/a19.h:1:10"

    def test_prelude_is_marked(self, make_tree: MakesTree) -> None:
        """What the unit's own text declares is filed under a name that nothing emits."""
        headers = make_tree(
            {"linux/a.h": "T x;\n"},
            units='[own]\nof = "kernel"\nprelude = "p.h"\ninclude = ["linux/a.h"]\n',
        )
        (headers.data / "p.h").write_text("typedef int T;\n#define P 1\n", encoding="utf-8")
        unit = parse_unit(headers, headers.unit("own"))
        assert [item.where.header for item in unit.declarations] == ["<prelude>", "linux/a.h"]
        assert macro(unit, "P") == []

    def test_alone(self, make_tree: MakesTree) -> None:
        """A header that conflicts with others has a unit of its own."""
        headers = make_tree(
            {"linux/a.h": "typedef int T;\n", "linux/b.h": "typedef long T;\n"},
            units=(
                '[own]\nof = "kernel"\ndiscover = ["linux"]\n'
                '[own.alone]\n"linux/b.h" = { reason = "defines T otherwise" }\n'
            ),
        )
        first, alone = parse_units(headers, jobs=2)
        assert (first.name, alone.name) == ("own", "own:linux/b.h")
        assert [item.type for item in first.declarations] == [tree.Basic("int")]
        assert [item.type for item in alone.declarations] == [tree.Basic("long")]
        assert alone.headers == ("linux/b.h",)

    def test_jobs_change_nothing(self, make_tree: MakesTree) -> None:
        """The units are the same, parsed side by side or one after the other."""
        units = '[a]\nof = "kernel"\ndiscover = ["linux"]\n[b]\nof = "libc"\ninclude = ["c.h"]\n'
        headers = make_tree({"linux/a.h": "int a;\n", "c.h": "#define C 1\nint c;\n"}, units=units)
        assert parse_units(headers, jobs=2) == parse_units(headers, jobs=1)


class TestMemo:
    """Units whose declarations were parsed before."""

    def test_changed_header(self, make_tree: MakesTree) -> None:
        """What was parsed before changes nothing, and a changed header is parsed again."""
        headers = make_tree({"linux/a.h": "typedef int T;\nT a;\n#define A sizeof(T)\n"})
        spec, memo = headers.unit("own"), Memo()
        first = parse_unit(headers, spec, memo)
        assert parse_unit(headers, spec, memo) == first == parse_unit(headers, spec)
        (headers.kernel_dirs[0] / "linux/a.h").write_text("int b;\n", encoding="utf-8")
        assert names(parse_unit(headers, spec, memo)) == ["b"]

    def test_from_another_process(self, make_tree: MakesTree) -> None:
        """What the process of the other units parsed is known here afterwards."""
        units = '[a]\nof = "kernel"\ndiscover = ["linux"]\n[b]\nof = "libc"\ninclude = ["c.h"]\n'
        headers = make_tree({"linux/a.h": "int a;\n", "c.h": "int c;\n"}, units=units)
        alone, together = Memo(), Memo()
        parse_units(headers, jobs=1, memo=alone)
        parse_units(headers, jobs=2, memo=together)
        assert together.fresh() == alone.fresh() != {}


class TestHostile:
    """Headers that want all time and memory: a clear error, soon."""

    @pytest.fixture(autouse=True)
    def soon(self) -> object:
        """Fail a test that takes more than a minute, on a machine that does much else."""
        begin = time.monotonic()
        yield
        assert time.monotonic() - begin < 60

    def test_include_loop(self, make_tree: MakesTree) -> None:
        """A header that includes itself without end is left out."""
        headers = make_tree(
            {"linux/a.h": "#include <linux/a.h>\n#include <linux/a.h>\n", "linux/b.h": "int b;\n"}
        )
        unit = parse_unit(headers, headers.unit("own"))
        (failure,) = unit.failures
        assert "nested too deeply" in failure.message
        assert failure.where.header == "linux/a.h"
        assert names(unit) == ["b"]

    def test_endless_text(self, make_tree: MakesTree) -> None:
        """Declarations that expand to gigabytes end the run, and the error names the header."""
        doubled = "".join(f"#define A{n + 1} A{n} A{n}\n" for n in range(40))
        headers = make_tree({"linux/a.h": f"#define A0 int x;\n{doubled}A40\n"})
        with pytest.raises(CallgateError, match="exceeds 4 MB") as caught:
            parse_unit(headers, headers.unit("own"))
        assert (caught.value.where or "").endswith("linux/a.h:42")

    def test_gigabyte_macro(self, make_tree: MakesTree) -> None:
        """A macro that expands to gigabytes is a failure at its place; the others have values."""
        doubled = "".join(f"#define A{n + 1} A{n} A{n}\n" for n in range(24))
        headers = make_tree(
            {"linux/a.h": f"#define A0 x\n{doubled}#define AFTER 5\n"}, output=8 << 20
        )
        unit = parse_unit(headers, headers.unit("own"))
        assert macro(unit, "AFTER") == [("linux/a.h", "5")]
        assert macro(unit, "A3") == [("linux/a.h", " ".join("x" * 8))]
        assert {item.where.header for item in unit.failures} == {"linux/a.h"}
        assert max(item.where.line for item in unit.failures) == 25
        assert "exceeds 8 MB" in unit.failures[0].message

    def test_all_macros_run_away(self, make_tree: MakesTree) -> None:
        """Too many such macros end the run, with the place of the last."""
        doubled = "".join(f"#define A{n + 1} A{n} A{n}\n" for n in range(80))
        headers = make_tree({"linux/a.h": f"#define A0 x\n{doubled}"}, output=1 << 20)
        with pytest.raises(CallgateError, match="macros cannot be expanded") as caught:
            parse_unit(headers, headers.unit("own"))
        assert (caught.value.where or "").startswith("linux/a.h:")

    def test_time(self, make_tree: MakesTree) -> None:
        """A preprocessor that does not come to an end is stopped."""
        doubled = "".join(f"#define A{n + 1}(x) A{n}(A{n}(x))\n" for n in range(60))
        headers = make_tree({"linux/a.h": f"#define A0(x) x\n{doubled}A60(1)\n"}, seconds=2)
        with pytest.raises(CallgateError, match="did not finish within 2 s"):
            parse_unit(headers, headers.unit("own"))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("int x[{}1{}];".format("(" * 1_000_000, ")" * 1_000_000), "nested deeper"),
            ("#define A {}1{}\nint x = A;".format("(" * 10_000, ")" * 10_000), "nested deeper"),
            ("int x __attribute__((packed;", "header ends within"),
            ('char *s = "abc;', "Illegal character"),
            ("struct s { int x;", "header ends within"),
            ("}" * 10, "without its opening bracket"),
        ],
        ids=["parentheses", "macro", "attribute", "string", "struct", "brackets"],
    )
    def test_broken_declarations(self, make_tree: MakesTree, text: str, message: str) -> None:
        """Unbalanced and absurd declarations are failures; the next header is parsed."""
        headers = make_tree({"linux/a.h": f"{text}\n", "linux/b.h": "int b;\n"})
        unit = parse_unit(headers, headers.unit("own"))
        assert message in unit.failures[0].message
        assert unit.failures[0].where.header == "linux/a.h"
        assert names(unit) == ["b"]

    def test_crash_of_the_compiler(self, make_tree: MakesTree) -> None:
        """A header on which the compiler crashes is found and left out."""
        deep = 1_000_000
        hostile = f"#if {'(' * deep}1{')' * deep}\nint x;\n#endif\n"
        more = {f"linux/{name}.h": f"int {name};\n" for name in "abcdefg"}
        headers = make_tree({"linux/bad.h": hostile, **more})
        unit = parse_unit(headers, headers.unit("own"))
        (failure,) = unit.failures
        assert failure.where.header == "linux/bad.h"
        assert failure.message == "the compiler crashes on it; linux/bad.h is left out as a whole"
        assert names(unit) == list("abcdefg")
