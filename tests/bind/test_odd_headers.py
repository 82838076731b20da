"""Headers with what LuaJIT and Lua have no place for by themselves."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Bind = Callable[..., Path]
Run = Callable[..., str]

BITS = """
#include <stdbool.h>
#include <stdint.h>
struct mixed { uint64_t wide : 40; bool yes : 1; int last; };
struct apart { unsigned a : 3; int b : 5; unsigned : 0; uint64_t c : 40; };
struct nameless { int : 4; long e : 33; };
struct closing { char c; int : 0; };
struct nothing { int : 0; char c; };
struct tight { uint8_t a : 4; uint8_t b : 4; uint16_t c : 9; int d : 31; } __attribute__((packed));
struct nine { uint8_t a : 7; uint64_t b : 64; int64_t c : 57; } __attribute__((packed));
struct within { struct { uint64_t a : 5; int64_t b : 40; } inner, several[3]; };
struct words { uint64_t end : 5; uint64_t function : 59; };
union either { uint64_t raw; uint64_t low : 13; int n : 4; bool b : 1; };
#pragma pack(push, 2)
struct paired { char c; int a : 9; int b : 25; long l; uint64_t w : 60; short s; };
#pragma pack(pop)
struct inside { char a; struct { uint64_t wide : 40; }; char b; } __attribute__((packed));
struct ending { double d; uint64_t wide : 40; char tail[]; };
struct crowded { char c[3]; unsigned a : 9; short b : 9; char d : 3; bool e : 1; };
struct member { int a : 4 __attribute__((packed)); int b : 29 __attribute__((packed)); };
struct raised { int a : 4 __attribute__((aligned(8))); int b : 5; };
struct big { int a : 3; } __attribute__((aligned(16)));
struct plain { int a : 4; int : 4; int b : 5; char c : 3; };
"""

TIGHT = """
#define ALIGNED(n) __attribute__((aligned(n)))
#define PACKED __attribute__((packed))
struct s1 { char c; struct { int a; } ALIGNED(16) i; char d; } PACKED;
struct s2 { char c; struct { int a; } ALIGNED(16) i[2]; char d; } PACKED;
#pragma pack(push, 1)
struct s3 { char c; int x ALIGNED(8); char d; };
#pragma pack(2)
struct s4 { char c; int x ALIGNED(8); char d; };
#pragma pack(1)
struct s5 { char c; struct { int a; } ALIGNED(16) i; char d; };
#pragma pack(2)
struct s6 { char c; struct { struct { int a; } ALIGNED(16) i; } i; struct { long l; } ALIGNED(8) j;
            char d; } PACKED;
