"""What a root folder of LuaJIT and a C library lacks for the specs: a shell, users, names."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from callgate.machines.model import Job, Lacking

if TYPE_CHECKING:
    from callgate.machines.chroot import ChrootMachine

TOOLS = "busybox-static"  # the package; one static program that is /bin/sh, cat, stat...
SECONDS = 60

# The files of /etc that C libraries and specs read. Sources: passwd(5), group(5), hosts(5).
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}


def furnish(machine: ChrootMachine) -> None:
    """Link each of busybox' programs that the root lacks, and write its missing FILES; once."""
    root = machine.root
    marker = root / ".furnished"
    if marker.is_file():
        return
    for name in ("dev", "proc", "sys", "tmp", "run", "root", "callgate", "var/tmp", "etc"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        if not (root / name).exists():
            (root / name).write_text(text, encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="callgate-") as empty:
        (said,) = machine.execute(
            [Job("programs", ("/usr/bin/busybox", "--list"), seconds=SECONDS)], Path(empty)
        )
    if said.status != 0:
        raise Lacking(
            f"its programs do not run: {said.stderr.strip() or f'status {said.status}'}",
            where=f"{machine.run.name}: {root}",
            hint="delete the folder, so that it is made again",
        )
    for name in said.stdout.split():
        places = [root / folder / name for folder in ("usr/bin", "usr/sbin", "bin", "sbin")]
        if not any(path.is_symlink() or path.exists() for path in places):
            places[0].symlink_to("busybox")
    marker.touch()
