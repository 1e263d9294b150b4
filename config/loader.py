"""Fills the settings: defaults < TOML file < environment < flags. The only place that reads the environment.

Every source is read to its end, so that one ``ConfigError`` lists all that is wrong in all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import platformdirs
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.consistency import findings
from config.layers import CONFIG_VARIABLE, Assignment, Layer, from_environment, from_file, from_overrides
from config.problems import ConfigError, Problem, mask_passwords
from config.settings import Settings
from config.toml_file import read_toml
from config.tree import Key, Kind, Leaf, NamedTables, Node, Table, node_at, settings_tree

DEFAULT = "default"
REPLACED_WHEN_NAMED = frozenset({("schedules",)})
"""Named tables whose default entries go away as soon as any entry is named."""
NAMED_TABLES: tuple[Key, ...] = (("schedules",), ("deadline", "estimates"))


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and where each came from.

    Attributes:
        sources: by dotted key: ``default``, ``/etc/predawn.toml:12``, ``env PREDAWN_HOME``, ``flag``.
        config_file: the TOML file that was read, or None.
    """

    settings: Settings
    sources: Mapping[str, str]
    config_file: Path | None = None


def default_config_file() -> Path:
    """Where the TOML file is looked for when nothing names one."""
    return platformdirs.user_config_path("predawn") / "predawn.toml"


def default_home() -> Path:
    """The data folder when nothing names one."""
    return platformdirs.user_state_path("predawn")


