"""What is inferred of a system call that no row declares."""

from __future__ import annotations

import pytest

from callgate import paths
from callgate.emit.signature import letter
from callgate.errors import CallgateError
from callgate.headers.kernel import load_kernel
from callgate.model import Argument, Location, Syscall
from callgate.spec.loader import load_spec

SPEC = load_spec()
LUAJIT = ("arm", "i386", "loongarch", "mips", "powerpc", "ppc", "riscv", "s390", "x86")
FACTS = load_kernel(paths.data_dir("headers"))


def call(name: str, *arguments: tuple[str, str]) -> Syscall:
    """Return a system call with arguments given as (type, name)."""
    where = Location("kernel", "include/linux/syscalls.h", 1)
    found = tuple(Argument(item, kind) for kind, item in arguments)
    return Syscall(name, 1, f"sys_{name}", "long", found, where)


class TestKinds:
    """An argument's kind follows from its C type and its name."""

    @pytest.mark.parametrize(
        ("kind", "c_type", "name"),
        [
            ("fd", "unsigned int", "fd"),
            ("fd", "int", "fs_fd"),
            ("dirfd", "int", "dfd"),
            ("dirfd", "int", "olddfd"),
            ("string?", "const char *", "pathname"),
            ("data?", "const char *", "buf"),
            ("data?", "const void *", "value"),
            ("string?", "char *", "dev_name"),
            ("pointer", "char *", "buf"),
            ("pointer", "struct stat *", "statbuf"),
            ("pointer", "const char *const *", "argv"),
            ("pointer", "const void * *", "pages"),
            ("address", "unsigned long", "addr"),
            ("word", "unsigned long", "arg3"),
            ("size", "size_t", "count"),
            ("int", "pid_t", "pid"),
            ("uint", "uid_t", "uid"),
            ("long", "loff_t", "offset"),
            ("long", "unsigned long", "flags"),
        ],
    )
    def test_kind(self, kind: str, c_type: str, name: str) -> None:
        """The first rule that matches decides."""
        found = call("x", (c_type, name))
        assert SPEC.inference.kind(found.arguments[0], found) == kind

    def test_rule_of_one_call(self) -> None:
        """A rule may speak of some calls only: sendto reads its buffer, recvfrom fills it."""
        for name, kind in (("sendto", "data?"), ("recvfrom", "pointer")):
            found = call(name, ("void *", "buf"))
            assert SPEC.inference.kind(found.arguments[0], found) == kind

    def test_rule_of_what_stands_before(self) -> None:
        """The size of the memory before it is a length, which is checked against that memory."""
        for name, before, kind in (("size", "void *", "length"), ("size", "int", "size")):
            found = call("x", (before, "value"), ("size_t", name))
            assert SPEC.inference.kind(found.arguments[1], found) == kind

    def test_unknown_type(self) -> None:
        """A type that no rule knows is an error that says where and what to do."""
        found = call("x", ("struct pair", "pair"))
        with pytest.raises(CallgateError) as caught:
            SPEC.inference.kind(found.arguments[0], found)
        assert caught.value.what == "nothing says what struct pair pair of x is"
        assert "spec/inference.toml" in (caught.value.hint or "")


class TestTables:
    """The tables speak of calls that exist."""

    def test_every_prototype(self) -> None:
        """Every argument of every call of the machines that have a LuaJIT has a kind."""
        calls = [
            found
            for name, architecture in FACTS.architectures.items()
            if name.startswith(LUAJIT) and name not in {"mips_n32", "x32"}
            for found in FACTS.calls(architecture)
        ]
        for found in calls:
            for argument in found.arguments:
                assert SPEC.inference.kind(argument, found) in SPEC.kinds
                assert letter(argument, found, SPEC) in "iulzqQpcsw"
        assert len(calls) > 4000

    def test_every_name(self) -> None:
        """Results and exclusions name system calls of some architecture, and no declared one."""
        known = {row.name for table in FACTS.tables.values() for row in table.rows}
        declared = {name for item in SPEC.calls for name in (item.name, *item.also)}
        results = SPEC.inference.results
        for names in (*results.values(), SPEC.inference.excluded):
            assert set(names) <= known
        for kind in ("true", "fd", "long"):
            assert not results[kind] & declared

    def test_exclusions(self) -> None:
        """Each exclusion has its reason."""
        assert all(len(reason) > 20 for reason in SPEC.inference.excluded.values())