#pragma pack(4)
struct s7 { short s; double a ALIGNED(2); short t[3] ALIGNED(2); };
#pragma pack(pop)
struct s8 { char c; struct { int a; } ALIGNED(16); char d; } PACKED;
struct s9 { char c; double d ALIGNED(4); short t ALIGNED(2); };
struct s10 { char c; union { char b; char *p ALIGNED(16); } PACKED i; };
struct s11 { char c; struct { char b; double d ALIGNED(8); } PACKED; int a[3] ALIGNED(2); };
"""

WORDS = """
struct node { int end; };
int end(int function, int local);
int count(void);
extern int and;
extern const int not;
extern const char *const nil;
extern const short until[2];
#define CALLS(x) end((x), 1)
#define BOTH(x) (end((x), 1), end((x), 2))
#define MEMBER(p) ((p)->end)
#define NAME(x) ((x) > 2 ? "m\\"any" : "few\\n")
"""

KINDS = """
typedef struct { int x; struct { unsigned a : 4; long b : 40; } in; } pair[2];
struct pair { double d; };
int both(pair of, struct pair *other);
struct parts { double _Complex z; float _Complex w[2]; };
struct half { _Float16 h; _Float16 several[3]; };
struct shared { _Atomic int n; _Atomic(long) l; };
typedef _Atomic unsigned char counter;
struct self { int n; int (*call)(struct self, int); struct later (*make)(struct self *); };
struct later { short s; };
#define ENDLESS (1.0 / 0.0)
#define BELOW -1e999
#define UNKNOWN (0.0 / 0.0)
"""

SOURCE = """
#include "words.h"
int and = 3;
const int not = 4;
const char *const nil = "nil";
const short until[2] = { 5, 6 };
int end(int a, int b) { return and += a * b; }
"""


@pytest.mark.parametrize("jit", [True, False], ids=["compiled", "interpreted"])
def test_bit_fields(tmp_path: Path, bind: Bind, lua: Run, jit: bool) -> None:
    """Bit-fields that LuaJIT lays out otherwise than C, or lacks, hold what is written."""
    (tmp_path / "bits.h").write_text(BITS)
    bind(str(tmp_path / "bits.h"), name="bits")
    code = """
      local ffi = require "ffi"
      local t = require("bits").t
      local tight = ffi.typeof("$ *", t.tight)
      for _ = 1, 100 do
        local mixed = t.mixed { wide = 2 ^ 39, yes = true, last = -7 }
        assert(mixed.wide == 2 ^ 39 and mixed.yes == true and mixed.last == -7)
        mixed.yes = false
        assert(mixed.wide == 2 ^ 39 and mixed.yes == false and t.mixed(mixed).last == -7)
        local nine = t.nine()
        nine.a, nine.b, nine.c = -1, 0x123456789abcdef1ULL, -3
        assert(nine.a == 127 and nine.b == 0x123456789abcdef1ULL and nine.c == -3)
        nine.b = 0
        assert(nine.a == 127 and nine.b == 0 and nine.c == -3)
        local within = t.within()
        within.inner.b, within.several[1].b, within.several[1].a = -5, 7, 33
        assert(within.inner.b == -5 and within.several[1].b == 7 and within.several[1].a == 1)
        assert(within.several[0].b == 0 and within.several[2].a == 0)
        local words = t.words { ["end"] = 9 }
        assert(words["end"] == 9 and words["function"] == 0)
        local either = t.either { raw = 0x1235 }
        assert(either.low == 0x1235 and either.n == 5 and either.b == true)
        local bytes = ffi.new("uint8_t[9]", { 0x21, 0xff, 1 })
        local p = ffi.cast(tight, bytes)
        assert(p.a == 1 and p.b == 2 and p.c == 0x1ff and p.d == 0)
      end
      assert(not pcall(function() return t.nine().d end))
      assert(not pcall(function() t.nine().d = 1 end))
      local mixed = t.mixed()
      for _ = 1, 100 do
        for _, value in ipairs { "5", {}, print, ffi.new "int[1]", ffi.cast("void *", 5) } do
          for _, name in ipairs { "wide", "yes" } do
            local done, why = pcall(function() mixed[name] = value end)
            local wanted = 'script.lua:%d+: member "' .. name .. '": cannot convert'
            assert(not done and why:find(wanted), why)
          end
        end
        assert(not pcall(function() mixed.wide = nil end) and not pcall(t.mixed, { wide = "5" }))
        assert(mixed.wide == 0 and mixed.yes == false)
      end
      mixed.wide, mixed.yes = true, 0.5
      assert(mixed.wide == 1 and mixed.yes == true)
      mixed.wide, mixed.yes = ffi.new("int", 3), 0LL
      assert(mixed.wide == 3 and mixed.yes == false)
      print "done"
    """
    assert lua(code, jit=jit) == "done\n"


def test_words(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """Names that Lua keeps for itself are bound, macros that use them too; const stays const."""
    (tmp_path / "words.h").write_text(WORDS)
    (tmp_path / "words.c").write_text(SOURCE)
    library = tmp_path / "libwords.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "words.c")], check=True
    )
    bind(str(tmp_path / "words.h"), "--library", str(library), name="words")
    code = """
      local ffi = require "ffi"
      local M = require "words"
      assert(M["end"](2, 3) == 9 and M.CALLS(1) == 10 and M.BOTH(1) == 13)
      assert(M.MEMBER(M.t.node { ["end"] = 8 }) == 8)
      assert(M.NAME(1) == "few\\n" and M.NAME(3) == 'm"any')
      M["and"] = 20
      assert(M["and"] == 20 and M["not"] == 4 and ffi.string(M["nil"]) == "nil")
      assert(M["until"][1] == 6)
      for _, name in ipairs { "not", "nil", "until" } do
        local done, why = pcall(function() M[name] = M[name] end)
        assert(not done and why:find "constant", why)
      end
      assert(not pcall(function() M["until"][0] = 1 end))
      local _, why = pcall(function() M.annd = 1 end)
      assert(why:find 'no variable "annd"; did you mean "and"?', why)
      _, why = pcall(function() return M.t.nod end)
      assert(why:find 'no type "nod"; did you mean "node"?', why)
      print "done"
    """
    assert lua(code) == "done\n"


def test_pointers_to_arrays_of_const(tmp_path: Path, bind: Bind) -> None:
    """What a parameter's arrays are made of stays const, by a typedef too, and beyond a pointer."""
    (tmp_path / "arrays.h").write_text("""
      typedef const int fixed;
      int plain(const int m[2][3]);
      int by_typedef(fixed m[2][3]);
      int words(const char *const v[2][3]);
      int calls(int (*const v[2][3])(int));
      int given(const volatile int (*p)[3]);
    """)
    text = bind(str(tmp_path / "arrays.h")).read_text()
    for line in (
        'plain = "int $(const int (*)[3])"',
        'by_typedef = "int $(const int (*)[3])"',
        'words = "int $(const char *const (*)[3])"',
        'calls = "int $(int (*const (*)[3])(int))"',
        'given = "int $(const volatile int (*)[3])"',
    ):
        assert line in text


