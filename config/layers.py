"""Turns a source of settings (a TOML file, the environment, flags) into assignments of single keys.

A source is walked along the shape of the settings, so that each unknown key is found with its place and the nearest
key that exists, and each value is read as its setting needs it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from config.problems import Problem, did_you_mean
from config.toml_file import TomlFile
from config.tree import Key, Kind, Leaf, NamedTables, Node, Table, known_keys, leaves, node_at, settings_tree

PREFIX = "PREDAWN_"
TEST_PREFIX = "PREDAWN_TEST_"
"""Variables with this prefix steer the test suite (which database server to use); they are no settings."""
CONFIG_VARIABLE = "PREDAWN_CONFIG"
SHORT_NAMES: Mapping[str, Key] = {"PREDAWN_HOME": ("home",), "PREDAWN_DATABASE_URL": ("database", "url")}
"""Variables with a name of their own, beside ``PREDAWN_<SECTION>__<KEY>``."""
FILE_SUFFIX = "_FILE"
NOT_SET = frozenset({"", "none"})


@dataclass(frozen=True, slots=True)
class Assignment:
    """One key gets a value. A ``value`` of ``{}`` for a named table only says that the table is there."""

    key: Key
    value: Any
    where: str


Layer = Iterator[Assignment | Problem]
Where = Callable[[Key], str]


def from_file(file: TomlFile) -> Layer:
    """What a TOML file sets. Relative paths are meant from the file's folder."""
    yield from _walk(file.values, settings_tree(), (), file.where, base=file.path.absolute().parent, from_text=False)


def from_overrides(overrides: Mapping[str, Any], *, base: Path) -> Layer:
    """What flags set: nested tables, dotted keys, or both. None means that the flag was not given."""
    nested: dict[str, Any] = {}
    for dotted, value in overrides.items():
        *parents, last = dotted.split(".")
        table = nested
        for part in parents:
            table = table.setdefault(part, {})
        if isinstance(value, Mapping) and isinstance(table.get(last), dict):
            table[last].update(value)
        elif value is not None:
            table[last] = value
    yield from _walk(nested, settings_tree(), (), lambda _: "flag", base=base, from_text=True)


def from_environment(environ: Mapping[str, str], names: Mapping[Key, frozenset[str]], *, base: Path) -> Layer:
    """What ``PREDAWN_…`` variables set.

    Args:
        environ: the environment.
        names: for each table of named tables the names that are in use (``manim-api``), since a variable cannot
            spell a hyphen: ``PREDAWN_DEADLINE__ESTIMATES__MANIM_API__P50_S``.
        base: what relative paths are relative to.
    """
    seen: dict[Key, str] = {}
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        if variable == CONFIG_VARIABLE or variable.startswith(TEST_PREFIX):
            continue
        key, is_file = _key_of(variable, names)
        node = node_at(key)
        if node is None:
            hint = did_you_mean(variable, variables(), separator="__", prefix=PREFIX)
            yield Problem(f"env {variable}", "", f"is no setting{hint}")
            continue
        if key in seen:
            yield Problem(f"env {variable}", ".".join(key), f"is also set by {seen[key]}; keep one of them")
            continue
        seen[key] = variable
        text = _content(variable, environ[variable], key) if is_file else environ[variable]
        if isinstance(text, Problem):
            yield text
            continue
        value = text if isinstance(node, Leaf) else _scalar(text)
        where = f"env {variable}"
        yield from _walk_node(value, node, key, lambda _, place=where: place, base=base, from_text=True)


def variables() -> list[str]:
    """Every variable that is known by name."""
    keys = [variable_of(tuple(key.split("."))) for key in known_keys()]
    secrets = [f"{variable_of(key)}{FILE_SUFFIX}" for key, leaf in leaves() if leaf.kind is Kind.SECRET]
    return [*SHORT_NAMES, CONFIG_VARIABLE, *keys, *secrets]


def variable_of(key: Key) -> str:
    """The variable that sets a key: ``PREDAWN_QUEUE__LEASE_S``."""
    return PREFIX + "__".join(part.replace("-", "_").upper() for part in key)


