"""Styled text as few bytes: what the terminal already has set is not sent again, and only what differs is.

Textual sends every piece of a line with all of its colours before it and a reset behind it, about 45 bytes each. On a
slow line those are most of what is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.style import Style
from textual.strip import SGR_STYLES

RESET = "\x1b[0m"
_MODES = re.compile(r"(?:\x1b\[\?[0-9;]+[hl])*")
"""Switching modes (synchronised output and its kind) leaves the pen as it is."""


class Ink(NamedTuple):
    """What a pen writes with.

    Attributes:
        attributes: bits as Rich counts them: bold, dim, italic …
        front: codes of the colour of the text; empty: the terminal's own.
        back: codes of the colour behind it.
    """

    attributes: int = 0
    front: str = ""
    back: str = ""


PLAIN = Ink()
_SEEN_ON_BLANKS = ~0b10000111
"""All attributes but bold, dim, italic and concealed: of those a blank shows nothing, nor of the colour of its text."""


@lru_cache(maxsize=2048)
def blank_ink(ink: Ink) -> Ink:
    """What can be seen of an ink on a blank. Pure."""
    return Ink(ink.attributes & _SEEN_ON_BLANKS, "", ink.back)


@lru_cache(maxsize=2048)
def ink_of(style: Style | None, colours: ColorSystem) -> Ink:
    """What a style is written with where there are so many colours. Links are not sent."""
    if style is None:
        return PLAIN
    front, back = style.color, style.bgcolor
    return Ink(
        style._attributes & style._set_attributes,  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no public way
        "" if front is None else ";".join(front.downgrade(colours).get_ansi_codes()),
        "" if back is None else ";".join(back.downgrade(colours).get_ansi_codes(foreground=False)),
    )


@lru_cache(maxsize=4096)
def change(old: Ink | None, new: Ink) -> str:
    """The sequence from one ink to the next; ``old`` None: nobody knows. Pure."""
    if old == new:
        return ""
    if old is None or old.attributes & ~new.attributes:
        codes, old = ["0"], PLAIN
        if new == PLAIN:
            return RESET
    else:
        codes = []
    added = new.attributes & ~old.attributes
    codes += [SGR_STYLES[bit] for bit in range(added.bit_length()) if added >> bit & 1]
    if new.front != old.front:
        codes.append(new.front or "39")
    if new.back != old.back:
        codes.append(new.back or "49")
    return f"\x1b[{';'.join(codes)}m"


class Pen:
    """Remembers what the terminal is set to write with.

    It must be told of everything else that is written (``other``), and when somebody else may have written (``lost``).
    """

    def __init__(self) -> None:
        self._ink: Ink | None = None
        self._own = ""

    def write(self, cells: Iterable[tuple[str, Ink]]) -> str:
        """Text as it is sent, at the place where the cursor is."""
        sent: list[str] = []
        for text, ink in cells:
            if ink != self._ink and not (text == " " and self._ink is not None and blank_ink(self._ink) == ink):
                sent.append(change(self._ink, ink))
                self._ink = ink
            sent.append(text)
        return "".join(sent)

    def frame(self, text: str) -> str:
        """Take note of what one frame is made of."""
        self._own = text
        return text

    def other(self, data: str) -> None:
        """Something is being written; the pen's own frames and modes do not count."""
        if not (self._own and data.startswith(self._own)) and not _MODES.fullmatch(data):
            self._ink = None
        self._own = ""

    def lost(self) -> None:
        """Nobody knows what the terminal is set to."""
        self._ink = None
