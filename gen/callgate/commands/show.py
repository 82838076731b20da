"""``callgate show``: one name explained."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from callgate import paths
from callgate.commands.common import at_hand, chosen_targets, parsed_all
from callgate.errors import CallgateError
from callgate.explore.libc import Pair, load_pairs
from callgate.explore.libcpage import libc_page
from callgate.explore.show import (
    differing,
    grouped,
    libc_list,
    libc_notes,
    nearest,
    show,
    untranslated,
)

if TYPE_CHECKING:
    import argparse

    from callgate.model import Abi
    from callgate.report import Reporter
    from callgate.targets import Target


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Print what NAME means on the target or on every target, or one of the lists."""
    report.quiet = True
    names = [options.target] if options.target else []
    targets = chosen_targets(names, everything=options.all)
    pairs = load_pairs(paths.data_dir("headers") / "libc.toml")
    if options.markdown:
        return _page(options, targets, pairs, report)
    if options.all:
        targets = at_hand(targets, report)
    answers = _answers(options, targets, pairs, report)
    if report.json:
        report.data(answers)
    elif options.all and options.name is not None:
        for line in grouped(answers, targets):
            report.result(line)
    else:
        _print(answers, report)
    return 0


def _answers(
    options: argparse.Namespace,
    targets: list[Target],
    pairs: tuple[Pair, ...],
    report: Reporter,
) -> dict[str, list[str]]:
    answers: dict[str, list[str]] = {}
    hint = ""
    models = parsed_all(targets, report)
    for target in targets:
        abi = models[target.name].abi
        lines = _answer(options, abi, target, pairs)
        if lines or options.name is None:
            answers[target.name] = lines
        else:
            hint = hint or nearest(abi, options.name)
    if not answers:
        raise CallgateError(f"nothing is called {options.name!r}", hint=hint or None)
    return answers


def _print(answers: dict[str, list[str]], report: Reporter) -> None:
    for name, lines in answers.items():
        if len(answers) > 1:
            report.result(f"{name}:")
        for line in lines:
            report.result(line)


def _answer(
    options: argparse.Namespace, abi: Abi, target: Target, pairs: tuple[Pair, ...]
) -> list[str]:
    if options.libc:
        return libc_list(abi, target.libc, pairs)
    if options.differing:
        return differing(abi)
    if options.untranslated:
        return untranslated(abi)
    return show(abi, options.name) + libc_notes(abi, target.libc, pairs, options.name)


def _page(
    options: argparse.Namespace, targets: list[Target], pairs: tuple[Pair, ...], report: Reporter
) -> int:
    if not options.libc:
        raise CallgateError("only the list of --libc is also a page", where="--markdown")
    targets = [target for target in targets if target.os == "linux"]
    models = {name: found.abi for name, found in parsed_all(targets, report).items()}
    sys.stdout.write(libc_page(models, targets, pairs))
    return 0