def test_atomic(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """To compilers a pointer to what is _Atomic is one of its own; to LuaJIT it is a pointer."""
    (tmp_path / "shared.h").write_text("""
      #include <stdatomic.h>
      struct shared { atomic_int n; _Atomic(long) *l; };
      void take(atomic_int *n, const volatile _Atomic(long) *l, _Atomic short list[4]);
    """)
    text = bind(str(tmp_path / "shared.h"), name="shared").read_text()
    assert 'take = "void $(int *, const volatile long *, short *)"' in text
    code = "print(require('ffi').new(require('shared').t.shared, { n = 5 }).n)"
    assert lua(code) == "5\n"


def test_macros_of_other_headers(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """A constant that a macro of a header not included would make says so when touched."""
    (tmp_path / "device.h").write_text("""
      struct order { int what; };
      #define DEVICE_GO _IOWR('U', 0, struct order)
    """)
    bind(str(tmp_path / "device.h"), name="device")
    code = """
      local _, why = pcall(function() return require("device").DEVICE_GO end)
      assert(why:find("calls _IOWR, which no header declares; --first HEADER", 1, true), why)
      print "said"
    """
    assert lua(code) == "said\n"
    bind(str(tmp_path / "device.h"), "--first", "linux/ioctl.h", name="device")
    assert lua("print(require('device').DEVICE_GO == 0xc0045500)") == "true\n"


def test_kinds(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """Rare types of members, of arrays and of callbacks are C's, and so are infinite constants."""
    (tmp_path / "kinds.h").write_text(KINDS)
    text = bind(str(tmp_path / "kinds.h"), name="kinds").read_text()
    assert "int (*call)(struct self, int);" in text
    code = """
      local ffi = require "ffi"
      local M = require "kinds"
      local pair = M.t.pair()
      pair[1].x, pair[1]["in"].b = 5, -7
      assert(ffi.sizeof(pair) == 32 and pair[1].x == 5 and pair[1]["in"].b == -7)
      assert(M.t.pair == require("kinds").t.pair)
      local parts = M.t.parts { z = 3, w = { 1, 2 } }
      parts.z = ffi.new("complex", 3, 4)
      assert(parts.z.re == 3 and parts.z.im == 4 and parts.w[1].re == 2)
      assert(ffi.sizeof(M.t.half) == 8 and ffi.sizeof(M.t.shared) == 16)
      assert(ffi.typeof(M.t.counter) == ffi.typeof "unsigned char")
      local self = M.t.self { n = 1 }
      assert(self.n == 1 and self.call == nil)
      assert(M.ENDLESS == math.huge and M.BELOW == -math.huge and M.UNKNOWN ~= M.UNKNOWN)
      print "done"
    """
    assert lua(code) == "done\n"


def test_alignment_within_packed(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """What is aligned in a packed record, or packed in another, lies where C has it.

    LuaJIT of this machine checks the text; another target must get the same one.
    """
    (tmp_path / "tight.h").write_text(TIGHT)
    texts = [
        bind(str(tmp_path / "tight.h"), "--target", f"{arch}-linux-gnu", name=arch).read_text()
        for arch in ("x86_64", "aarch64")
    ]
    bind(str(tmp_path / "tight.h"), name="tight")
    code = """
      local ffi = require "ffi"
      local t = require("tight").t
      for i, wanted in ipairs { 18, 34, 6, 8, 18, 26, 20, 18, 24, 32, 40 } do
        local size = ffi.sizeof(t["s" .. i])
        assert(size == wanted, ("s%d: %d"):format(i, size))
      end
      assert(t.s8 { a = 5 }.a == 5)
      print "done"
    """
    assert lua(code) == "done\n"
    records = [text[text.index("  records = {") : text.index("  deltas = {")] for text in texts]
    assert records[0] == records[1]


def test_wide_constants(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """Integers that 64 bits do not hold are left out; others of 128-bit types are bound."""
    (tmp_path / "wide.h").write_text("""
      #define BIG ((__int128)1 << 100)
      #define BELOW (-((__int128)1 << 63) - 1)
      #define LEAST (-((__int128)1 << 63))
      #define MOST ((unsigned __int128)0xffffffffffffffffULL)
      #define FIVE ((__int128)5)
    """)
    bind(str(tmp_path / "wide.h"), name="wide")
    code = """
      local M = require "wide"
      assert(M.FIVE == 5 and M.LEAST == -0x8000000000000000LL and M.MOST == 0xffffffffffffffffULL)
      for _, name in ipairs { "BIG", "BELOW" } do
        local _, why = pcall(function() return M[name] end)
        assert(why:find(name .. " is left out: does not fit into 64 bits", 1, true), why)
      end
      print "done"
    """
    assert lua(code) == "done\n"


def test_pointer_constants(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """A header may have nothing else, and every bit of an address counts."""
    (tmp_path / "pointers.h").write_text("""
      #define HIGH ((void *)0xdeadbeefcafebabeULL)
      #define LOW ((char *)0x20000000000001)
      #define LEAST ((void *)0x8000000000000000)
      #define LAST ((void *)-1)
    """)
    bind(str(tmp_path / "pointers.h"), name="pointers")
    (tmp_path / "chosen.h").write_text("""
      #define HIGH(x) ((x) ? (void *)0xdeadbeefcafebabeULL : (void *)0)
    """)
    bind(str(tmp_path / "chosen.h"), name="chosen")
    code = """
      local ffi = require "ffi"
      local M = require "pointers"
      local function address(p)
        return ffi.cast("uintptr_t", p)
      end
      assert(address(M.HIGH) == 0xdeadbeefcafebabeULL and address(M.LOW) == 0x20000000000001ULL)
      assert(address(M.LEAST) == 0x8000000000000000ULL and address(M.LAST) == -1ULL)
      assert(address(require("chosen").HIGH(1)) == 0xdeadbeefcafebabeULL)
      print "done"
    """
    assert lua(code) == "done\n"
    foreign = bind(str(tmp_path / "pointers.h"), "--target", "arm-linux-gnueabihf", name="foreign")
    assert 'LAST = "void * = -1"' in foreign.read_text()


def test_long_doubles(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """Those that are doubles are bound, those beyond a double's range are left out."""
    (tmp_path / "long.h").write_text("""
      #define EXACT 1.5L
      #define NEAREST 3.14159265358979323846264338327950288L
      #define NOTHING 0.0e9L
      #define ENDLESS (1.0L / 0.0L)
      #define LARGE 1e4000L
      #define SMALL -0x1p-10000L
      #define PRODUCT (1e300L * 1e300L)
      #define QUOTIENT (1e-300L / 1e300L)
      #define LOST ((1.0L + 1e-18L - 1.0L) * 2)
    """)
    bind(str(tmp_path / "long.h"), name="long")
    code = """
      local M = require "long"
      assert(M.EXACT == 1.5 and M.NEAREST == math.pi and M.NOTHING == 0 and M.ENDLESS == math.huge)
      for _, name in ipairs { "LARGE", "SMALL", "PRODUCT", "QUOTIENT" } do
        local _, why = pcall(function() return M[name] end)
        assert(why:find("left out: a long double beyond a double's range", 1, true), why)
      end
      local _, why = pcall(function() return M.LOST end)
      assert(why:find("LOST is left out: a long double that a double does not hold", 1, true), why)
      print "done"
    """
    assert lua(code) == "done\n"
    foreign = bind(str(tmp_path / "long.h"), "--target", "arm-linux-gnueabihf", name="foreign")
    assert "PRODUCT = 1 / 0," in foreign.read_text()  # its long double is a double


def test_compilers_own_header(bind: Bind, lua: Run) -> None:
    """<float.h> is a header of the compiler, which has its text in others."""
    bind("float.h", name="float")
    code = """
      local M = require "float"
      assert(M.DBL_MAX == 0x1.fffffffffffffp1023 and M.DBL_DIG == 15 and M.FLT_RADIX == 2)
      print "done"
    """
    assert lua(code) == "done\n"
