"""The Lua functions that rows and prototypes become."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.emit.calls import emit_calls
from callgate.emit.signature import signature
from callgate.errors import CallgateError
from callgate.headers.kernel import load_kernel
from callgate.model import Abi, Constant, Location, Record
from callgate.spec.loader import load_spec
from callgate.spec.model import ArgumentSpec, CallSpec
from callgate.targets import load_targets

if TYPE_CHECKING:
    from callgate.spec.model import Spec

TARGETS = load_targets(paths.data_dir("headers") / "targets.toml")
WHERE = Location("uapi", "linux/fcntl.h", 1)
CONSTANTS = {"AT_FDCWD": -100, "O_CREAT": 64, "O_TRUNC": 512, "O_CLOEXEC": 524288, "SEEK_SET": 0}


def model(name: str) -> Abi:
    """Return a model of a target's real system calls, a few constants and one record."""
    constants = tuple(
        Constant(name, value, 4, signed=True, kind="macro", location=WHERE)
        for name, value in CONSTANTS.items()
    )
    records = (Record("struct open_how", "struct", 24, 8, (), WHERE),)
    facts = load_kernel(paths.data_dir("headers"))
    calls = facts.syscalls(TARGETS[name].syscall_table, TARGETS[name].syscall_abis)
    return Abi(name, "7.2.0", constants, records, (), (), (), (), (), calls)


@pytest.fixture(scope="module")
def abi() -> Abi:
    """Return the model of x86_64."""
    return model("x86_64-linux-gnu")


@pytest.fixture(scope="module")
def several(abi: Abi) -> list[Abi]:
    """Return the models of a 64-bit machine, two 32-bit ones and one with socketcall."""
    others = ("arm-linux-gnueabihf", "mips-linux-gnu", "s390x-linux-gnu")
    return [abi, *map(model, others)]


@pytest.fixture(scope="module")
def bare() -> Spec:
    """Return the package's kinds and inference without any row."""
    groups = {name: {"prefix": f"{name}_", "in": ["linux/fcntl.h"]} for name in ("O", "SEEK", "AT")}
    return dataclasses.replace(load_spec(), calls=(), groups=groups, types={}, operations={})


def row(name: str, *args: ArgumentSpec, **values: object) -> CallSpec:
    """Return a row of the family "files"."""
    passed = tuple(arg.name for arg in args)
    made = CallSpec(name, "files", "Does it.", f"{name}(2)", name, args, passed)
    return dataclasses.replace(made, **values)  # type: ignore[arg-type]


def emit(abis: Abi | list[Abi], bare: Spec, *rows: CallSpec) -> dict[str, str]:
    """Return the files that these rows become on these machines."""
    every = {
        TARGETS[abi.target].luajit_arch: abi for abi in ([abis] if isinstance(abis, Abi) else abis)
    }
    targets = {arch: TARGETS[abi.target] for arch, abi in every.items()}
    return emit_calls(every, dataclasses.replace(bare, calls=rows), targets)


ROOT = Path(__file__).parents[2]
FD, PATH = ArgumentSpec("fd", "fd"), ArgumentSpec("path", "path")
READ = row(
    "read",
    FD,
    ArgumentSpec("buf", "bytes"),
    ArgumentSpec("count", "length", "buf"),
    returns="number",
    methods=("read",),
)


