"""A command's arguments as JSON that can stand in the audit trail: neither long nor deep, without secrets. Pure."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Any, cast

TEXT_LIMIT = 200
"""Characters of one text."""
ITEMS_LIMIT = 20
"""Entries of one list or object."""
DEPTH_LIMIT = 4
DETAIL_LIMIT = 4_000
"""Characters of the whole."""
MASK = "********"
_SECRET = re.compile(r"secret|token|passw|authorization|api_?key", re.IGNORECASE)


def bounded(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as JSON; what is cut ends in an ellipsis, what is named like a secret is masked."""
    plain = _object(detail, DEPTH_LIMIT)
    text = json.dumps(plain, ensure_ascii=False)
    return plain if len(text) <= DETAIL_LIMIT else {"cut": clipped(text, DETAIL_LIMIT)}


def clipped(text: str, limit: int = TEXT_LIMIT) -> str:
    """Text that every database takes: no NUL, no lone surrogates, and not longer than ``limit`` characters."""
    kept = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def _plain(value: Any, depth: int) -> Any:
    value = value.value if isinstance(value, Enum) else value
    if value is None or isinstance(value, bool | int | float):
        return value if not isinstance(value, float) or math.isfinite(value) else str(value)
    if isinstance(value, date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
        return _object({name: part for name, part in fields.items() if part is not None}, depth)
    if isinstance(value, Mapping):
        return _object(cast("Mapping[Any, Any]", value), depth)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        items = list(cast("Sequence[Any]", value))[:ITEMS_LIMIT]
        return [_plain(item, depth - 1) for item in items] if depth else "…"
    return clipped(str(value))


def _object(value: Mapping[Any, Any], depth: int) -> Any:
    if not depth:
        return "…"
    return {
        clipped(str(key)): MASK if part and _SECRET.search(str(key)) else _plain(part, depth - 1)
        for key, part in list(value.items())[:ITEMS_LIMIT]
    }