def _key_of(variable: str, names: Mapping[Key, frozenset[str]]) -> tuple[Key, bool]:
    """The key that a variable sets, and whether its value is in a file that the variable names."""
    key = SHORT_NAMES.get(variable) or _path(variable, names)
    if node_at(key) is None and variable.endswith(FILE_SUFFIX):
        stem = variable.removesuffix(FILE_SUFFIX)
        named = SHORT_NAMES.get(stem) or _path(stem, names)
        node = node_at(named)
        if isinstance(node, Leaf) and (node.kind is Kind.SECRET or named == SHORT_NAMES["PREDAWN_DATABASE_URL"]):
            return named, True
    return key, False


def _path(variable: str, names: Mapping[Key, frozenset[str]]) -> Key:
    key: Key = ()
    for part in variable.removeprefix(PREFIX).lower().split("__"):
        known = names.get(key, frozenset())
        key = (*key, next((name for name in known if name.replace("-", "_") == part), part))
    return key


def _content(variable: str, path: str, key: Key) -> str | Problem:
    where, dotted = f"env {variable}", ".".join(key)
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Problem(where, dotted, f"the file {path!r} that it names cannot be read: {reason}")
    return text or Problem(where, dotted, f"the file {path!r} that it names is empty")


def _walk(
    values: Mapping[str, Any], table: Table | NamedTables, key: Key, where: Where, *, base: Path, from_text: bool
) -> Layer:
    for name, value in values.items():
        child = table.entry if isinstance(table, NamedTables) else table.fields.get(name)
        here = (*key, name)
        if child is None:
            dotted = ".".join(here)
            yield Problem(where(here), dotted, f"there is no such setting{did_you_mean(dotted, known_keys())}")
        else:
            if isinstance(table, NamedTables):
                yield Assignment(here, {}, where(here))
            yield from _walk_node(value, child, here, where, base=base, from_text=from_text)


def _walk_node(value: Any, node: Node, key: Key, where: Where, *, base: Path, from_text: bool) -> Layer:
    dotted = ".".join(key)
    match node:
        case Leaf():
            read = _read(value, node, base=base, from_text=from_text)
            yield (
                Problem(where(key), dotted, f"{_shown(value, node)} is not {node.accepts}")
                if read is _BAD
                else Assignment(key, read, where(key))
            )
        case Table() | NamedTables() if isinstance(value, Mapping):
            yield from _walk(cast("Mapping[str, Any]", value), node, key, where, base=base, from_text=from_text)
        case _:
            inside = ", ".join(node.fields) if isinstance(node, Table) else "NAME = {…}"
            yield Problem(where(key), dotted, f"is a table, not {value!r}; it holds {inside}")


_BAD = object()


def _read(value: Any, leaf: Leaf, *, base: Path, from_text: bool) -> Any:
    """The value as the model takes it; ``_BAD`` where the model would take something that was not meant."""
    if isinstance(value, str):
        if leaf.optional and value.strip().lower() in NOT_SET:
            return None
        value = _from_text(value, leaf) if from_text else value
    match leaf.kind:
        case Kind.PATH if isinstance(value, str | Path) and str(value):
            return base / Path(value).expanduser()
        case Kind.PATH:
            return _BAD
        case Kind.NUMBER | Kind.INTEGER if isinstance(value, bool):
            return _BAD
        case Kind.LIST | Kind.TABLES if isinstance(value, str):
            return _BAD
        case _:
            return value


def _from_text(text: str, leaf: Leaf) -> Any:
    match leaf.kind:
        case Kind.NUMBER | Kind.INTEGER | Kind.SWITCH | Kind.OBJECT | Kind.TABLES:
            return _scalar(text)
        case Kind.LIST:
            value = _scalar(text)
            return [part for part in re.split(r"[\s,]+", text) if part] if isinstance(value, str) else value
        case _:
            return text


def _scalar(text: str) -> Any:
    """A text as a TOML value or a JSON one; the text itself when it is neither."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        pass
    else:
        if len(parsed) == 1:
            return parsed["value"]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _shown(value: Any, leaf: Leaf) -> str:
    return "********" if leaf.kind is Kind.SECRET else repr(value)