class TestFunctions:
    """A row becomes a maker of its function."""

    def test_number(self, abi: Abi, bare: Spec) -> None:
        """The function converts its arguments, calls by number and returns the triple."""
        text = emit(abi, bare, row("fsync", FD))["calls/files.lua"]
        assert text.endswith(
            """
-- Does it. fsync(2)
-- long fsync(unsigned int fd)
function calls.fsync()
  local call = sys.caller "i:u"
  local number = numbers.fsync or ABSENT
  local to_fd = args.fd
  local known_fd = known.descriptors
  return function(fd)
    local fd_number = known_fd[fd] or to_fd(fd, "fsync", 1, "fd")
    local result = call(number, fd_number)
    if result == -1 then
      return fail()
    end
    return true
  end
end

return calls
"""
        )

    def test_bytes(self, abi: Abi, bare: Spec) -> None:
        """A buffer that may be left out gives a string, through a scratch buffer."""
        text = emit(abi, bare, READ)["calls/files.lua"]
        assert (
            """
      as_string = buf == nil
      if as_string then
        count = to_size(count or 4096, "read", 3, "count")
        buf, count = to_scratch(count)
      else
        buf = to_buffer(buf, "read", 2, "buf")
        count = to_length(count, "read", 3, "count", buf)
      end
"""
            in text
        )
        assert "local room = known_rooms[buf]\n" in text
        assert "return ffi.string(buf, result)" in text

    def test_constants(self, abi: Abi, bare: Spec) -> None:
        """Constants in pass become locals with the headers' values, or-ed ones a single one."""
        made = row(
            "creat",
            PATH,
            call="openat",
            passed=("AT_FDCWD", "path", "O_CREAT | O_TRUNC | O_CLOEXEC", "0"),
            returns="fd",
        )
        text = emit(abi, bare, made)["calls/files.lua"]
        assert "local AT_FDCWD = -100\n" in text
        assert "local OPTIONS = 524864 -- O_CREAT | O_TRUNC | O_CLOEXEC\n" in text
        assert 'sys.caller "i:isiu"' in text
        assert "call(number, AT_FDCWD, path_text, OPTIONS, 0)" in text
        assert "return own(descriptor, result)" in text

    def test_sizes(self, abi: Abi, bare: Spec) -> None:
        """A record's size in pass is a number."""
        made = row(
            "openat2",
            PATH,
            ArgumentSpec("how", "pointer"),
            passed=("AT_FDCWD", "path", "how", "sizeof(struct open_how)"),
        )
        assert "path_text, how, 24)" in emit(abi, bare, made)["calls/files.lua"]

    def test_defaults(self, abi: Abi, bare: Spec) -> None:
        """A default by name is the headers' value; added flags go through the group."""
        whence = ArgumentSpec("whence", "choice", "SEEK", None, "set")
        made = row("lseek", FD, ArgumentSpec("offset", "long"), whence, returns="long")
        text = emit(abi, bare, made)["calls/files.lua"]
        assert (
            "whence = whence == nil and 0 or SEEK_one[whence] "
            'or to_choice(whence, "lseek", 3, "whence", SEEK_names)' in text
        )
        assert 'sys.caller "l:ulu"' in text
        flags = ArgumentSpec("flags", "flags", "O", "cloexec")
        text = emit(abi, bare, row("epoll_create1", flags))["calls/files.lua"]
        assert (
            'to_flags_with(flags, "epoll_create1", 1, "flags", O_names, O_names("cloexec"))' in text
        )

    def test_addresses(self, abi: Abi, bare: Spec) -> None:
        """An address goes to a variable of its own, so that its object lives during the call."""
        made = row("munmap", ArgumentSpec("addr", "address"), ArgumentSpec("length", "size"))
        text = emit(abi, bare, made)["calls/files.lua"]
        assert 'local addr_word = to_address(addr, "munmap", 1, "addr")' in text
        assert "(number, addr_word, length)" in text

    def test_symbol(self, abi: Abi, bare: Spec) -> None:
        """A libc symbol is called in place of the number."""
        out = ArgumentSpec("ts", "pointer")
        made = row("clock_gettime", ArgumentSpec("clock", "int"), out, symbol="clock_gettime")
        text = emit(abi, bare, made)["calls/files.lua"]
        assert 'local call = C[sys.symbol("clock_gettime", "i:ip")]' in text
        assert "call(clock, ts)" in text


