"""The shape of the settings: which keys there are, what each takes, and its documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from config.docstrings import field_docs
from config.settings import Settings

Key = tuple[str, ...]
ANY_NAME = "NAME"
"""Stands in a key for the name of an entry the operator chooses: ``schedules.NAME.cron``."""


class Kind(Enum):
    """What a setting takes."""

    TEXT = "text"
    PATH = "a path"
    SECRET = "text (secret)"  # noqa: S105 - a description
    CLOCK = 'a time of day, "HH:MM"'
    NUMBER = "a number"
    INTEGER = "a whole number"
    SWITCH = "true or false"
    CHOICE = "one of several words"
    LIST = "a list of names"
    TABLES = "a list of tables"
    OBJECT = "a table"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One setting.

    Attributes:
        optional: ``"none"`` is accepted and means that it is not set.
        accepts: what it takes, for people.
    """

    kind: Kind
    optional: bool
    accepts: str
    doc: str
    default: Any
    required: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A section with fixed keys; sections of one ``model`` take the same ones."""

    fields: Mapping[str, Node]
    doc: str
    model: type[BaseModel]


@dataclass(frozen=True, slots=True)
class NamedTables:
    """Sections under names the operator chooses: ``[schedules.NAME]``."""

    entry: Table
    doc: str
    default: Mapping[str, BaseModel]


Node = Leaf | Table | NamedTables


@cache
def settings_tree(*, documented: bool = False) -> Table:
    """The shape of ``Settings``; ``documented``: with what is written about each setting, which costs time to read."""
    return _table(Settings, Settings.__doc__ or "", field_docs if documented else _no_docs)


Docs = Callable[[type[BaseModel]], Mapping[str, str]]


def _no_docs(_model: type[BaseModel]) -> Mapping[str, str]:
    return {}


def _table(model: type[BaseModel], doc: str, docs: Docs) -> Table:
    texts = docs(model)
    fields = {name: _node(field, texts.get(name, ""), docs) for name, field in model.model_fields.items()}
    return Table(fields, doc, model)


def _node(field: FieldInfo, doc: str, docs: Docs) -> Node:
    annotation, optional = _plain(field.annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _table(annotation, doc or (annotation.__doc__ or "").split("\n", maxsplit=1)[0], docs)
    if get_origin(annotation) is dict:
        entry, _ = _plain(get_args(annotation)[1])
        if isinstance(entry, type) and issubclass(entry, BaseModel):
            default = cast("dict[str, BaseModel]", field.default)
            return NamedTables(_table(entry, (entry.__doc__ or ""), docs), doc, default)
    kind = _kind(annotation)
    metadata = [*field.metadata, *_metadata(field.annotation)]
    accepts = _accepts(kind, annotation, metadata) + (' or "none"' if optional else "")
    required = field.is_required()
    return Leaf(kind, optional, accepts, doc, None if required else field.default, required)


def _plain(annotation: Any) -> tuple[Any, bool]:
    """The annotation without ``Annotated`` and ``None``, and whether None was in it."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        rest = [arg for arg in get_args(annotation) if arg is not NoneType]
        return _plain(rest[0])[0], len(rest) < len(get_args(annotation))
    return annotation, False


def _metadata(annotation: Any) -> Iterator[Any]:
    """The constraints that stand inside an annotation."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        for item in metadata:
            yield from item.metadata if isinstance(item, FieldInfo) else [item]
        yield from _metadata(inner)
    elif get_origin(annotation) in {Union, UnionType}:
        for arg in get_args(annotation):
            yield from _metadata(arg)


def _kind(annotation: Any) -> Kind:
    by_type = {
        bool: Kind.SWITCH,
        int: Kind.INTEGER,
        float: Kind.NUMBER,
        Path: Kind.PATH,
        SecretStr: Kind.SECRET,
        time: Kind.CLOCK,
        str: Kind.TEXT,
    }
    by_origin = {Literal: Kind.CHOICE, tuple: Kind.LIST, dict: Kind.OBJECT}
    origin = get_origin(annotation)
    if origin is tuple and isinstance(entry := get_args(annotation)[0], type) and issubclass(entry, BaseModel):
        return Kind.TABLES
    return by_type[annotation] if origin is None else by_origin[origin]


def _accepts(kind: Kind, annotation: Any, metadata: list[Any]) -> str:
    match kind:
        case Kind.CHOICE:
            return "one of " + ", ".join(map(str, get_args(annotation)))
        case Kind.NUMBER | Kind.INTEGER:
            return kind.value + _bounds(metadata)
        case _:
            return kind.value


def _bounds(metadata: list[Any]) -> str:
    text = ""
    for kind, attribute, word in ((Ge, "ge", "from"), (Gt, "gt", "above"), (Le, "le", "to"), (Lt, "lt", "below")):
        text += "".join(f" {word} {getattr(item, attribute):g}" for item in metadata if isinstance(item, kind))
    return text


def leaves(node: Node | None = None, prefix: Key = ()) -> Iterator[tuple[Key, Leaf]]:
    """Every setting with its key; ``NAME`` stands for names the operator chooses."""
    match node or settings_tree():
        case Leaf() as leaf:
            yield prefix, leaf
        case Table(fields=fields):
            for name, child in fields.items():
                yield from leaves(child, (*prefix, name))
        case NamedTables(entry=entry):
            yield from leaves(entry, (*prefix, ANY_NAME))


def known_keys() -> list[str]:
    """Every dotted key that a file may hold, tables included, with the names that are there by default."""
    found: dict[str, None] = {}

    def visit(node: Node, key: Key) -> None:
        if key:
            found[".".join(key)] = None
        match node:
            case Table(fields=fields):
                for name, child in fields.items():
                    visit(child, (*key, name))
            case NamedTables(entry=entry, default=default):
                for name in default:
                    visit(entry, (*key, name))
            case Leaf():
                pass

    visit(settings_tree(), ())
    return list(found)


def node_at(key: Key) -> Node | None:
    """The node of a key, or None when there is no such key; any name fits a ``NamedTables``."""
    node: Node = settings_tree()
    for part in key:
        if isinstance(node, NamedTables):
            node = node.entry
        elif isinstance(node, Table) and part in node.fields:
            node = node.fields[part]
        else:
            return None
    return node
