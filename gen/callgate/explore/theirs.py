"""ljsyscall's own example of a server, which Debian's binary package leaves out.

It is read from Debian's source package whenever it is measured; nothing of it is kept.
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from callgate.machines.apt import Apt
from callgate.machines.model import Lacking
from callgate.machines.toolchain import HOST

if TYPE_CHECKING:
    from pathlib import Path

SUITE = "bookworm"
PACKAGE = "lua-ljsyscall"
EXAMPLE = "examples/epoll.lua"
PORT = "sockaddr_in(8000,"  # it listens on this port of 127.0.0.1 and no other


def example(port: int) -> str:
    """Return the example's text, listening on another port.

    It answers one request on a connection, whatever the request, closes it, and ends with an error
    when a client is gone early. Raises Lacking where the package cannot be had.
    """
    return with_port(_read(Apt(HOST, SUITE).archive(PACKAGE)), port)


def with_port(text: str, port: int) -> str:
    """Return the example's text with another port; raises Lacking when it has none."""
    if text.count(PORT) != 1:
        raise Lacking(f"{EXAMPLE} does not say {PORT} once", where=PACKAGE)
    return text.replace(PORT, f"sockaddr_in({port},")


def _read(archive: Path) -> str:
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name.endswith(f"/{EXAMPLE}"):
                file = tar.extractfile(member)
                if file is not None:
                    return file.read().decode()
    raise Lacking(f"the source package has no {EXAMPLE}", where=archive.name)
