"""Random integer constant expressions."""

from __future__ import annotations

from hypothesis import strategies as st

TYPES = [
    "_Bool", "char", "signed char", "unsigned char", "short", "unsigned short", "int", "unsigned",
    "long", "unsigned long", "long long", "unsigned long long", "enum plus", "enum minus", "byte",
]  # fmt: skip
# What the expressions use: types, enumerators, and a record for offsetof.
PRELUDE = """\
enum plus { PLUS_A, PLUS_B = 70000, PLUS_C };
enum minus { MINUS_A = -1, MINUS_B = 100 };
enum big { BIG_A = 0x123456789LL };
typedef unsigned char byte;
struct sample { char c; struct { short s; int list[4]; } in[3]; long long last; };
"""
NAMES = ["PLUS_B", "PLUS_C", "MINUS_A", "BIG_A"]
MEASURES = [
    "sizeof(struct sample)", "_Alignof(struct sample)", "__builtin_offsetof(struct sample, last)",
    "__builtin_offsetof(struct sample, in[1].list[2])", "sizeof(((struct sample *)0)->in)",
    "sizeof(int [3])", "sizeof(void *)", "'a'", "'\\n'", "'\\377'", "'\\x80'", "'\\''",
]  # fmt: skip
SUFFIXES = ["", "u", "U", "l", "L", "ul", "LU", "ll", "LL", "ull", "LLU"]
EDGES = [0, 1, 2, 7, 127, 128, 255, 32767, 65535, 65536] + [
    (1 << bits) + off for bits in (31, 32, 33, 63) for off in (-1, 0, 1)
] + [(1 << 64) - 1]  # fmt: skip
SHIFTS = [*range(34), 40, 62, 63]
BINARY = ["+", "-", "*", "/", "%", "&", "|", "^", "==", "!=", "<", ">", "<=", ">=", "&&", "||"]
UNARY = ["+", "-", "~", "!"]


@st.composite
def literals(draw: st.DrawFn) -> str:
    """Return a literal of any base and suffix whose value fits 64 bits."""
    value = draw(st.one_of(st.sampled_from(EDGES), st.integers(0, (1 << 64) - 1)))
    base = draw(st.sampled_from("dxXob"))
    suffix = draw(st.sampled_from(SUFFIXES))
    if base == "d" and "u" not in suffix.lower():
        value &= (1 << 63) - 1  # beyond it decimal literals have no standard type
    if "u" not in suffix.lower() and base == "d" and value >= 1 << 63:
        suffix += "u"
    digits = {"d": f"{value}", "x": f"0x{value:x}", "X": f"0X{value:X}", "o": f"0{value:o}"}
    return digits.get(base, f"0b{value:b}") + suffix


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}({})".format, st.sampled_from(UNARY), inner),
        st.builds("(({})({}))".format, st.sampled_from(TYPES), inner),
        st.builds("(({}) {} ({}))".format, inner, st.sampled_from(BINARY), inner),
        st.builds(
            "(({}) {} {})".format, inner, st.sampled_from(["<<", ">>"]), st.sampled_from(SHIFTS)
        ),
        st.builds("(({}) ? ({}) : ({}))".format, inner, inner, inner),
        st.builds("sizeof({})".format, inner),
    )


expressions = st.recursive(
    st.one_of(literals(), st.sampled_from(NAMES), st.sampled_from(MEASURES)),
    _combined,
    max_leaves=8,
)