class TestMachines:
    """What differs between architectures is written for each set of them."""

    def test_same(self, several: list[Abi], bare: Spec) -> None:
        """One text serves all machines that have the same."""
        text = emit(several, bare, row("fsync", FD))["calls/files.lua"]
        assert text.count("function calls.fsync()") == 1
        assert "here.is" not in text

    def test_wide(self, several: list[Abi], bare: Spec) -> None:
        """A 64-bit argument goes through sys where the registers are of 32 bits."""
        made = row("pread64", FD, *READ.args[1:], ArgumentSpec("pos", "long"), returns="number")
        text = emit(several, bare, made)["calls/files.lua"]
        assert text.count("function calls.pread64()") == 2
        direct, routed = text.split("function calls.pread64()")[1:]
        assert 'sys.caller "i:upzq"' in direct
        assert "call(number, fd_number, buf, count, pos)" in direct
        assert "local call = sys.pread64\n" in routed
        assert "call(fd_number, buf, count, pos)" in routed
        assert text.count('if here.is "arm mips" then') == 1
        assert text.count('if here.is "x64 s390x" then') == 1

    def test_short(self, several: list[Abi], bare: Spec) -> None:
        """A machine that has a row's call of fewer arguments is given that."""
        made = row(
            "stat",
            PATH,
            ArgumentSpec("st", "pointer"),
            call="newfstatat",
            passed=("AT_FDCWD", "path", "st", "0"),
            short="stat",
            short_passed=("path", "st"),
        )
        text = emit(several, bare, made)["calls/files.lua"]
        assert "call(number, path_text, st)" in text
        assert "numbers.stat or ABSENT" in text
        assert "call(AT_FDCWD, path_text, st, 0)" in text

    def test_record(self, several: list[Abi], bare: Spec) -> None:
        """Of a record known to be good its address is passed; what is Lua gets the record."""
        made = row(
            "clock_gettime", ArgumentSpec("clock", "int"), ArgumentSpec("ts", "out", "timespec")
        )
        text = emit(several, bare, made)["calls/files.lua"]
        direct, routed = text.split("function calls.clock_gettime()")[1:]
        assert "local ts_pointer = known_timespec[ts]\n" in direct
        assert "call(number, clock, ts_pointer)" in direct
        assert "if not known_timespec[ts] then" in routed
        assert "call(clock, ts)" in routed

    def test_routed(self, several: list[Abi], bare: Spec) -> None:
        """A call that a machine has under another name, or inside another, goes through sys."""
        sleep = row("clock_nanosleep", *(ArgumentSpec(name, "pointer") for name in "abcd"))
        text = emit(several, bare, sleep)["calls/files.lua"]
        direct, routed = text.split("function calls.clock_nanosleep()")[1:]
        assert "numbers.clock_nanosleep or ABSENT" in direct
        assert "local call = sys.clock_nanosleep\n" in routed
        text = emit(several, bare, row("listen", FD, ArgumentSpec("n", "int")))["calls/files.lua"]
        assert 'if here.is "!x64 arm" then' in text  # those with socketcall

    def test_absent(self, several: list[Abi], bare: Spec) -> None:
        """A call that some machines lack is for the others; one that all lack is a mistake."""
        only = row("arch_prctl", ArgumentSpec("code", "int"), ArgumentSpec("addr", "long"))
        text = emit(several, bare, only)["calls/files.lua"]
        assert 'if here.is "x64" then' in text
        with pytest.raises(CallgateError, match="no system call 'arch_prctl'"):
            emit(several[1:], bare, only)


class TestIndex:
    """The index finds functions, further names and methods."""

    def test_names(self, abi: Abi, bare: Spec) -> None:
        """Behaviour and rows live in their modules, methods of one kind apart from the others."""
        timer = row("timerfd_gettime", FD, methods=("timer:gettime",), behaviour="timer")
        text = emit(abi, bare, dataclasses.replace(READ, also=("pread64",)), timer)[
            "calls/index.lua"
        ]
        assert '\nread = "calls.files",\n' in text
        assert '\ntimerfd_gettime = "behaviour.timer",\n' in text
        assert '    pread64 = "read",\n' in text
        assert '    timer = {\n      gettime = "timerfd_gettime",\n    },\n' in text
        assert 'pread64 = "calls' not in text

    def test_inferred(self, abi: Abi, bare: Spec) -> None:
        """Every other call of the table has a function, but for reserved numbers and exclusions."""
        files = emit(abi, bare, READ)
        text = files["calls/index.lua"]
        assert '\nchroot = "calls.inferred_c",\n' in text
        assert 'read = "calls.inferred_r"' not in text
        for name in ("vfork", "rt_sigreturn", "uselib"):
            assert f"\n{name} =" not in text
        assert '\ngetxattr = "fgetxattr",\n' in text
        assert "function calls.chroot()" in files["calls/inferred_c.lua"]
        assert len(text.splitlines()) > 350


