"""Domain values to JSON and back by their type hints. What equals its default is left out, unknown names are ignored.

So a field that a later version adds (with a default) leaves older recordings readable.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from enum import Enum
from functools import cache
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

DIGITS = 3
"""Decimals of numbers and of seconds that are kept."""


class ShapeError(ValueError):
    """A recorded value does not fit the type it should have; the message names it."""


def encode(value: Any) -> Any:
    """A value as JSON. Times become seconds since 1970, mappings lose what is None."""
    match value:
        case Enum():
            made = value.value
        case None | bool() | int() | str():
            made = value
        case float():
            made = round(value, DIGITS)
        case datetime():
            made = round(value.timestamp(), DIGITS)
        case date() | time():
            made = value.isoformat()
        case Mapping():
            items = cast("Mapping[Any, Any]", value).items()
            made = {str(encode(key)): encode(item) for key, item in items if item is not None}
        case list() | tuple() | set() | frozenset():
            made = [encode(item) for item in cast("list[Any]", value)]
        case _:
            made = _encode_fields(value) if dataclasses.is_dataclass(value) else str(value)
    return made


def _encode_fields(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, default in _defaults(cast("type[Any]", type(value))).items():
        item = getattr(value, name)
        if item is None or (default is not dataclasses.MISSING and item == default):
            continue
        found[name] = encode(item)
    return found


@cache
def _defaults(kind: type[Any]) -> dict[str, Any]:
    return {
        field.name: field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        for field in dataclasses.fields(kind)
    }


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def decode(hint: Any, raw: Any, where: str = "") -> Any:
    """A value of type ``hint`` from its JSON.

    Raises:
        ShapeError: it has another shape; ``where`` begins the name of what has.
    """
    try:
        return _decode(hint, raw, where)
    except ShapeError:
        raise
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise ShapeError(f"{where or 'value'}: {error}") from error


def _decode(hint: Any, raw: Any, where: str) -> Any:
    if hint is Any:
        return raw
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        return _decode_union(get_args(hint), raw, where)
    if origin is not None:
        return _decode_container(hint, origin, raw, where)
    if isinstance(hint, typing.TypeVar) or not isinstance(hint, type):
        return raw
    return _decode_plain(cast("type[Any]", hint), raw, where)


def _decode_plain(kind: type[Any], raw: Any, where: str) -> Any:
    if kind is datetime:
        return datetime.fromtimestamp(raw, UTC)
    if issubclass(kind, date | time):
        return kind.fromisoformat(raw)
    if issubclass(kind, Enum):
        return kind(raw)
    if dataclasses.is_dataclass(kind):
        return _decode_fields(kind, raw, where)
    if kind is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if kind in {str, int, float, bool} and not isinstance(raw, kind):
        raise ShapeError(f"{where}: {kind.__name__} expected, not {type(raw).__name__}")
    return raw


def _decode_union(arms: tuple[Any, ...], raw: Any, where: str) -> Any:
    if raw is None and type(None) in arms:
        return None
    last: ShapeError | None = None
    for arm in arms:
        if arm is type(None):
            continue
        try:
            return decode(arm, raw, where)
        except ShapeError as error:
            last = error
    raise last or ShapeError(f"{where}: nothing fits")


def _decode_container(hint: Any, origin: Any, raw: Any, where: str) -> Any:
    args = get_args(hint)
    if issubclass(origin, Mapping):
        if not isinstance(raw, Mapping):
            raise ShapeError(f"{where}: an object expected, not {type(raw).__name__}")
        key_hint, item_hint = args or (str, Any)
        items = cast("Mapping[str, Any]", raw).items()
        return {_decode(key_hint, key, where): _decode(item_hint, item, f"{where}.{key}") for key, item in items}
    if not isinstance(raw, list):
        raise ShapeError(f"{where}: a list expected, not {type(raw).__name__}")
    listed = cast("list[Any]", raw)
    if origin is tuple and len(args) > 1 and args[1] is not Ellipsis:
        return tuple(
            _decode(arg, item, f"{where}[{n}]") for n, (arg, item) in enumerate(zip(args, listed, strict=True))
        )
    made = [_decode(args[0] if args else Any, item, f"{where}[{n}]") for n, item in enumerate(listed)]
    return made if origin is list else frozenset(made) if origin in {set, frozenset} else tuple(made)


def _decode_fields(kind: type[Any], raw: Any, where: str) -> Any:
    if not isinstance(raw, dict):
        raise ShapeError(f"{where}: an object expected, not {type(raw).__name__}")
    values = cast("dict[str, Any]", raw)
    hints, taken = _hints(kind), dict[str, Any]()
    for name, default in _defaults(kind).items():
        inside = f"{where}.{name}" if where else name
        if name in values:
            taken[name] = _decode(hints[name], values[name], inside)
        elif default is dataclasses.MISSING:
            if type(None) not in get_args(hints[name]):
                raise ShapeError(f"{inside} is missing")
            taken[name] = None
    return kind(**taken)
