"""Random macros: what LuaJIT makes of their translations, against the compilers' own values."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgate.emit.members import Members
from callgate.emit.translate import translate
from callgate.model import Location, Macro
from callgate.parse.function_macros import invocation
from callgate.tree import MacroDefinition, Where
from callgate.verify.macros import Call, calls, lua_answers

from .witness import CLANG_TARGETS, PREFIX, layout_of, witnesses

if TYPE_CHECKING:
    from .witness import Witness

WITNESSES = [f"clang-{name}" for name in CLANG_TARGETS] + ["gcc-x86_64", "gcc-i386"]
PARAMETERS = ("a", "b", "c")
TYPES = [
    "_Bool", "char", "signed char", "unsigned char", "short", "unsigned short", "int", "unsigned",
    "long", "unsigned long", "long long", "unsigned long long", "enum plus", "byte",
    "__typeof__(a)",
]  # fmt: skip
PRELUDE = "enum plus { PLUS_A, PLUS_B = 70000 };\ntypedef unsigned char byte;\n"
LITERALS = ["0", "1", "-1", "7", "0xff", "0xff00U", "0x80000000", "-8", "12L", "3UL", "PLUS_B",
            "0xffffffffff00", "0xff00000000000000ULL", "-0x100000000LL", "'a'"]  # fmt: skip
ARITHMETIC = ["+", "-", "*", "&", "|", "^", "==", "!=", "<", ">", "<=", ">=", "&&", "||"]


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    # Every operation is defined: shifts by less than 32 bits, divisors that are odd.
    return st.one_of(
        st.builds("({}({}))".format, st.sampled_from("+-~!"), inner),
        st.builds("(({})({}))".format, st.sampled_from(TYPES), inner),
        st.builds("(({}) {} ({}))".format, inner, st.sampled_from(ARITHMETIC), inner),
        st.builds("(({}) & ({}))".format, inner, inner),
        st.builds("(({}) {} ({} & 31))".format, inner, st.sampled_from(["<<", ">>"]), inner),
        st.builds("(({}) >> {})".format, inner, st.integers(0, 31)),
        st.builds("(({}) {} (({}) | 1))".format, inner, st.sampled_from("/%"), inner),
        st.builds("(({}) ? ({}) : ({}))".format, inner, inner, inner),
        st.builds("({} ? 1 : 0)".format, inner),
    )


BODIES = st.recursive(
    st.one_of(st.sampled_from(PARAMETERS), st.sampled_from(LITERALS)), _combined, max_leaves=9
)


def translated(bodies: list[str], witness: Witness) -> list[Macro]:
    """Return a translated macro for each body; all of them have a translation."""
    parser, layout = layout_of(PRELUDE, witness.data_model)
    members = Members(layout)
    found = []
    for number, body in enumerate(bodies):
        definition = MacroDefinition(f"M{number}", PARAMETERS, body, Where("test", "t.h", 1))
        expression = parser.expression(invocation(definition, in_force=False))
        assert expression is not None, body
        made = translate(PARAMETERS, expression, layout, members)
        assert made.lua is not None, f"{body}: {made.reason}"
        place = Location("test", "t.h", 1)
        found.append(Macro(definition.name, PARAMETERS, body, place, made.lua))
    return found


def compiled(macros: list[Macro], asked: list[Call], witness: Witness, folder: Path) -> list[int]:
    """Return the value that the compiler gives each call."""
    lines = [PRELUDE]
    lines += [f"#define {item.name}({', '.join(item.parameters)}) {item.body}" for item in macros]
    lines += [
        f"const unsigned long long {PREFIX}{number}[] = "
        f"{{ (unsigned long long)({call.c}), (__typeof__({call.c}))-1 < 1 }};"
        for number, call in enumerate(asked)
    ]
    data = witness.compile("\n".join([*lines, ""]), folder)
    found = []
    for number in range(len(asked)):
        value, signed = data.numbers(f"{PREFIX}{number}")
        found.append(value - 2**64 if signed and value >> 63 else value)
    return found


@pytest.mark.parametrize("name", WITNESSES)
def test_translations_have_the_compilers_values(name: str) -> None:
    """A macro's Lua, interpreted and compiled, gives the C compiler's value for all arguments."""
    witness = witnesses().get(name)
    if witness is None:
        pytest.skip(f"no {name} on this machine")
    with tempfile.TemporaryDirectory(prefix="callgate-") as folder:

        @settings(max_examples=settings().max_examples // 4)
        @given(st.lists(BODIES, min_size=1, max_size=20))
        def agrees(bodies: list[str]) -> None:
            macros = translated(bodies, witness)
            asked = [call for macro in macros for call in calls(macro)]
            values = compiled(macros, asked, witness, Path(folder))
            wrong = [
                f"#define {call.macro.name} {call.macro.body}\n{call.macro.lua}\n"
                f"({call.lua}): Lua's {lua!r}, {name}'s {value!r}"
                for call, lua, value in zip(asked, lua_answers(asked), values, strict=True)
                if lua != value
            ]
            assert not wrong, wrong[0]

        agrees()
