"""JSON that every database takes: no NUL, no halves of surrogate pairs, no numbers that are none. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast


def unstorable(value: Any, where: str) -> str | None:
    """What in a JSON value cannot be stored, in words; None: all of it can.

    Args:
        value: as parsed; Python's parser lets through what is no JSON (``NaN``) and what is no text.
        where: what it is called.
    """
    if isinstance(value, str):
        return None if _is_text(value) else f"{where} holds characters that are none (NUL, half a surrogate pair)"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{where} is no number"
    if isinstance(value, Mapping):
        for key, part in cast("Mapping[Any, Any]", value).items():
            problem = unstorable(str(key), f"a key of {where}") or unstorable(part, f"{where}.{key}")
            if problem is not None:
                return problem
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for number, part in enumerate(cast("Sequence[Any]", value)):
            problem = unstorable(part, f"{where}[{number}]")
            if problem is not None:
                return problem
    return None


def _is_text(text: str) -> bool:
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
