"""A C library to link to that is not the compiler's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SYSROOT = "/sysroot"  # where a build sees the sysroot


@dataclass(frozen=True, slots=True)
class Libc:
    """A C library in a sysroot; paths are relative to it."""

    name: str  # ex) "musl 1.2.5"
    sysroot: Path
    include: str  # ex) "usr/include/arm-linux-musleabihf"
    lib: str  # crt1.o and libc.so are there, ex) "usr/lib/arm-linux-musleabihf"
    loader: str  # ex) "lib/ld-musl-armhf.so.1"
    runtime: tuple[str, ...]  # the files that programs need to run, the loader included
    identity: str  # of what it is made of, ex) the sysroot's name

    def specs(self) -> str:
        """Return a specs file that makes gcc use this library and nothing of its own but libgcc.

        The syntax is GCC's: "Specifying Subprocesses and the Switches to Pass to Them" in its
        manual. It is for programs that are linked to the shared library and not
        position-independent, so that crt1.o and crtbegin.o fit.
        """
        lib = f"{SYSROOT}/{self.lib}"
        linked = f"-nostdlib --sysroot={SYSROOT} -dynamic-linker /{self.loader} --eh-frame-hdr"
        parts = {
            "cpp_unique_options": f"%(old_cpp) -nostdinc -isystem {SYSROOT}/{self.include}"
            " -isystem include%s",
            "link": linked,
            "link_libgcc": f"-L{lib}",
            "libgcc": "libgcc.a%s libgcc_eh.a%s",
            "startfile": f"{lib}/crt1.o {lib}/crti.o crtbegin.o%s",
            "endfile": f"crtend.o%s {lib}/crtn.o",
        }
        text = [f"*{name}:\n{value}\n" for name, value in parts.items()]
        return "\n".join(["%rename cpp_unique_options old_cpp\n", *text])
