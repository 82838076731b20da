"""From parsed units to the model: what is kept, what is primary, and what has no value and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callgate import model, paths, tree
from callgate.abi.build import build_abi
from callgate.parse.declarations import DeclarationParser
from callgate.parse.preprocess import Splitter
from callgate.targets import load_targets

TARGET = load_targets(paths.data_dir("headers") / "targets.toml")["x86_64-linux-gnu"]


def unit(name: str, text: str, header: str = "t.h") -> tree.Unit:
    """Parse a unit of one header; macros expand to their bodies."""
    split = Splitter(name, lambda path: path).split(f'# 1 "{header}"\n{text}\n')
    parser = DeclarationParser(name)
    declarations: list[tree.Declaration] = []
    for chunk in split.chunks:
        declarations += parser.parse(chunk)[0]
    macros = tuple(
        replace(item, expansion="" if item.parameters is not None else item.body)
        for item in split.macros
    )
    return tree.Unit(name, tuple(declarations), macros, (), (header,))


def build(*units: tree.Unit, jobs: int = 1) -> model.Abi:
    """Return the model of ``units``."""
    return build_abi(TARGET, "7.2.0", units, (), jobs=jobs)


def reasons(abi: model.Abi) -> dict[str, str]:
    """Return the reason of each item without a value."""
    return {item.name: item.reason for item in abi.unevaluated}


def test_macros_become_constants() -> None:
    """Object-like macros with a value are constants with their C type."""
    found = build(unit("u", '#define A (1u << 3)\n#define T "a\\0b"\n#define F 1.5f')).constant
    assert (found["A"].value, found["A"].size, found["A"].signed) == (8, 4, False)
    assert (found["T"].value, found["T"].size, found["T"].kind) == ("a\0b", 4, "string")
    assert (found["F"].value, found["F"].kind) == (1.5, "float")
    assert found["A"].text == "(1u << 3)"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "empty"),
        ("M", "defined as itself"),
        ("unsigned int", "type name"),
        ("do { } while (0)", "not an expression"),
        ("1 / 0", "division by zero"),
        ("1 << 99", "shift by 99"),
        ("nothing", "unknown name nothing"),
        ("1, 2", ""),
        ("sizeof(struct none)", "incomplete struct none"),
        (" + ".join(["1"] * 2000), ""),
        ("-" * 999 + "1", ""),
    ],
)
def test_macros_without_a_value_have_a_reason(body: str, reason: str) -> None:
    """A macro that has no value is listed with the reason; none is lost, none crashes."""
    abi = build(unit("u", f"#define M {body}"))
    assert "M" not in abi.constant
    assert reasons(abi)["M"].startswith(reason)


def test_function_like_macros_are_kept_apart() -> None:
    """A macro with parameters is no constant."""
    abi = build(unit("u", "#define F(x) ((x) + 1)"))
    assert [(item.name, item.parameters, item.body) for item in abi.macros] == [
        ("F", ("x",), "((x) + 1)")
    ]


def test_the_earlier_units_definition_is_primary() -> None:
    """Of definitions that differ the first unit's is primary, the others are kept as variants."""
    abi = build(
        unit("a", "#define N 1\nstruct s { int a; };"),
        unit("b", "#define N 2\nstruct s { long a; };"),
    )
    assert abi.constant["N"].value == 1
    assert abi.record["struct s"].size == 4
    assert [item.primary for item in abi.constants] == [True, False]
    assert [item.size for item in abi.records] == [4, 8]


def test_equal_definitions_are_kept_once() -> None:
    """The same value or layout in a later unit is nothing new."""
    text = "#define N 1\nstruct s { int a; };"
    abi = build(unit("a", text), unit("b", text))
    assert (len(abi.constants), len(abi.records)) == (1, 1)


def test_equal_definitions_are_remembered() -> None:
    """What another unit's own header defines alike is remembered; what it merely reads is not."""
    text = "struct s { int a; }; typedef int t;"
    found = build(unit("u", text), unit("v", text, "v.h"), unit("w", text))
    assert found.repeated == {"u": frozenset(), "v": {"struct s", "t"}, "w": frozenset()}
    differing = build(unit("u", text), unit("v", "struct s { int b; };", "v.h"))
    assert differing.repeated["v"] == frozenset()


def test_macro_hides_the_enumerator_of_its_name() -> None:
    """Where a unit defines a macro of an enumerator's name the macro is what C sees."""
    abi = build(unit("a", "enum { N = 1 };\n#define N 2"))
    assert abi.constant["N"].value == 2


def test_enumerator_defined_as_itself() -> None:
    """``#define A A`` next to an enumerator A adds nothing and misses nothing."""
    abi = build(unit("a", "enum { A = 4 };\n#define A A"))
    assert abi.constant["A"].value == 4
    assert reasons(abi) == {}


def test_failing_enum_next_to_one_of_the_same_name() -> None:
    """An enum without values does not take others that repeat its enumerators down."""
    abi = build(unit("a", "enum bad { A = 1 / 0 }; enum good { A = 3 };"))
    assert [(item.name, item.value) for item in abi.constants] == [("A", 3)]
    assert reasons(abi) == {"bad": "division by zero"}


def test_impossible_records_are_listed() -> None:
    """A record without a layout is listed with the reason, and those around it are there."""
    abi = build(unit("a", "struct s { struct s x; }; struct t { int a; };"))
    assert list(abi.record) == ["struct t"]
    assert reasons(abi) == {"struct s": "no layout: struct s contains itself"}


def test_what_the_compiler_declares_is_left_out() -> None:
    """Items of the unit's own text and of the compiler belong to no header."""
    abi = build(unit("a", "struct s { int a; };\n#define N 1\ntypedef int t;", header="<built-in>"))
    assert (abi.records, abi.constants, abi.typedefs) == ((), (), ())


def test_prototypes() -> None:
    """Functions keep their parameters' names, and tell whether the header has a body."""
    abi = build(
        unit("a", "int open(const char *path, ...); static inline int f(void) { return 1; }")
    )
    assert [(item.name, item.inline) for item in abi.prototypes] == [("open", False), ("f", True)]
    assert abi.prototypes[0].type.variadic
    assert abi.prototypes[0].type.parameters[0].name == "path"


def test_many_processes_give_the_same_model() -> None:
    """The number of processes does not change the model."""
    text = "\n".join(f"#define N{index} ({index} + {index % 7}u)" for index in range(2100))
    assert build(unit("a", text), jobs=2) == build(unit("a", text), jobs=1)
