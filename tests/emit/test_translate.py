"""C macros as Lua functions: their text, their values in LuaJIT, and why some have none."""

from __future__ import annotations

import subprocess
from functools import cache
from typing import TYPE_CHECKING

import pytest

from callgate import luajit, paths, tree
from callgate.abi.build import unit_layout
from callgate.emit.macros import MacroTranslator
from callgate.parse.declarations import DeclarationParser
from callgate.parse.function_macros import invocation
from callgate.parse.preprocess import Splitter
from callgate.targets import load_targets

if TYPE_CHECKING:
    from callgate.emit.translate import Translation

TARGET = load_targets(paths.data_dir("headers") / "targets.toml")["x86_64-linux-gnu"]
DECLARATIONS = """
typedef unsigned int __u32;
struct t_head { __u32 len; unsigned short kind; unsigned char tail[]; };
struct t_other { __u32 count; long size; struct t_head *first; };
struct t_third { unsigned char size; float ratio; };
enum t_kind { T_NONE, T_SOME = 5 };
extern __u32 t_function(__u32 x);
extern void t_give(struct t_head *head, const char *name, long many);
extern int t_print(const char *format, ...);
static inline __u32 t_inline(__u32 x) { return x; }
"""
# What the library's other modules do for macro.lua, over the declarations above.
STUBS = """
local ffi = require "ffi"
ffi.cdef [[
  struct t_head { uint32_t len; uint16_t kind; uint8_t tail[]; };
  struct t_other { uint32_t count; long size; struct t_head *first; };
]]
package.preload["callgate.types"] = function()
  return {
    t = { head = ffi.typeof "struct t_head" },
    record = function(name)
      return name:find "^struct t_" and ffi.typeof(name) or nil
    end,
  }
end
package.preload["callgate.errors"] = function()
  return { raise = function(message) error(message, 0) end }
end
local head = ffi.new "struct t_head"
local other = ffi.new "struct t_other"
"""


@cache
def translator(*, calls: bool = False) -> MacroTranslator:
    """Return a translator that knows the declarations above, and may call their functions."""
    split = Splitter("test", str).split(f'# 1 "t.h"\n{DECLARATIONS}')
    parser = DeclarationParser("test")
    declarations = [item for chunk in split.chunks for item in parser.parse(chunk)[0]]
    unit = tree.Unit("test", tuple(declarations), ())
    return MacroTranslator(unit_layout(unit, TARGET), calls=calls)


def translation(define: str, *, calls: bool = False) -> Translation:
    """Translate a macro as the header has it after ``#define``: ``MAJOR(dev) ((dev) >> 8)``."""
    head, _, body = define.partition(") ")
    name, _, inner = head.partition("(")
    parameters = tuple(part.strip() for part in inner.removesuffix(")").split(",") if part.strip())
    where = tree.Where("test", "t.h", 1)
    macro = tree.MacroDefinition(name, parameters, body.strip(), where)
    expansion = invocation(macro, in_force=False)
    return translator(calls=calls).translation(
        tree.MacroDefinition(name, parameters, macro.body, where, expansion=expansion)
    )


def lua(define: str) -> str:
    """Return a macro's Lua, which it must have."""
    made = translation(define)
    assert made.lua is not None, made.reason
    return made.lua


