"""Tests of callgate.headers.trees."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile

from callgate import paths
from callgate.errors import CallgateError
from callgate.headers.trees import HeaderTree, open_tree
from callgate.targets import Target, load_targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    OpensSysroot = Callable[..., HeaderTree]

UNITS = """[own]
of = "kernel"
shims = "shim"
discover = ["linux"]
[c]
of = "libc"
include = ["c.h", "missing.h"]
"""


@pytest.fixture
def target() -> Target:
    """Return the first target."""
    return load_targets(paths.data_dir("headers") / "targets.toml")["x86_64-linux-gnu"]


@pytest.fixture
def bundle(target: Target, tmp_path: Path) -> HeaderTree:
    """Return the pinned bundle's headers."""
    return open_tree(target, cache=tmp_path)


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    """Return a folder with a kernel's and a C library's headers, as Debian lays them out."""
    root = tmp_path / "sysroot"
    for name, text in {
        "linux/version.h": "#define LINUX_VERSION_CODE 393473\n",
        "linux/a.h": "#include <sys/types.h>\n#include <asm/a.h>\nint a;\n",
        "x86_64-linux-gnu/asm/unistd.h": "",
        "x86_64-linux-gnu/asm/a.h": "int asm_a;\n",
        "aarch64-linux-gnu/asm/unistd.h": "",
        "aarch64-linux-gnu/asm/a.h": "int wrong;\n",
        "sys/types.h": "typedef int own_libc;\n",
        "c.h": "#include <stddef.h>\n#include <sys/types.h>\nown_libc c;\n",
    }.items():
        path = root / "usr/include" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with a unit table and a shim."""
    folder = tmp_path / "data"
    (folder / "shim/sys").mkdir(parents=True)
    (folder / "units.toml").write_text(UNITS, encoding="utf-8")
    (folder / "shim/sys/types.h").write_text("typedef int own_shim;\n", encoding="utf-8")
    return folder


@pytest.fixture
def open_sysroot(target: Target, tmp_path: Path, data: Path, sysroot: Path) -> OpensSysroot:
    """Return a function that opens the folder, with the compiler named."""

    def run(compiler: str | None = None) -> HeaderTree:
        return open_tree(target, data, tmp_path, sysroot=sysroot, compiler=compiler)

    return run


class TestBundle:
    """The headers of the ziglang package."""

    def test_headers(self, bundle: HeaderTree) -> None:
        """The kernel's unit includes hundreds of headers, the supplement first."""
        headers = bundle.headers(bundle.unit("uapi"))
        assert headers[0] == "callgate/kernel.h"
        assert len(headers) > 900
        assert {"linux/fcntl.h", "asm/stat.h", "drm/drm.h"} <= set(headers)
        assert "linux/byteorder/big_endian.h" not in headers

    def test_libc_headers(self, bundle: HeaderTree) -> None:
        """The C library's unit includes its public headers, POSIX's and Linux's."""
        headers = bundle.headers(bundle.unit("libc"))
        assert len(headers) >= 60
        assert {"fcntl.h", "sys/socket.h", "netinet/in.h", "sys/epoll.h"} <= set(headers)

    def test_kernel_version(self, bundle: HeaderTree) -> None:
        """The bundle of ziglang 0.17.0 has the headers of Linux 7.2."""
        assert bundle.kernel_version() == "7.2.0"

    @pytest.mark.parametrize("unit", ["uapi", "libc"])
    def test_compile(self, bundle: HeaderTree, unit: str, tmp_path: Path) -> None:
        """A whole unit compiles to an object for the target."""
        spec = bundle.unit(unit)
        source = bundle.source(spec) + "const long callgate_size = sizeof(struct flock);\n"
        run = bundle.compile(spec, source, tmp_path / "x.o")
        assert (run.status, run.errors) == (0, "")
        with (tmp_path / "x.o").open("rb") as stream:
            assert ELFFile(stream).get_machine_arch() == "x64"

    @pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed")
    @pytest.mark.parametrize("unit", ["uapi", "libc"])
    def test_other_compiler(self, bundle: HeaderTree, unit: str, tmp_path: Path) -> None:
        """The same headers compile with gcc, without those of this machine."""
        gcc = bundle.with_compiler("gcc")
        spec = gcc.unit(unit)
        assert gcc.compile(spec, gcc.source(spec), tmp_path / "x.o").status == 0
        assert '"/usr/include' not in gcc.preprocess(spec, gcc.source(spec))

    def test_libc_is_hidden(self, bundle: HeaderTree) -> None:
        """The kernel's unit sees no header of a C library."""
        with pytest.raises(CallgateError, match="file not found"):
            bundle.preprocess(bundle.unit("uapi"), "#include <stdio.h>\n")

    def test_failure(self, bundle: HeaderTree, tmp_path: Path) -> None:
        """A failed compilation has a status and messages, a failed preprocessing is an error."""
        spec = bundle.unit("uapi")
        run = bundle.compile(spec, "int x = y;\n", tmp_path / "x.o")
        assert run.status != 0
        assert "undeclared" in run.errors
        with pytest.raises(CallgateError, match="no way") as caught:
            bundle.preprocess(spec, "#error no way\n")
        assert "unit uapi" in (caught.value.where or "")
        assert "-nostdinc" in (caught.value.hint or "")

    def test_header_of(self, bundle: HeaderTree) -> None:
        """Paths become the names to include; what nobody includes has a marked name."""
        kernel, common = bundle.kernel_dirs
        assert bundle.header_of(f"{kernel}/asm/stat.h") == "asm/stat.h"
        assert bundle.header_of(f"{common}/linux/fcntl.h") == "linux/fcntl.h"
        assert bundle.header_of(f"{bundle.libc_dirs[1]}/fcntl.h") == "fcntl.h"
        assert (
            bundle.header_of(f"{bundle.data}/supplement/callgate/kernel.h") == "callgate/kernel.h"
        )
        assert bundle.header_of(f"{bundle.data}/shim/time.h") == "<prelude>"
        assert bundle.header_of("<built-in>") == "<prelude>"
        assert bundle.header_of("/cache/tmp/0123-stdin.c") == "<prelude>"
        assert bundle.header_of("/elsewhere/x.h") == "/elsewhere/x.h"

    def test_missing_folder(self, target: Target, tmp_path: Path) -> None:
        """A row whose folders the bundle lacks is an error that names the folder."""
        values = {name: getattr(target, name) for name in Target.__dataclass_fields__}
        wrong = Target(**(values | {"libc_includes": ("no-such-libc",)}))
        with pytest.raises(CallgateError, match="no no-such-libc"):
            open_tree(wrong, cache=tmp_path)

    def test_without_ziglang(
        self, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without the package the error says how to install it."""
        monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
        with pytest.raises(CallgateError, match="not installed") as caught:
            open_tree(target, cache=tmp_path)
        assert "ziglang==0.17.0" in (caught.value.hint or "")

    def test_cc_goes_with_sysroot(self, target: Target, tmp_path: Path) -> None:
        """Another compiler for the bundle's headers is refused."""
        with pytest.raises(CallgateError, match="goes with --sysroot"):
            open_tree(target, cache=tmp_path, compiler="gcc")


class TestSysroot:
    """Headers below a directory."""

    def test_units(self, open_sysroot: OpensSysroot) -> None:
        """The kernel's unit sees the target's asm and the shims, the other the C library."""
        tree = open_sysroot()
        assert tree.kernel_version() == "6.1.1"
        own, libc = tree.units
        assert tree.headers(own) == ("linux/a.h", "linux/version.h")
        assert tree.headers(libc) == ("c.h",)
        kernel = tree.preprocess(own, tree.source(own))
        assert "int asm_a;" in kernel
        assert "own_shim" in kernel
        assert "own_libc" not in kernel
        assert "own_libc c;" in tree.preprocess(libc, tree.source(libc))

    @pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed")
    def test_own_compiler(self, open_sysroot: OpensSysroot) -> None:
        """The compiler that --cc names, options and all, reads the headers."""
        tree = open_sysroot("gcc -DOWN=1")
        assert not tree.is_clang
        assert "own_libc c;" in tree.preprocess(tree.unit("c"), tree.source(tree.unit("c")))
        assert "yes" in tree.preprocess(tree.unit("own"), "#if OWN\nyes\n#endif\n", macros=False)

    @pytest.mark.parametrize(
        ("missing", "message"),
        [
            ("linux/version.h", "no usr/include/linux/version.h"),
            ("x86_64-linux-gnu/asm/unistd.h", "no asm/unistd.h for x86_64"),
        ],
    )
    def test_incomplete(
        self, open_sysroot: OpensSysroot, sysroot: Path, missing: str, message: str
    ) -> None:
        """A directory without the kernel's headers is an error that says what is missing."""
        (sysroot / "usr/include" / missing).unlink()
        with pytest.raises(CallgateError, match=message) as caught:
            open_sysroot()
        assert caught.value.where == f"--sysroot {sysroot}"

    def test_version_without_code(self, open_sysroot: OpensSysroot, sysroot: Path) -> None:
        """A version header without the version is an error."""
        (sysroot / "usr/include/linux/version.h").write_text("", encoding="utf-8")
        tree = open_sysroot()
        with pytest.raises(CallgateError, match="LINUX_VERSION_CODE"):
            tree.kernel_version()

    @pytest.mark.parametrize(
        ("compiler", "message"),
        [
            ("no-such-cc", "no such compiler"),
            ("", "no such compiler"),
            ("false", "does not work"),
            ("true", "does not compile for x86_64-linux-gnu"),
        ],
    )
    def test_wrong_compiler(self, open_sysroot: OpensSysroot, compiler: str, message: str) -> None:
        """A compiler that is missing, broken, or for another machine is an error."""
        with pytest.raises(CallgateError, match=message):
            open_sysroot(compiler)

    @pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed")
    def test_compiler_for_another_machine(self, open_sysroot: OpensSysroot) -> None:
        """A compiler whose types have other sizes is refused, with what it said."""
        with pytest.raises(CallgateError, match="are 4 4 1234, not 8 8 1234"):
            open_sysroot("gcc -m32")

    def test_fingerprint(self, open_sysroot: OpensSysroot, sysroot: Path) -> None:
        """The fingerprint changes when a header does, and not otherwise."""
        before = open_sysroot().fingerprint()
        assert open_sysroot().fingerprint() == before
        (sysroot / "usr/include/linux/a.h").write_text("int other;\n", encoding="utf-8")
        assert open_sysroot().fingerprint() != before

    def test_left_out(self, open_sysroot: OpensSysroot) -> None:
        """A header that is not in the parsed unit is named with the reason."""
        tree = open_sysroot()
        own = tree.unit("own")
        assert tree.left_out(own, ("linux/a.h",)) == {
            "linux/version.h": "it could not be read: see the failures"
        }
