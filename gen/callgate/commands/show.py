"""``callgate show``: one name explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callgate.commands.common import chosen_targets, parsed
from callgate.errors import CallgateError
from callgate.explore.show import differing, nearest, show, untranslated

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Print what NAME means on the target or on every target, or one of the lists."""
    report.quiet = True
    names = [options.target] if options.target else []
    answers: dict[str, list[str]] = {}
    hint = ""
    for target in chosen_targets(names, everything=options.all):
        abi = parsed(target, report).abi
        if options.differing or options.untranslated:
            lines = differing(abi) if options.differing else untranslated(abi)
        else:
            lines = show(abi, options.name)
        if lines or options.name is None:
            answers[target.name] = lines
        else:
            hint = nearest(abi, options.name)
    if not answers:
        raise CallgateError(f"nothing is called {options.name!r}", hint=hint or None)
    if report.json:
        report.data(answers)
        return 0
    for name, lines in answers.items():
        if len(answers) > 1:
            report.result(f"{name}:")
        for line in lines:
            report.result(line)
    return 0
