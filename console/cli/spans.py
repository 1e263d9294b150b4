"""Lengths of time as people write them: ``90s``, ``15m``, ``1h``, ``2d``, ``1h30m``."""

from __future__ import annotations

import re

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PIECE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")


def span_s(text: str) -> float:
    """Seconds.

    Raises:
        ValueError: it is no such length; the message shows one.
    """
    written = text.strip().lower()
    pieces = list(_PIECE.finditer(written))
    if not pieces or _PIECE.sub("", written).strip():
        raise ValueError(f"{text!r} is no length of time: write 90s, 15m, 1h, 2d or 1h30m")
    return sum(float(piece[1]) * UNITS[piece[2]] for piece in pieces)
