"""``callgate bind``: any C header as one Lua file, verified like the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callgate.bind.binding import bind
from callgate.bind.request import Request
from callgate.commands.common import chosen_targets
from callgate.files import atomic_file

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Parse, verify, write; the old file stays if any step fails."""
    request = Request(
        tuple(options.headers),
        tuple(options.include),
        tuple(options.exclude),
        tuple(options.prefix),
        tuple(options.library),
        tuple(options.define),
        tuple(options.folder),
        options.by_abi,
    )
    targets = chosen_targets(list(dict.fromkeys(options.target)), everything=options.all)
    if options.all:
        targets = [target for target in targets if target.in_library]
    binding = bind(request, targets, report)
    text = binding.text()
    with atomic_file(options.output) as path:
        path.write_text(text, encoding="utf-8")
    return 0
