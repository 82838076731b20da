"""Reading the spec tables: strict, with errors that name the file, the row and the nearest key."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar

from callgate.errors import CallgateError
from callgate.model import Argument
from callgate.spec.inference import read_inference
from callgate.spec.model import ArgumentSpec, CallSpec, Kind, Result, Spec, method_names
from callgate.spec.tables import Origins, read_folder, read_table
from callgate.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.resources.abc import Traversable

ARGUMENT = re.compile(
    r"(\w+)\s*:\s*([\w?]+)(?:\s+([\w.]+))?(?:\s*\+\s*([\w, ]+?))?(?:\s*=\s*(.+))?"
)
# What may stand in `pass`: an argument, a number, nil, constants (or-ed), the size of a record.
OPERAND = re.compile(
    r"-?\d+|nil|[a-z_]\w*|[A-Z]\w*(?:\s*\|\s*[A-Z]\w*)*|sizeof\((?:struct|union) \w+\)"
)
DESCRIPTORS = {"fd", "dirfd"}  # kinds
TABLES = ("groups", "inference", "kinds", "routes", "types", "wide")
FOLDERS = ("annotations", "operations")
CALL_KEYS = {
    "doc", "man", "call", "args", "pass", "returns", "method", "also", "behaviour", "symbol",
    "short",
}  # fmt: skip
GROUP_KEYS = {"prefix", "in", "except", "aliases", "names", "also"}
TYPE_KEYS = {"record", "module", "instead", "family", "prefix"}
ANNOTATION_KEYS = {
    "functions": {"params", "returns", "overloads", "example"},
    "types": {"new", "fields"},
    "classes": {"doc", "fields", "calls"},
}
ROUTE_KEYS = {"try", "arguments", "times", "socketcall", "ipc", "narrow", "written"}
TIMES = re.compile(r"[1-6] (?:in|out|both) (?:timespec|itimerspec|timespec_pair)")


def load_spec(folder: Traversable | None = None) -> Spec:
    """Load the package's tables, or those of another folder.

    Raises CallgateError with the file and row of what is wrong.
    """
    folder = folder or resources.files("callgate") / "spec"
    table = _read_files(folder)
    annotations, origins = read_folder(folder / "annotations")
    operations, _ = read_folder(folder / "operations")
    kinds = _build(Kind, table["kinds"]["arguments"])
    results = _build(Result, table["kinds"]["results"])
    for name, keys, needed in (
        ("groups", GROUP_KEYS, {"prefix", "in"}),
        ("types", TYPE_KEYS, set()),
        ("routes", ROUTE_KEYS, set()),
    ):
        for row, values in table[name].items():
            _check_keys(values, keys, needed, f"spec/{name}.toml: [{row}]")
    for name, row in table["routes"].items():
        for text in row.get("times", ()):
            if TIMES.fullmatch(text) is None:
                where = f"spec/routes.toml: [{name}] times"
                raise CallgateError(f"cannot read {text!r}", where=where, hint='"2 out timespec"')
    rows = _Rows(kinds, results, table["groups"])
    calls = [
        rows.call(family, name, row)
        for family in sorted(set(table) - set(TABLES))
        for name, row in table[family].items()
    ]
    _check_names(calls)
    _check_annotations(annotations, origins, calls, table["types"], kinds)
    inference = read_inference(table["inference"])
    for rule in inference.rules:
        where = f"spec/inference.toml: {', '.join(rule.types)}: {', '.join(rule.names)}"
        _check(rule.kind, kinds, "kind", where)
        if kinds[rule.kind].extra not in {None, "argument"} or (
            kinds[rule.kind].extra is not None and not rule.before
        ):
            raise CallgateError(f"kind {rule.kind!r} needs more than a prototype says", where=where)
    return Spec(
        calls=tuple(calls),
        groups=table["groups"],
        types=table["types"],
        kinds=kinds,
        results=results,
        letters={
            name: letter for letter, names in table["kinds"]["c_types"].items() for name in names
        },
        inference=inference,
        operations=operations,
        routes=table["routes"],
        wide={
            entry: tuple(_declared(text) for text in arguments)
            for entry, arguments in table["wide"].items()
        },
        annotations=annotations,
    )


def _read_files(folder: Traversable) -> dict[str, dict[str, Any]]:
    """Return the tables that are files by name; raises CallgateError when anything is missing."""
    files = {
        item.name.removesuffix(".toml"): item
        for item in folder.iterdir()
        if item.name.endswith(".toml")
    }
    for name in TABLES:
        if name not in files:
            raise CallgateError("the table is missing", where=f"spec/{name}.toml")
    for name in FOLDERS:
        if not (folder / name).is_dir():
            raise CallgateError("the folder of tables is missing", where=f"spec/{name}")
    return {name: read_table(path) for name, path in files.items()}


def _declared(text: str) -> Argument:
    """Return ``const char * path`` as an argument."""
    c_type, _, name = text.rpartition(" ")
    return Argument(name, c_type)


T = TypeVar("T", Kind, Result)


def _build(kind: type[T], rows: Mapping[str, Any]) -> dict[str, T]:
    """Return the rows of kinds.toml as values."""
    known = {item.name for item in fields(kind)} - {"name"}
    needed = {item.name for item in fields(kind) if item.default is MISSING} - {"name"}
    for name, row in rows.items():
        _check_keys(row, known, needed, f"spec/kinds.toml: {name}")
    return {name: kind(name=name, **row) for name, row in rows.items()}


def _check_keys(row: Mapping[str, Any], known: set[str], needed: set[str], where: str) -> None:
    for key in row:
        _check(key, known, "key", where)
    for key in sorted(needed - set(row)):
        raise CallgateError(f"no {key!r}", where=where)


class _Rows:
    """Reads rows of calls against the other tables."""

    def __init__(
        self,
        kinds: Mapping[str, Kind],
        results: Mapping[str, Result],
        groups: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._kinds = kinds
        self._results = results
        self._groups = groups

    def call(self, family: str, name: str, row: Mapping[str, Any]) -> CallSpec:
        """Return the row as a CallSpec; raises CallgateError on whatever is not understood."""
        where = f"spec/{family}.toml: [{name}]"
        _check_keys(row, CALL_KEYS, set(), where)
        if "doc" not in row:
            raise CallgateError("no doc: say in one line what the call does", where=where)
        args = tuple(self._argument(text, where) for text in row.get("args", ()))
        names = [arg.name for arg in args]
        for arg in args:
            self._check_extra(arg, names, where)
        passed = tuple(str(item) for item in row.get("pass", names))
        for item in passed:
            _check_operand(item, names, where)
        short = row.get("short", {})
        if short:
            _check_keys(short, {"call", "pass"}, {"call", "pass"}, f"{where} short")
        for item in short.get("pass", ()):
            _check_operand(item, names, f"{where} short")
        returns, _, returned = row.get("returns", "true").partition(" ")
        _check(returns, self._results, "result", where)
        if returns == "argument":
            _check(returned, names, "argument", where)
        if returns == "bytes":
            _check("bytes", [arg.kind for arg in args], "argument of the kind", where)
        takes_fd = bool(args) and args[0].kind in DESCRIPTORS
        return CallSpec(
            name=name,
            family=family,
            doc=row["doc"],
            man=row.get("man", f"{name}(2)"),
            call=row.get("call", name),
            args=args,
            passed=passed,
            returns=returns,
            returned=returned or None,
            methods=tuple(row.get("method", method_names(name) if takes_fd else ())),
            also=tuple(row.get("also", ())),
            behaviour=row.get("behaviour"),
            symbol=row.get("symbol"),
            short=short.get("call"),
            short_passed=tuple(short.get("pass", ())),
        )

    def _argument(self, text: str, where: str) -> ArgumentSpec:
        found = ARGUMENT.fullmatch(text.strip())
        if found is None:
            raise CallgateError(
                f"cannot read the argument {text!r}",
                where=where,
                hint='write "name: kind", "name: kind EXTRA", "name: kind EXTRA + flags" '
                'or "... = default"',
            )
        _check(found[2], self._kinds, "kind", f"{where} {found[1]}")
        return ArgumentSpec(found[1], found[2], found[3], found[4], found[5])

    def _check_extra(self, arg: ArgumentSpec, names: list[str], where: str) -> None:
        where = f"{where} {arg.name}"
        extra = self._kinds[arg.kind].extra
        if extra is None and arg.extra is not None:
            raise CallgateError(
                f"kind {arg.kind!r} takes no word after it: {arg.extra!r}", where=where
            )
        if extra is not None and arg.extra is None:
            raise CallgateError(
                f"kind {arg.kind!r} needs the name of a {extra} after it", where=where
            )
        if extra == "group":
            _check(arg.extra or "", self._groups, "group", where)
        elif extra == "argument":
            _check(arg.extra or "", names, "argument", where)
        elif extra == "size" and not (arg.extra or "").isdigit():
            raise CallgateError(f"expected a number of bytes, got {arg.extra!r}", where=where)
        if arg.added and extra != "group":
            raise CallgateError(
                f"kind {arg.kind!r} has no flags to add: + {arg.added}", where=where
            )


def _check_operand(item: str, names: list[str], where: str) -> None:
    if OPERAND.fullmatch(item) is None:
        raise CallgateError(
            f"cannot read {item!r} in pass",
            where=where,
            hint="an argument, a number, nil, CONSTANT, ONE | TWO or sizeof(struct name)",
        )
    if re.fullmatch(r"[a-z_]\w*", item) and item != "nil":
        _check(item, names, "argument", f"{where} pass")


def _check_names(calls: Iterable[CallSpec]) -> None:
    """Raise where two rows give the same function or the same method."""
    functions: dict[str, CallSpec] = {}
    methods: dict[str, CallSpec] = {}
    for call in calls:
        for known, names, what in (
            (functions, (call.name, *call.also), "function"),
            (methods, call.methods, "method"),
        ):
            for name in names:
                if name in known:
                    raise CallgateError(
                        f"{what} {name!r} is already declared at {known[name].where}",
                        where=call.where,
                        hint="give one of them another name, or method = []",
                    )
                known[name] = call


def _check_annotations(
    table: Mapping[str, Any],
    origins: Origins,
    calls: Iterable[CallSpec],
    types: Iterable[str],
    kinds: Iterable[str],
) -> None:
    """Raise where the annotations speak of what the other tables do not have."""
    rows = {call.name: call for call in calls}
    for section, keys in ANNOTATION_KEYS.items():
        for name, row in table[section].items():
            _check_keys(row, keys, set(), f"{origins[section, name]}: [{section}] {name}")
    for name, row in table["functions"].items():
        where = f"{origins['functions', name]}: [functions] {name}"
        _check(name, rows, "function", where)
        for param in row.get("params", ()):
            _check(param, [arg.name for arg in rows[name].args], "argument", where)
    for name in table["types"]:
        _check(name, types, "type", f"{origins['types', name]}: [types.{name}]")
    for name in table["kinds"]:
        _check(name, kinds, "kind", f"{origins['kinds', name]}: [kinds]")


def _check(word: str, known: Iterable[str], what: str, where: str) -> None:
    known = list(known)
    if word not in known:
        near = suggest(word, known)
        hint = near or f"known: {', '.join(sorted(known)) or 'none'}"
        raise CallgateError(f"unknown {what} {word!r}", where=where, hint=hint)
