"""Random C record definitions."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

# Types that the records use besides C's own: enums, and typedefs that change an alignment.
PRELUDE = """\
enum plus { PLUS_A, PLUS_B = 70000 };
enum minus { MINUS_A = -1, MINUS_B = 100 };
enum small { SMALL_A, SMALL_B } __attribute__((packed));
typedef int int_a8 __attribute__((aligned(8)));
typedef int int_a2 __attribute__((aligned(2)));
typedef unsigned long long u64_a4 __attribute__((aligned(4)));
typedef unsigned long long u64_a16 __attribute__((aligned(16)));
typedef short short_a1 __attribute__((aligned(1)));
typedef unsigned char byte;
typedef struct { char c; int i; } untagged;
typedef struct { char c; long long l; } untagged_a4 __attribute__((aligned(32)));
"""
BIT_TYPES = {  # type -> the largest width that every machine allows
    "_Bool": 1,
    "char": 8,
    "signed char": 8,
    "unsigned char": 8,
    "short": 16,
    "unsigned short": 16,
    "int": 32,
    "unsigned int": 32,
    "long": 32,
    "unsigned long": 32,
    "long long": 64,
    "unsigned long long": 64,
    "enum plus": 32,
    "enum minus": 32,
    "enum small": 8,
    "byte": 8,
    "int_a8": 32,
    "int_a2": 32,
    "u64_a4": 64,
    "u64_a16": 64,
    "short_a1": 16,
}
REALIGNED = {"int_a8", "int_a2", "u64_a4", "u64_a16", "short_a1"}
PLAIN_TYPES = [*BIT_TYPES, "float", "double", "long double", "untagged", "untagged_a4"]
NO_ARRAYS = {"int_a8", "u64_a16", "untagged_a4"}  # C refuses elements of less than their alignment


@dataclass
class Names:
    """Field names are counted, so that those of anonymous members never clash."""

    bit_types: list[str]  # those that a bit-field may have
    aligned_bits: bool = True  # bit-fields may have ``aligned``
    count: int = 0

    def next(self) -> str:
        """Return a name that no other field has."""
        self.count += 1
        return f"f{self.count}"


def attribute(*words: str) -> str:
    """Return a GNU attribute of those ``words``, nothing for none."""
    shown = [word for word in words if word]
    return f" __attribute__(({', '.join(shown)}))" if shown else ""


ALIGNED = st.sampled_from(
    ["", "", "", *[f"aligned({1 << power})" for power in range(6)], "aligned"]
)
PACKED = st.sampled_from(["", "", "packed"])


@st.composite
def bit_field(draw: st.DrawFn, names: Names) -> str:
    """Return a bit-field, named or not, of any width that its type allows."""
    kind = draw(st.sampled_from(names.bit_types))
    width = draw(st.integers(0, BIT_TYPES[kind]))
    name = names.next() if width and draw(st.integers(0, 4)) else ""
    own = ""
    if name and draw(st.integers(0, 3)) == 0:
        own = attribute(draw(PACKED), draw(ALIGNED) if names.aligned_bits else "")
    return f"{kind} {name} : {width}{own};"


@st.composite
def plain_field(draw: st.DrawFn, names: Names, known: list[str]) -> str:
    """Return a scalar, a pointer, an array or a record defined before."""
    kind = draw(st.sampled_from(PLAIN_TYPES + known))
    shape = draw(
        st.sampled_from(["{}", "{}", "{}", "*{}", "(*{})(int)", "{}[3]", "{}[2][5]", "{}[0]"])
    )
    if shape.endswith("]") and kind in NO_ARRAYS:
        shape = "{}"
    own = attribute(draw(PACKED), draw(ALIGNED)) if draw(st.booleans()) else ""
    return f"{kind} {shape.format(names.next())}{own};"


@st.composite
def body(draw: st.DrawFn, names: Names, known: list[str], depth: int = 0) -> str:
    """Return a record's members."""
    members = []
    for _ in range(draw(st.integers(1, 6 if depth == 0 else 3))):
        choice = draw(st.integers(0, 9))
        if choice < 6:
            members.append(draw(bit_field(names)))
        elif choice < 9 or depth == 2:
            members.append(draw(plain_field(names, known)))
        else:
            name = names.next() if draw(st.booleans()) else ""
            inner = draw(record(names, "", known, depth + 1))
            members.append(f"{inner} {name};")
    return " ".join(members)


@st.composite
def record(draw: st.DrawFn, names: Names, tag: str, known: list[str], depth: int = 0) -> str:
    """Return a struct or union specifier, attributes before its tag or behind its brace."""
    kind = "union" if tag.startswith("u") or (not tag and draw(st.booleans())) else "struct"
    own = attribute(draw(PACKED), draw(ALIGNED)) if draw(st.booleans()) else ""
    before, after = (own, "") if draw(st.booleans()) else ("", own)
    members = draw(body(names, known, depth))
    if kind == "struct" and not depth and draw(st.integers(0, 7)) == 0:
        members += f" char {names.next()}; int {names.next()}[];"
    return f"{kind}{before} {tag} {{ {members} }}{after}"


@st.composite
def records(draw: st.DrawFn, *, most: int = 12, common: bool = False) -> str:
    """Return a text of several records, each with a ``#pragma pack`` in force or not.

    ``common`` leaves out what GCC and clang place differently; no header is known to have it:
    bit-fields of typedefs that change their type's alignment (GCC's excess_unit_span counts in
    units of the alignment), and ``aligned`` on a bit-field under ``#pragma pack``.
    """
    names = Names(sorted(BIT_TYPES.keys() - (REALIGNED if common else set())))
    known: list[str] = []
    lines: list[str] = []
    for number in range(draw(st.integers(1, most))):
        tag = draw(st.sampled_from("ssu")) + str(number)
        pack = draw(st.sampled_from([0, 0, 0, 1, 2, 4, 8, 16]))
        names.aligned_bits = not common or pack == 0
        text = draw(record(names, tag, known))
        lines.append(f"#pragma pack({pack or ''})\n{text};")
        if "[]" not in text:  # a flexible array's record cannot be inside another
            known.append(f"{'union' if tag[0] == 'u' else 'struct'} {tag}")
    return "\n".join([*lines, "#pragma pack()", ""])
