"""Copying to the clipboard of the reader's own machine: OSC 52, wrapped for tmux and screen. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping

LONGEST = 50_000
"""Bytes that terminals take."""
_SCREEN_PIECE = 500
"""Characters that screen passes on at once."""


class TooLongError(ValueError):
    """The text is longer than terminals take."""


def osc52(text: str, environ: Mapping[str, str]) -> str:
    """What to send so that the terminal copies ``text``.

    tmux and screen keep such sequences for themselves; wrapped, they hand them on. tmux may be set to take the bare one
    (``set-clipboard on``) or to hand on the wrapped one (``allow-passthrough on``): it gets both.

    Args:
        text: what to copy; control characters are not.
        environ: ``TMUX``, ``STY`` and ``TERM`` tell what is in between.

    Raises:
        TooLongError: it is longer than terminals take.
    """
    data = "".join(char for char in text if char.isprintable()).encode("utf-8", "replace")
    if len(data) > LONGEST:
        raise TooLongError(f"too long to copy: {len(data):,} bytes, terminals take {LONGEST:,}")
    bare = f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\x07"
    term = environ.get("TERM", "")
    if environ.get("TMUX") or term.startswith("tmux"):
        return bare + "\x1bPtmux;" + bare.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environ.get("STY") or term.startswith("screen"):
        pieces = [bare[n : n + _SCREEN_PIECE] for n in range(0, len(bare), _SCREEN_PIECE)]
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return bare
