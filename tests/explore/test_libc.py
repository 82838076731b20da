"""A C library's records and constants beside the kernel's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.commands.common import parsed_all
from callgate.errors import CallgateError
from callgate.explore.libc import (
    DIFFERS,
    RENAMED,
    SAME,
    Pair,
    RecordComparison,
    compare_constants,
    compare_records,
    load_pairs,
)
from callgate.explore.libcpage import libc_page, libc_section
from callgate.explore.show import grouped, libc_list, libc_notes
from callgate.machines.model import Lacking
from callgate.model import (
    Abi,
    Array,
    Constant,
    Field,
    Location,
    Record,
    RecordName,
    Scalar,
    Typedef,
    TypeRef,
)
from callgate.report import Reporter
from callgate.targets import DEFAULT_TARGET, load_targets

if TYPE_CHECKING:
    from pathlib import Path

KERNEL = Location("uapi", "linux/p.h", 1)
LIBC = Location("libc", "p.h", 1)
INT = Scalar("integer", "int", 4, 4, signed=True)
LONG = Scalar("integer", "long", 8, 8, signed=True)
CHAR = Scalar("integer", "char", 1, 1, signed=True)
TARGET = load_targets(paths.data_dir("headers") / "targets.toml")[DEFAULT_TARGET]


def record(name: str, where: Location, *fields: tuple[str, TypeRef, int]) -> Record:
    """Return a struct that ends with its last field."""
    items = tuple(Field(*field) for field in fields)
    _, kind, offset = fields[-1]
    size = offset + int(getattr(kind, "size", 0))
    return Record(name, "struct", size, 4, items, where, primary=where is KERNEL)


def model(*records: Record, repeated: frozenset[str] = frozenset()) -> Abi:
    """Return a model of a kernel unit and a C library's, with a constant that differs."""
    return Abi(
        TARGET.name,
        "7.2.0",
        (
            Constant("N", 19, 4, True, "macro", KERNEL),
            Constant("N", 32, 4, True, "macro", LIBC, primary=False),
            Constant("__UAPI_DEF_X", 1, 4, True, "macro", KERNEL),
            Constant("__UAPI_DEF_X", 0, 4, True, "macro", LIBC, primary=False),
        ),
        records,
        (),
        (Typedef("__kernel_long_t", LONG, KERNEL),),
        (),
        (),
        (),
        (),
        {"uapi": ("linux/p.h",), "libc": ("p.h",)},
        {"libc": repeated},
    )


def compared(kernel: Record, libc: Record, *pairs: Pair) -> RecordComparison:
    """Return the only comparison of a model of the two."""
    (found,) = compare_records(model(kernel, libc), pairs)
    return found


OURS = record("struct p", KERNEL, ("x", INT, 0), ("y", INT, 4))


class TestRecords:
    """What differs, and what does not."""

    def test_grown(self) -> None:
        """Another size and another place of a field are said, the C library's first."""
        theirs = record("struct p", LIBC, ("x", LONG, 0), ("y", INT, 8))
        found = compared(OURS, theirs)
        assert (found.verdict, found.size) == (DIFFERS, (12, 8))
        assert found.text == "12 bytes, not 8; x 8 bytes, not 4; y at 8, not 4"

    def test_other_names(self) -> None:
        """The same bytes under other names differ in nothing but these."""
        found = compared(OURS, record("struct p", LIBC, ("x", INT, 0), ("why", INT, 4)))
        assert found.verdict == RENAMED
        assert found.text == "the same bytes, other names: why, not y"

    def test_padding(self) -> None:
        """Padding is nobody's field."""
        theirs = record("struct p", LIBC, ("x", INT, 0), ("y", INT, 4), ("__pad1", INT, 4))
        assert compared(OURS, theirs).verdict == SAME

    def test_flexible_array(self) -> None:
        """A name at the end has whatever length; the record's size tells the difference."""
        ours = record("struct d", KERNEL, ("x", INT, 0), ("name", Array(CHAR, None, 0, 1), 4))
        theirs = record("struct d", LIBC, ("x", INT, 0), ("name", Array(CHAR, 256, 256, 1), 4))
        assert compared(ours, theirs).text == "260 bytes, not 4"

    def test_fields_of_inner_records(self) -> None:
        """A field of an inner union is found by its own name."""
        union = Record("", "union", 8, 4, (Field("x", INT, 0), Field("z", INT, 0)), LIBC)
        theirs = record("struct p", LIBC, ("u", union, 0), ("y", INT, 4))
        found = compared(OURS, theirs)
        assert (found.verdict, found.moved, found.own) == (RENAMED, (), ("u", "z"))

    def test_repeated(self) -> None:
        """What the C library defines just as the kernel does is the same."""
        (found,) = compare_records(model(OURS, repeated=frozenset({"struct p"})), ())
        assert (found.name, found.verdict, found.text) == ("struct p", SAME, "the same")

    def test_kernel_headers(self) -> None:
        """What a C library's header merely includes of the kernel is not its own."""
        theirs = record("struct p", Location("libc", "linux/p.h", 1), ("x", LONG, 0))
        assert compare_records(model(OURS, theirs), ()) == []


