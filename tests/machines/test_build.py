"""Tests of callgate.machines.build, libc, musl and toolchain: LuaJIT for other C libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.errors import CallgateError
from callgate.machines import build, toolchain
from callgate.machines.libc import Libc
from callgate.machines.model import Job, Lacking, Run
from callgate.machines.musl import musl_in
from callgate.machines.prepare import prepare
from callgate.machines.table import load_runs
from callgate.machines.toolchain import Toolchain, held, key, open_toolchain
from callgate.report import Reporter

if TYPE_CHECKING:
    from pathlib import Path

QUIET = Reporter(quiet=True)
PROGRAM = """
local ffi = require "ffi"
ffi.cdef "long syscall(long, ...); int getpid(void);"
local same = ffi.C.syscall(39) == ffi.C.getpid()  -- getpid, asm/unistd_64.h
io.write(jit.arch, " ", tostring(same), " ", ("%.2f"):format(math.sqrt(2)), "\\n")
print(pcall(error, "caught"))
print(pcall(function() return ffi.C.gnu_get_libc_version end))
assert(require "jit.vmdef")
"""


def run_of(target: str, debian: str) -> Run:
    """Return a row that asks for a built LuaJIT."""
    return Run("row", target, "native", debian, "bookworm", "built")


def fake_musl(folder: Path, *triplets: str) -> Path:
    """Make ``folder`` look like Debian's unpacked musl."""
    for triplet in triplets:
        for name in (f"usr/lib/{triplet}/crt1.o", f"lib/{triplet}/libc.so"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
    (folder / "lib").mkdir(parents=True, exist_ok=True)
    (folder / "lib/ld-musl-armhf.so.1").touch()
    return folder


class TestMusl:
    """Debian's musl in a folder."""

    def test_found(self, tmp_path: Path) -> None:
        """Its loader, headers and start files are found by their names."""
        libc = musl_in(fake_musl(tmp_path, "arm-linux-musleabihf"), "musl 1.2.5")
        assert libc.loader == "lib/ld-musl-armhf.so.1"
        assert libc.include == "usr/include/arm-linux-musleabihf"
        assert libc.runtime == ("lib/ld-musl-armhf.so.1", "lib/arm-linux-musleabihf/libc.so")

    @pytest.mark.parametrize("triplets", [(), ("arm-linux-musleabihf", "arm-linux-musleabi")])
    def test_not_one(self, tmp_path: Path, triplets: tuple[str, ...]) -> None:
        """A folder that holds none, or two, is an error that names it."""
        with pytest.raises(CallgateError, match="expected one of each") as error:
            musl_in(fake_musl(tmp_path, *triplets), "musl")
        assert error.value.where == str(tmp_path)


def test_specs() -> None:
    """Gcc takes headers, start files and loader of the C library, and only libgcc of its own."""
    libc = Libc("x 1", None, "usr/include/x", "usr/lib/x", "lib/ld-x.so.1", (), "")  # type: ignore[arg-type]
    parts = dict(part.split("\n", 1) for part in libc.specs().split("\n*")[1:])
    assert "-nostdinc -isystem /sysroot/usr/include/x" in parts["cpp_unique_options:"]
    assert "-dynamic-linker /lib/ld-x.so.1" in parts["link:"]
    assert (
        parts["startfile:"].strip()
        == "/sysroot/usr/lib/x/crt1.o /sysroot/usr/lib/x/crti.o crtbegin.o%s"
    )
    assert parts["endfile:"].strip() == "crtend.o%s /sysroot/usr/lib/x/crtn.o"


@pytest.mark.parametrize(
    ("arch", "host", "personality"),
    [
        ("amd64", "'HOST_CC=gcc'", False),
        ("i386", "'HOST_CC=i686-linux-gnu-gcc -static'", False),
        ("armhf", "'HOST_CC=i686-linux-gnu-gcc -static'", False),
        ("arm64", "'HOST_CC=gcc'", True),
    ],
)
def test_options(tmp_path: Path, arch: str, host: str, *, personality: bool) -> None:
    """A narrow target takes a narrow code generator; arm64's frames name an unused function."""
    prefix = toolchain.CROSS[arch][1]
    options = build.options_for(Toolchain(arch, tmp_path, prefix))
    assert host in options
    assert f"CROSS={prefix} " in options
    assert ("lj_err_unwind_dwarf" in options) == personality


@pytest.mark.parametrize("target", ["x86_64-linux-gnu", "riscv64-linux-uclibc"])
def test_other_targets(target: str) -> None:
    """A row that asks to build for another C library is refused, by its name in the table."""
    with pytest.raises(CallgateError, match=f"no LuaJIT is built for {target}") as error:
        build.build_luajit(run_of(target, "amd64"), QUIET)
    assert error.value.where == "headers/runs.toml: [runs.row]"


def test_runs() -> None:
    """Each row that has its LuaJIT built is of a processor that there is a compiler for."""
    runs = load_runs(paths.data_dir("headers") / "runs.toml").values()
    built = [run for run in runs if run.luajit == "built"]
    assert built
    assert {run.debian for run in built} <= set(toolchain.CROSS)


def test_key() -> None:
    """What something is made of tells it apart, however its parts are cut."""
    assert key("a", "b") == key("a", "b")
    assert key("a", "b") != key("ab")


def test_held(tmp_path: Path) -> None:
    """The lock's folder is made, and the block may make the thing itself."""
    with held(tmp_path / "a/b") as nothing:
        (tmp_path / "a/b").mkdir()
    assert nothing is None


def test_wrong_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Debian's compilers for amd64 do not run, that is said before anything is fetched."""
    monkeypatch.setattr("platform.machine", lambda: "sparc64")
    with pytest.raises(Lacking, match="this one is sparc64"):
        open_toolchain("armhf")


@pytest.fixture(scope="module")
def compilers() -> Toolchain:
    """Return the compilers for amd64, in the cache that everybody shares."""
    try:
        return open_toolchain("amd64")
    except Lacking as error:
        pytest.skip(f"Debian's compilers cannot be had here: {error}")


def script(compilers: Toolchain, folder: Path, text: str, seconds: int = 60) -> None:
    """Run a script in ``folder`` with the compilers."""
    try:
        with QUIET.stage("build", "a try") as stage:
            compilers.run(text, folder, seconds=seconds, stage=stage, steps=1)
    except Lacking as error:
        pytest.skip(str(error))


@pytest.mark.slow
class TestToolchain:
    """Builds in a root folder of their own."""

    def test_folder(self, compilers: Toolchain, tmp_path: Path) -> None:
        """A build may write to its folder, and to no other."""
        script(compilers, tmp_path, "echo 'int one;' > a.c; gcc -c a.c; ! touch /usr/b")
        assert (tmp_path / "a.o").is_file()

    def test_failure(self, compilers: Toolchain, tmp_path: Path) -> None:
        """A failed build shows its last lines and where the others are."""
        with pytest.raises(CallgateError, match="the build failed:\n  first\n  second") as error:
            script(compilers, tmp_path, "echo first; echo second; false; echo third")
        log = paths.cache_dir() / "machines/logs" / f"{tmp_path.name}.log"
        assert error.value.hint == f"all that it said: {log}"
        assert log.read_text() == "first\nsecond\n"

    def test_time_limit(self, compilers: Toolchain, tmp_path: Path) -> None:
        """A build that does not end is ended, and that is said."""
        with pytest.raises(CallgateError, match="the build did not end within 1 s"):
            script(compilers, tmp_path, "sleep 60", seconds=1)


@pytest.mark.slow
def test_real(tmp_path: Path) -> None:
    """LuaJIT built for musl calls the kernel, formats numbers and catches errors."""
    run = load_runs(paths.data_dir("headers") / "runs.toml")["amd64-musl"]
    (tmp_path / "try.lua").write_text(PROGRAM)
    jobs = [
        Job("JIT on", ("luajit", "/callgate/try.lua")),
        Job("JIT off", ("luajit", "-joff", "/callgate/try.lua")),
    ]
    try:
        outcomes = prepare(run, QUIET).execute(jobs, tmp_path)
    except Lacking as error:
        pytest.skip(f"it cannot be built or run here: {error}")
    for outcome in outcomes:
        assert (outcome.status, outcome.stderr) == (0, "")
        lines = outcome.stdout.splitlines()
        assert lines[:2] == ["x64 true 1.41", "false\tcaught"]
        assert lines[2].startswith("false\t")  # it is not glibc