def load_settings(
    *,
    config_file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Loaded:
    """Load the settings.

    Args:
        config_file: a TOML file; default: ``PREDAWN_CONFIG``, else the platform's configuration folder if there is
            one. A file that is named must be there.
        environ: the environment; default: this process's.
        overrides: flags, as dotted keys or nested tables; None values are flags that were not given.

    Raises:
        ConfigError: lists every problem with its place, key and remedy.
    """
    environ = os.environ if environ is None else environ
    here = Path.cwd()
    problems: list[Problem] = []
    assignments: list[Assignment] = []

    def take(layer: Layer) -> None:
        for item in layer:
            (problems if isinstance(item, Problem) else assignments).append(cast("Any", item))

    path = _config_file(config_file, environ)
    if path is not None:
        file = read_toml(path)
        if isinstance(file, Problem):
            problems.append(file)
        else:
            take(from_file(file))
    take(from_environment(environ, _names(assignments), base=here))
    take(from_overrides(overrides or {}, base=here))

    settings, wrong = _validate(assignments)
    problems += wrong
    if problems or settings is None:
        raise ConfigError(_in_order(problems))
    return Loaded(settings, _sources(settings, assignments), path)


def _config_file(named: Path | None, environ: Mapping[str, str]) -> Path | None:
    if named is not None:
        return named.expanduser()
    if environ.get(CONFIG_VARIABLE):
        return Path(environ[CONFIG_VARIABLE]).expanduser()
    usual = default_config_file()
    return usual if usual.is_file() else None


def _names(assignments: Iterable[Assignment]) -> dict[Key, frozenset[str]]:
    """The names in use in each table of named tables, by default or by a file."""
    names: dict[Key, frozenset[str]] = {}
    for table in NAMED_TABLES:
        node = node_at(table)
        default: Mapping[str, BaseModel] = node.default if isinstance(node, NamedTables) else {}
        given = {item.key[len(table)] for item in assignments if len(item.key) > len(table) and _under(item.key, table)}
        names[table] = frozenset({*default, *given})
    return names


def _under(key: Key, table: Key) -> bool:
    return key[: len(table)] == table


def _validate(assignments: list[Assignment]) -> tuple[Settings | None, list[Problem]]:
    """The settings and everything that is wrong with them.

    After a bad value the rest is validated with that value's default, so that the checks over several settings are
    made as well, except those that the bad value takes part in.
    """
    try:
        settings = Settings.model_validate(_tree(assignments))
    except ValidationError as error:
        details = error.errors(include_url=False)
    else:
        return settings, _inconsistent(settings, assignments, skip=frozenset())
    problems = [_problem(detail, assignments) for detail in details]
    # What is missing cannot be left out: its table is.
    bad = {_key(detail)[:-1] if detail["type"] == "missing" else _key(detail) for detail in details}
    rest = [item for item in assignments if not any(_under(item.key, key) or _under(key, item.key) for key in bad)]
    try:
        settings = Settings.model_validate(_tree(rest))
    except ValidationError:
        return None, problems
    return None, problems + _inconsistent(settings, rest, skip=frozenset(".".join(key) for key in bad))


def _inconsistent(settings: Settings, assignments: list[Assignment], *, skip: frozenset[str]) -> list[Problem]:
    where = {".".join(item.key): item.where for item in assignments}
    problems: list[Problem] = []
    for finding in findings(settings):
        if skip.isdisjoint(finding.keys):
            # Only a key that somebody set can be changed by somebody: point at that one.
            key = next((key for key in finding.keys if key in where), finding.keys[0])
            message = finding.message if key == finding.keys[0] else f"{finding.keys[0]}: {finding.message}"
            problems.append(Problem(where.get(key, DEFAULT), key, message))
    return problems


def _tree(assignments: list[Assignment]) -> dict[str, Any]:
    """The defaults with the assignments laid over them, as nested tables."""
    tree = cast("dict[str, Any]", _plain(Settings(home=default_home()), settings_tree()))
    for table in REPLACED_WHEN_NAMED:
        named = {item.key[len(table)] for item in assignments if len(item.key) > len(table) and _under(item.key, table)}
        if named:
            *parents, last = table
            node = tree
            for part in parents:
                node = node[part]
            node[last] = {name: entry for name, entry in node[last].items() if name in named}
    for item in assignments:
        *parents, last = item.key
        node = tree
        for part in parents:
            node = node.setdefault(part, {})
        if isinstance(node_at(item.key), Leaf):
            node[last] = item.value
        else:
            node.setdefault(last, {})
    return tree


def _plain(value: Any, node: Node) -> Any:
    match node:
        case Table(fields=fields):
            return {name: _plain(getattr(value, name), child) for name, child in fields.items()}
        case NamedTables(entry=entry):
            return {name: _plain(item, entry) for name, item in cast("dict[str, BaseModel]", value).items()}
        case Leaf():
            return value


def _key(detail: ErrorDetails) -> Key:
    """The setting that an error is about: the index inside a list and the marks of keys are left out."""
    key: Key = ()
    for part in detail["loc"]:
        if node_at((*key, str(part))) is None:
            break
        key = (*key, str(part))
    return key


def _problem(detail: ErrorDetails, assignments: list[Assignment]) -> Problem:
    key = _key(detail)
    node = node_at(key)
    where = next((item.where for item in reversed(assignments) if _under(item.key, key) or _under(key, item.key)), "")
    dotted = ".".join(key)
    if detail["type"] == "missing":
        return Problem(where, dotted, "is required here")
    if not isinstance(node, Leaf) and detail["type"] == "value_error":
        return Problem(where, dotted, mask_passwords(detail["msg"].removeprefix("Value error, ")))
    if not isinstance(node, Leaf):
        return Problem(where, dotted, f"{key[-1]!r} is no name; use a-z, 0-9, - and _, at most 64, no - or _ first")
    said = detail["msg"].removeprefix("Value error, ")
    shown = "********" if node.kind is Kind.SECRET else repr(detail["input"])
    if detail["type"] == "value_error":
        message = said
    elif node.kind in {Kind.TEXT, Kind.LIST, Kind.TABLES, Kind.SECRET, Kind.OBJECT, Kind.PATH}:
        message = f"{shown} is not accepted: {said[:1].lower()}{said[1:]}; it takes {node.accepts}"
    else:
        message = f"{shown} is not {node.accepts}"
    return Problem(where, dotted, mask_passwords(message))


def _in_order(problems: list[Problem]) -> list[Problem]:
    """By place (lines as numbers), each once."""

    def place(problem: Problem) -> tuple[str, int]:
        path, _, line = problem.where.rpartition(":")
        return (path, int(line)) if line.isdigit() else (problem.where, 0)

    return sorted(dict.fromkeys(problems), key=place)


def _sources(settings: Settings, assignments: list[Assignment]) -> dict[str, str]:
    set_by = {item.key: item.where for item in assignments}
    sources: dict[str, str] = {}

    def visit(value: Any, node: Node, key: Key) -> None:
        match node:
            case Table(fields=fields):
                for name, child in fields.items():
                    visit(getattr(value, name), child, (*key, name))
            case NamedTables(entry=entry):
                for name, item in cast("dict[str, BaseModel]", value).items():
                    visit(item, entry, (*key, name))
            case Leaf():
                sources[".".join(key)] = set_by.get(key, DEFAULT)

    visit(settings, settings_tree(), ())
    return sources