class TestPairs:
    """Records of another name."""

    def test_other_name_and_prefix(self) -> None:
        """A row pairs two names, and fields of which one has a prefix."""
        theirs = record("struct q", LIBC, ("sa_x", LONG, 0), ("sa_y", INT, 8))
        found = compared(OURS, theirs, Pair("struct q", "struct p", "sa_"))
        assert (found.name, found.kernel) == ("struct q", "struct p")
        assert [name for name, *_ in found.moved] == ["sa_x", "sa_y"]

    def test_typedef(self) -> None:
        """A typedef of a record means the record."""
        theirs = Typedef("q_t", RecordName("struct q", 4, 4), LIBC)
        abi = model(OURS, record("struct q", LIBC, ("x", INT, 0)))
        abi = replace(abi, typedefs=(*abi.typedefs, theirs))
        (found,) = compare_records(abi, [Pair("q_t", "struct p")])
        assert found.text == "4 bytes, not 8; other names: without y"

    def test_width(self) -> None:
        """A row about 32-bit machines is passed over on others."""
        theirs = record("struct q", LIBC, ("x", INT, 0))
        rows = [Pair("struct q", "struct p", registers=32)]
        assert compare_records(model(OURS, theirs), rows) == []

    def test_table(self) -> None:
        """The project's table reads, and names stat, dirent, termios, sigset_t and timespec."""
        names = {pair.libc for pair in load_pairs(paths.data_dir("headers") / "libc.toml")}
        assert names >= {"struct stat", "struct dirent", "struct termios", "struct timespec"}
        assert "sigset_t" in names

    @pytest.mark.parametrize("row", ["{}", '{ kernel = "x", prefx = "y" }', "{ kernel = 5 }"])
    def test_wrong_row(self, tmp_path: Path, row: str) -> None:
        """A row that is no pair is refused, and an example is given."""
        path = tmp_path / "libc.toml"
        path.write_text(f'[records]\n"q_t" = {row}\n', encoding="utf-8")
        with pytest.raises(CallgateError, match="q_t: not a pair of names"):
            load_pairs(path)


class TestSaid:
    """What users are told."""

    THEIRS = record("struct p", LIBC, ("x", INT, 0))
    ABI = model(OURS, THEIRS)

    def test_constants(self) -> None:
        """A constant with another value is listed; the guards that are made to differ are not."""
        (found,) = compare_constants(self.ABI)
        assert (found.name, found.text) == ("N", "32, not 19")

    def test_notes(self) -> None:
        """A name's explanation says what the C library has otherwise, within 80 columns."""
        assert libc_notes(self.ABI, "musl", (), "p") == [
            "musl's struct p differs from the kernel's struct p: 4 bytes, not 8; other names:",
            "  without y",
        ]
        assert libc_notes(self.ABI, "musl", (), "N") == ["musl's N differs: 32, not 19 (p.h)"]
        assert libc_notes(self.ABI, "musl", (), "other") == []

    def test_list(self) -> None:
        """The list of a C library has its records and constants that differ."""
        head, one, two = libc_list(self.ABI, "musl", ())
        assert head == "musl: 1 records and 1 constants differ from the kernel's"
        assert one.startswith("struct p  p.h  beside struct p: 4 bytes, not 8")
        assert two == "N  p.h  32, not 19"

    def test_page(self) -> None:
        """The page has a row for each difference and the targets that have it."""
        other = replace(TARGET, name="y", arch="y")
        third = replace(TARGET, name="z", libc="musl")
        alike = model(OURS, repeated=frozenset({"struct p"}))
        models = {TARGET.name: self.ABI, "y": alike, "z": alike}
        page = libc_page(models, [TARGET, other, third], ())
        assert page.index("## glibc") < page.index("## musl")
        assert "| `struct p` | `struct p` | x86_64 | 4 bytes, not 8; other names" in page
        assert "| `struct p` | `struct p` | y | the same |" in page
        assert page.count("| `N` | all | 32, not 19 |") == 2
        assert "### musl: records that are the kernel's\n\n`struct p`." in page


class TestGrouped:
    """One name on every target."""

    def test_sets(self) -> None:
        """A definition is shown once, with the targets that have it, wherever it stands."""
        other = replace(TARGET, name="y", arch="y")
        answers = {
            TARGET.name: ["A = 1", "  a.h:1", "B = 1"],
            "y": ["A = 1", "  b.h:2", "B = 2"],
        }
        assert grouped(answers, [TARGET, other]) == [
            *["all:", "  A = 1", "    a.h:1"],
            *["x86_64:", "  B = 1"],
            *["y:", "  B = 2"],
        ]


TARGETS = [
    target
    for target in load_targets(paths.data_dir("headers") / "targets.toml").values()
    if target.os == "linux"
]


@pytest.mark.slow
@pytest.mark.parametrize("libc", dict.fromkeys(target.libc for target in TARGETS))
def test_page_is_current(libc: str) -> None:
    """docs/libc.md is what the headers of all targets say today."""
    root = paths.checkout()
    assert root is not None
    chosen = [target for target in TARGETS if target.libc == libc]
    try:
        parsed = parsed_all(chosen, Reporter(quiet=True))
    except Lacking as lacking:
        pytest.skip(str(lacking))
    models = {name: found.abi for name, found in parsed.items()}
    pairs = load_pairs(paths.data_dir("headers") / "libc.toml")
    page = (root / "docs/libc.md").read_text(encoding="utf-8")
    assert libc_section(libc, models, TARGETS, pairs) in page
