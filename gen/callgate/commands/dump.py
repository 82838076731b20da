"""``callgate dump``: the ABI model as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from callgate.commands.common import chosen_targets, parsed
from callgate.explore.dump import dump
from callgate.files import atomic_file

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Write the model of one target."""
    (target,) = chosen_targets([options.target])
    text = json.dumps(dump(parsed(target, report).abi), indent=1, ensure_ascii=False) + "\n"
    if options.output is None:
        sys.stdout.write(text)
        return 0
    with atomic_file(options.output) as path:
        path.write_text(text, encoding="utf-8")
    return 0
