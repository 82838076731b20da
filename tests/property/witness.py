"""C compilers as judges of random text: they compile it, and the object file has the answers."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from callgate import paths, tree
from callgate.abi.layout import Layout
from callgate.abi.scope import Scope
from callgate.parse.declarations import DeclarationParser
from callgate.parse.preprocess import Splitter
from callgate.targets import DataModel, load_data_models
from callgate.verify.objects import DataObjects, read_objects

PREFIX = "callgate_"
NUMBERS = f"{PREFIX}numbers"

# What the bundle's clang calls the machine of each data model.
CLANG_TARGETS = {
    "x86_64": "x86_64-linux-gnu",
    "i386": "x86-linux-gnu",
    "arm": "arm-linux-gnueabihf",
    "aarch64": "aarch64-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "loongarch64": "loongarch64-linux-gnu",
    "mips": "mips-linux-gnueabihf",
    "mipsel": "mipsel-linux-gnueabihf",
    "mips64": "mips64-linux-gnuabi64",
    "mips64el": "mips64el-linux-gnuabi64",
    "powerpc": "powerpc-linux-musleabihf",
    "powerpc64le": "powerpc64le-linux-gnu",
    "s390x": "s390x-linux-gnu",
}
GCC = Path("/usr/bin/gcc")


@dataclass(frozen=True)
class Witness:
    """A C compiler, and the data model that it compiles for."""

    name: str  # ex) "clang-arm"
    command: tuple[str, ...]
    data_model: DataModel

    @property
    def is_gcc(self) -> bool:
        """Tell whether it is GCC; the others are clang."""
        return self.name.startswith("gcc-")

    def compile(self, text: str, folder: Path) -> DataObjects:
        """Return the constant data of ``text``; fails the test on a compiler's error."""
        output = folder / f"{self.name}.o"
        done = subprocess.run(
            [*self.command, "-w", "-g0", "-c", "-x", "c", "-", "-o", str(output)],
            input=text,
            text=True,
            capture_output=True,
            check=False,
            env={
                **os.environ,
                "LC_ALL": "C",
                "ZIG_GLOBAL_CACHE_DIR": str(folder / "zig"),
                "ZIG_LOCAL_CACHE_DIR": str(folder / "zig"),
            },
        )
        assert done.returncode == 0, f"{self.name} rejects:\n{done.stderr}\n{text}"
        return read_objects(output, PREFIX)


@cache
def witnesses() -> dict[str, Witness]:
    """Return the witnesses of this machine by name."""
    models = load_data_models(paths.data_dir("headers") / "targets.toml")
    spec = importlib.util.find_spec("ziglang")
    assert spec is not None
    assert spec.origin is not None
    zig = str(Path(spec.origin).parent / "zig")
    found = [
        Witness(f"clang-{name}", (zig, "cc", "-target", target), models[name])
        for name, target in CLANG_TARGETS.items()
    ]
    if GCC.exists() and _machine(GCC).startswith("x86_64-"):
        found.append(Witness("gcc-x86_64", (str(GCC), "-m64"), models["x86_64"]))
        found.append(Witness("gcc-i386", (str(GCC), "-m32"), models["i386"]))
    return {item.name: item for item in found}


def _machine(compiler: Path) -> str:
    done = subprocess.run(
        [str(compiler), "-dumpmachine"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def parsed(text: str) -> tuple[DeclarationParser, list[tree.Declaration]]:
    """Return the declarations of ``text`` and the parser that knows their typedefs."""
    split = Splitter("test", lambda path: path).split(f'# 1 "t.h"\n{text}')
    assert not split.failures
    parser = DeclarationParser("test")
    declarations: list[tree.Declaration] = []
    for chunk in split.chunks:
        found, failure = parser.parse(chunk)
        assert failure is None, failure
        declarations += found
    return parser, declarations


def layout_of(text: str, data_model: DataModel) -> tuple[DeclarationParser, Layout]:
    """Return the layouts of ``text`` on one machine, and the parser that knows its typedefs."""
    parser, declarations = parsed(text)
    return parser, Layout(Scope.of(declarations), data_model)