class TestSignatures:
    """The letters of a call are its C types."""

    @pytest.mark.parametrize(
        ("name", "letters"),
        [
            ("read", "i:upz"),
            ("write", "i:ucz"),
            ("openat", "i:isiu"),
            ("pread64", "i:upzq"),
            ("lseek", "l:ulu"),
            ("mmap", "l:wlllll"),
            ("prctl", "l:iwwww"),
            ("sendto", "i:iczupi"),
            ("execve", "i:scc"),
            ("preadv", "i:lplll"),
            ("rt_sigaction", "i:ippz"),
            ("mount", "i:ssslp"),
            ("getpid", "i:"),
        ],
    )
    def test_letters(self, abi: Abi, bare: Spec, name: str, letters: str) -> None:
        """Widths and signs are the kernel's; strings and bytes that it reads have their own."""
        assert signature(abi.syscall[name], bare) == letters

    def test_all(self, abi: Abi, bare: Spec) -> None:
        """Every call of the table has a signature of at most six arguments."""
        for call in abi.syscalls:
            assert len(signature(call, bare)) <= len("i:") + 6

    def test_unknown_type(self, abi: Abi, bare: Spec) -> None:
        """A C type without a letter is an error at the prototype."""
        call = abi.syscall["fsync"]
        spec = dataclasses.replace(bare, letters={})
        with pytest.raises(CallgateError, match="no letter for the C type 'unsigned int' of fsync"):
            signature(call, spec)


class TestMistakes:
    """What a row names must be there."""

    @pytest.mark.parametrize(
        ("made", "what", "hint"),
        [
            (row("fsnc", FD), "no system call 'fsnc'", "fsync"),
            (row("fsnc", FD, behaviour="files"), "no system call 'fsnc'", "fsync"),
            (row("fsync"), "passes 0 arguments, fsync takes 1 (fd)", "pass ="),
            (
                row("unlinkat", PATH, passed=("AT_FDCWDD", "path", "0")),
                "no constant 'AT_FDCWDD'",
                "AT_FDCWD",
            ),
            (
                row("openat2", PATH, passed=("AT_FDCWD", "path", "nil", "sizeof(struct open_hw)")),
                "no record 'struct open_hw'",
                "open_how",
            ),
            (
                row(
                    "lseek",
                    FD,
                    ArgumentSpec("offset", "long"),
                    ArgumentSpec("whence", "choice", "SEEK", None, "ste"),
                ),
                "no constant 'SEEK_STE'",
                "SEEK_SET",
            ),
            (
                row("read", FD, ArgumentSpec("b", "bytes"), ArgumentSpec("n", "size")),
                "no argument is its length",
                "length b",
            ),
        ],
    )
    def test_row(self, abi: Abi, bare: Spec, made: CallSpec, what: str, hint: str) -> None:
        """The error names the row, what is wrong with it and the nearest word."""
        with pytest.raises(CallgateError) as caught:
            emit(abi, bare, made)
        assert (caught.value.where or "").startswith(made.where)
        assert what in caught.value.what
        assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("folder", ["gen/callgate/runtime", "output/callgate"])
def test_descriptors_live(folder: str) -> None:
    """No function drops a descriptor for its number: a collection could close it too early."""
    dropped = re.compile(r"^\s*(\w+) = [^\n]*\b(?:args\.|to_)(?:fd|dirfd)\(\1[,)].*$", re.MULTILINE)
    files = sorted((ROOT / folder).rglob("*.lua"))
    assert len(files) > 100
    assert [
        f"{file.name}: {match[0].strip()}"
        for file in files
        for match in dropped.finditer(file.read_text())
    ] == []


def test_same_bytes(abi: Abi, bare: Spec) -> None:
    """The same tables give the same text, whatever the order of the system calls."""
    backwards = dataclasses.replace(abi, syscalls=tuple(reversed(abi.syscalls)))
    assert emit(abi, bare, READ) == emit(backwards, bare, READ)
