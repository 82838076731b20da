"""``callgate doctor``: what this machine has and lacks, and the command that mends it."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING

from callgate import __version__, paths, tools
from callgate.errors import CallgateError

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter

# Python packages that generating needs: name and what for
PACKAGES = {
    "ziglang": "headers, first witness",
    "pycparser": "parses C",
    "jinja2": "renders Lua",
    "pyelftools": "reads object files",
    "lupa": "embedded LuaJIT",
    "rich": "progress and tables",
}
NEED = {"yes": "is needed", "tests": "is needed by callgate test", "no": "would help"}
TESTING = {"pytest": "runs the tests", "ruff": "lints Python", "mypy": "checks types"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked for."""

    name: str  # ex) "strace"
    purpose: str  # ex) "witness of system calls"
    found: str  # ex) "strace -- version 6.1"; "" when it is lacking
    needed: str  # "yes" to generate, "tests" by `callgate test`, "no" for what merely helps
    remedy: str = ""  # ex) "apt-get install -y strace"; "" when nothing is lacking


def run(_options: argparse.Namespace, report: Reporter) -> int:
    """Print what was found; return 1 when something is lacking that generating needs."""
    findings = [*_python(), *_programs(), _cache()]
    lacking = [finding for finding in findings if not finding.found]
    if report.json:
        report.data([asdict(finding) for finding in findings])
    else:
        rows = [
            (finding.name, finding.purpose, finding.needed, finding.found or "lacking")
            for finding in findings
        ]
        report.print_table(("what", "what for", "needed", "found"), rows, stream=sys.stdout)
        for finding in lacking:
            report.result(f"{finding.name} {NEED[finding.needed]}: {finding.remedy}")
        if not lacking:
            report.result("nothing is lacking")
    return 1 if any(finding.needed == "yes" for finding in lacking) else 0


def _python() -> list[Finding]:
    findings = [
        Finding("callgate", "this program", f"{__version__}, {paths.PACKAGE}", "yes"),
        Finding("Python", "runs it", f"{sys.version.split()[0]}, {sys.executable}", "yes"),
    ]
    for packages, needed in ((PACKAGES, "yes"), (TESTING, "tests")):
        for name, purpose in packages.items():
            try:
                found = metadata.version(name)
            except metadata.PackageNotFoundError:
                found = ""
            remedy = "" if found else _python_remedy(name)
            findings.append(Finding(name, purpose, found, needed, remedy))
    return findings


def _python_remedy(name: str) -> str:
    root = paths.checkout()
    return f"rm -rf {root / '.venv'}, then run ./callgate" if root else f"pip install {name}"


def _programs() -> list[Finding]:
    findings = []
    for tool in tools.TOOLS:
        path = tools.find(tool)
        version = tools.version_of(tool, path) if path else ""
        found = f"{version}, {path}" if version else ""
        remedy = "install it with your distribution's package manager"
        if tool.packages:
            remedy = tools.install_command(list(tool.packages))
        needed = "tests" if tool.for_tests else "no"
        findings.append(Finding(tool.name, tool.purpose, found, needed, "" if found else remedy))
    there = tools.has_ljsyscall()
    findings.append(
        Finding(
            "ljsyscall",
            "loaded beside the library",
            "installed" if there else "",
            "tests",
            "" if there else tools.install_command([tools.LJSYSCALL_PACKAGE]),
        )
    )
    if not tools.luajit():
        embedded = "lupa.luajit21" if find_spec("lupa") and find_spec("lupa.luajit21") else ""
        remedy = "" if embedded else "pip install lupa"
        findings.append(Finding("embedded LuaJIT", "runs the library", embedded, "yes", remedy))
    return findings


def _cache() -> Finding:
    try:
        return Finding("cache", "fast repeated runs", str(paths.cache_dir()), "yes")
    except CallgateError as error:
        return Finding("cache", "fast repeated runs", "", "yes", " ".join(str(error).split()))