def evaluated(define: str, arguments: str) -> str:
    """Return what LuaJIT shows of the macro's value; errors as ``!message``."""
    script = "\n".join(
        [
            STUBS,
            f"local M = dofile({str(paths.PACKAGE / 'runtime' / 'macro.lua')!r})",
            f"local f = {lua(define)}",
            f"local done, value = pcall(f, {arguments})"
            if arguments
            else "local done, value = pcall(f)",
            'print((done and "" or "!") .. tostring(value))',
        ]
    )
    done = subprocess.run(
        [*luajit.interpreter(), "-e", script], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


class TestCalls:
    """Macros that call the headers' functions, where they can be called."""

    @pytest.mark.parametrize(
        ("define", "expected"),
        [
            ("CALL(x) t_function(x)", "(x)\n  return F.t_function(x)"),
            ("NEXT(x) t_function((x) + 1)", "(x)\n  return F.t_function(M.long(x) + 1)"),
            ("IS(x) (t_function(x) == 5)", "(x)\n  return M.long(F.t_function(x)) == 5"),
            ('GIVE(h) t_give(h, "a", 3)', '(h)\n  return F.t_give(h, "a", 3)'),
            ("NIL(n) t_give((void *)0, n, T_SOME)", "(n)\n  return F.t_give(nil, n, 5)"),
            (
                "BOTH(h, x) (t_give(h, 0, x), t_function(x))",
                "(h, x)\n  F.t_give(h, nil, x)\n  return F.t_function(x)",
            ),
            (
                "TWICE(x) ({ int y = t_function(x); y + y; })",
                "(x)\n  local y = M.i32(M.long(F.t_function(x)))\n  return M.int(M.i32(y + y))",
            ),
            (
                "ONCE(x) ({ struct t_head *h = (x); int n = h->len; t_function(n) + n; })",
                """(x)
  local h = M.cast("struct t_head *", x)
  local n = M.i32(M.long(h.len))
  return M.int(M.u32(M.long(F.t_function(n)) + M.u32(n)))""",
            ),
            ("SIZE(h) t_give(h, 0, sizeof(struct t_head))", "(h)\n  return F.t_give(h, nil, 8)"),
            ("AT(x) ((void *)((unsigned long)(x) & 7))",
             '(x)\n  return M.pointer("void *", M.band(M.u64(M.address(x)), 7))'),
        ],
    )  # fmt: skip
    def test_text(self, define: str, expected: str) -> None:
        """Functions are members of F; an argument is passed as it is where LuaJIT converts it."""
        made = translation(define, calls=True)
        assert made.lua is not None, made.reason
        assert made.lua.removeprefix("function").removesuffix("\nend") == expected

    @pytest.mark.parametrize(
        ("define", "reason"),
        [
            ('SAY(x) t_print("%d", x)', "calls the variadic function t_print"),
            ("FEW() t_function()", "calls the function with other arguments, t_function"),
            ("INL(x) t_inline(x)", "calls the inline function t_inline"),
            ("LOST(x) t_lost(x)", "calls t_lost, which no header declares"),
            ("SUM(x) (t_give(0, 0, x) + 1)", "floating point"),
            ("DEEP(x) (({ int y = t_function(x); y + y; }) + 1)", "statement expression"),
        ],
    )
    def test_reasons(self, define: str, reason: str) -> None:
        """What cannot be called is told."""
        made = translation(define, calls=True)
        assert (made.lua, made.reason) == (None, reason)

    def test_only_if_asked(self) -> None:
        """The library's own macros call nothing."""
        assert translation("CALL(x) t_function(x)").reason == "calls the function t_function"


class TestText:
    """The Lua is what a person would write with the helpers."""

    @pytest.mark.parametrize(
        ("define", "expected"),
        [
            (
                "MAJOR(dev) ((dev) >> 8)",
                "function(dev)\n  return M.int(M.shr(M.long(dev), 8))\nend",
            ),
            (
                "MKDEV(ma, mi) ((ma) << 8 | (mi))",
                "function(ma, mi)\n  return M.int(M.bor(M.shl(M.long(ma), 8), M.long(mi)))\nend",
            ),
            (
                "DATA(nlh) ((void *)((char *)nlh + sizeof(struct t_head)))",
                'function(nlh)\n  return M.cast("void *", M.cast("char *", nlh) + 8)\nend',
            ),
            ("NONE() (3 << 4)", "function()\n  return 48\nend"),
            ("BIG() (1ULL << 63)", "function()\n  return 0x8000000000000000ULL\nend"),
            ("SIDE(a, end) (end)", "function(_a, end_)\n  return end_\nend"),
            ("KIND() T_SOME", "function()\n  return 5\nend"),
        ],
    )
    def test_of_known_macros(self, define: str, expected: str) -> None:
        """Constants are folded, members and casts kept, unused parameters marked."""
        assert lua(define) == expected

    def test_converts_a_parameter_once(self) -> None:
        """A parameter that is used more than once is converted before the expression."""
        assert lua("POWER(x) ((((x) - 1) & (x)) == 0)") == (
            "function(x)\n  x = M.long(x)\n  return M.band(x - 1, x) == 0\nend"
        )

    def test_breaks_long_lines(self) -> None:
        """No line is much longer than what luacheck allows."""
        names = "abcdefghijklmnop"
        body = " | ".join(f"((unsigned){name} << {i})" for i, name in enumerate(names))
        lines = lua(f"WIDE({', '.join(names)}) ({body})").splitlines()
        assert len(lines) > 4
        assert max(map(len, lines)) <= 100

    def test_shifts_before_masking(self) -> None:
        """``(x & k) >> n`` is shifted first: compiled, LuaJIT's fold of it loses bits."""
        assert "M.band(M.shr(M.long(x), 8), 0xff)" in lua("F(x) (((x) & 0xff00) >> 8)")


class TestValues:
    """Values are C's, as Lua numbers wherever those are exact."""

    @pytest.mark.parametrize(
        ("define", "arguments", "expected"),
        [
            ("F(x) ((__u32)(x) + 1)", "0xffffffff", "0"),
            ("F(n) (1 << (n))", "31", "-2147483648"),
            ("F(n) (1U << (n))", "31", "2147483648"),
            ("F(n) (1ULL << (n))", "52", "4.5035996273705e+15"),
            ("F(n) (1ULL << (n))", "53", "9007199254740992ULL"),
            ("F(x) ((x) << 40)", "3", "3298534883328"),
            ("F(x) ((x) >> 56)", "0x8000000000000000ULL", "128"),
            ("F(x) ((x) >> 56)", "0x8000000000000000LL", "-128"),
            ("F(x) (~(x))", "0", "-1"),
            ("F(x) (~(__u32)(x))", "0", "4294967295"),
            ("F(x) ((signed char)(x))", "200", "-56"),
            ("F(a, b) ((a) / (b))", "-7, 2", "-3"),
            ("F(a, b) ((a) % (b))", "-7, 2", "-1"),
            ("F(x) ((x) * 2UL)", "-1", "18446744073709551614ULL"),
            ("F(x) ((x) < 1UL)", "-1", "false"),
            ("F(x) ((x) == 5)", "5", "true"),
            ("F(x) (!(x))", "0", "true"),
            ("F(x) ((x) ? (x) > 2 : 1)", "0", "true"),
            ("F(x) ((x) & 4 ? 1 : 0)", "3", "false"),
            ("F(x) ((x) ? 6 : 2)", "true", "6"),
            ("F(x) ((_Bool)(x) + 1)", "7", "2"),
            ("F(x) (((x) > 1) + ((x) > 2))", "9", "2"),
            ("F(c) ('a' << 8 | (c))", "1", "24833"),
            ("F(x, a) (((x) + (__typeof__(x))(a) - 1) & ~((__typeof__(x))(a) - 1))", "13, 8", "16"),
            ("F(x) __builtin_bswap32(x)", "0x11223344", str(0x44332211)),
            ("F(x) htons(x)", "0x1122", str(0x2211)),
            ("F(x) __builtin_bswap64(x)", "1", "72057594037927936ULL"),
            ("F(x) (__builtin_constant_p(x) ? (x) + 1 : t_function(x))", "1", "2"),
            ("F(x) ({ __u32 y = (x); __typeof__(y) z = y * 2; z + 1; })", "0x80000000", "1"),
        ],
    )
    def test_of_integers(self, define: str, arguments: str, expected: str) -> None:
        """Widths, signs, wrap-around and truth are those of C; comparisons give true or false."""
        assert evaluated(define, arguments) == expected

    @pytest.mark.parametrize(
        ("argument", "expected"),
        [
            ('"struct t_head"', "8"),
            ('"head"', "8"),
            ('"int"', "4"),
            ('"char[10]"', "10"),
            ("head", "8"),
            ('require("ffi").typeof "long"', "8"),
            ("24", "24"),
        ],
    )
    def test_of_sizes(self, argument: str, expected: str) -> None:
        """A type is a name, a ctype, a value of it, or a number of bytes."""
        assert evaluated("F(type) sizeof(type)", argument) == expected

    @pytest.mark.parametrize(
        ("define", "arguments", "expected"),
        [
            ("OK(h, n) ((n) >= (int)sizeof(struct t_head) && (h)->len <= (n))", "head, 8", "true"),
            ("OK(h, n) ((n) >= (int)sizeof(struct t_head) && (h)->len <= (n))", "head, 7", "false"),
            ("F(o) ((o)->count - 1)", "other", "4294967295"),  # of the one record with that member
            ("F(o) ((o)->first ? (o)->first->len : 7)", "other", "7"),
            ("F(o) (((o)->first ? 0 : (struct t_head *)(o)) == 0)", "other", "false"),
            ("F(o) ((!(o)->first ? 0 : (struct t_head *)(o)) == 0)", "other", "true"),
            ("F(o) ((!(o)->first ? (struct t_head *)(o) : 0) == 0)", "other", "false"),
            ("F(o) (((struct t_other *)(o))->size == 0)", "other", "true"),
            ("F(p) (((const unsigned char *)(p))[1])", '"abc"', "98"),
            ("F(p) (*(unsigned short *)(p))", "head", "0"),
            ("F(p) ((char *)((p) + 1) - (char *)(p))", 'ffi.cast("struct t_head *", head)', "8"),
            ("F(o) (&(o)->tail[3] - (o)->tail)", "head", "3"),
            ("F(n) sizeof(char[(n) < 4 ? (n) * 8 : 0])", "3", "24"),
            ("F(h) (!(h) || (h)->len == 0)", "nil", "true"),
        ],
    )
    def test_of_pointers_and_records(self, define: str, arguments: str, expected: str) -> None:
        """Members, elements, casts and pointer arithmetic work on cdata."""
        assert evaluated(define, arguments) == expected

    @pytest.mark.parametrize(
        ("define", "argument", "expected"),
        [
            ("F(x) ((x) + 1)", "1.5", "an integer, got 1.5"),
            ("F(x) ((x) + 1)", "0/0", "an integer, got nan"),
            ("F(x) ((x) + 1)", "2 ^ 64", "an integer, got 1.844674407371e+19"),
            ("F(x) ((x) + 1)", "nil", "an integer, got nil"),
            ("F(x) ((x) + 1)", '"x"', 'an integer, got "x"'),
            ("F(t) sizeof(t)", '"struct missing"', 'a record of the headers, got "struct missing"'),
            ("F(t) sizeof(t)", '"missing"', 'a type, got "missing"'),
            ("F(t) sizeof(t)", "nil", "a type, got nil"),
        ],
    )
    def test_of_misuse(self, define: str, argument: str, expected: str) -> None:
        """A wrong argument is an error that tells what was expected and what was given."""
        found = evaluated(define, argument).replace("-nan", "nan")
        assert found == f"!macro argument: expected {expected}"


def test_step() -> None:
    """A step that counts its caller's variable down returns the value and what is left."""
    made = lua("F(p, n) ((n) -= (p)->len, (p)->len + 1)")
    assert made.count("return") == 1
    assert evaluated("F(p, n) ((n) -= (p), (p) + 1)", "3, 10") == "4"
    script = f"local M = dofile({str(paths.PACKAGE / 'runtime' / 'macro.lua')!r})\n"
    script += f"print(({lua('F(p, n) ((n) -= (p), (p) + 1)')})(3, 10))"
    run = [*luajit.interpreter(), "-e", script]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "4\t7\n"


@pytest.mark.parametrize(
    ("define", "reason"),
    [
        ("F(x) ", "empty"),
        ("F(x) t_function(x)", "calls the function t_function"),
        ("F(x) t_inline(x)", "calls the inline function t_inline"),
        ("F(x) missing(x)", "calls missing, which no header declares"),
        ("F(x) ((x) | MISSING)", "unknown name MISSING"),
        ("F(x) do { (void)(x); } while (0)", "statement"),
        ("F(x) { (x), 0 }", "initializer"),
        ("F(x) struct t_head x", "declaration"),
        ("F(x) __attribute__((aligned(x)))", "declaration"),
        ("F(x) ((x) += 1)", "assigns"),
        ("F(a, b) (a), (b)", "a list, not one value"),
        ("F(x) ({ int y; y = (x); y; })", "statement expression"),
        ("F(x) ((unsigned __int128)(x))", "128-bit integer"),
        ("F(x) ((x) * 0.5)", "floating point"),
        ("F(x) ((float)(x))", "casts to float"),
        ("F(o) ((o)->ratio > 1)", "floating point"),
        ("F(T, x) ((T)(x))", "uses an argument as a type or a function"),
        ("F(a, b) a b", "not an expression: a b"),
        ("F(p) sizeof(*(p))", "sizeof what an argument leads to"),
        ("F(p) (&(p)->len)", "takes the address of a member"),
        ("F(x) ((struct t_head)(x))", "casts to a record"),
        ('F(x) ((x) ? "a" + 1 : "b")', "calculates with what is no number"),
        ("F(x) (__GNUC__ > (x))", "asks for the compiler's version or features"),
    ],
)
def test_reasons(define: str, reason: str) -> None:
    """What has no Lua form says why."""
    made = translation(define)
    assert made.lua is None
    assert made.reason == reason
