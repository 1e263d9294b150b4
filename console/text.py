"""Text of unknown origin, made harmless before it reaches a terminal. Pure.

Payloads, error messages, services' answers and file names come from elsewhere. They may hold escape sequences that
move the cursor, set the window's title or answer for the keyboard, bidirectional overrides that turn a name around, and
characters without width that throw a table out of line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, modes
    r"|\x1b[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"  # OSC, DCS, SOS, PM, APC that are closed again
)
"""Whole escape sequences, so that ``[31m`` does not stay behind. What is broken loses its control characters below."""

_BREAKS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
"""Everything that some terminal takes for the end of a line."""

_FORBIDDEN = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f"  # C0 without tab and line ends, DEL
    "\x80-\x9f"  # C1: one byte of these is an escape sequence's start for an 8-bit terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks, overrides, isolates
    "\u00ad\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufe00-\ufe0f\ufff9-\ufffb"  # no width, or one terminals disagree on
    "\U000e0000-\U000e0fff"  # tags and variation selectors
    "]"
)
"""Zero-width joiners stay: Devanagari needs them."""

_SURROGATES = re.compile("[\ud800-\udfff]")
"""Halves of characters: writing them to a terminal raises ``UnicodeEncodeError``."""


def clean_lines(text: str) -> str:
    r"""``text`` without anything a terminal would act on; line ends become ``\n``, tabs four spaces. Idempotent."""
    text = _SEQUENCES.sub("", text)
    text = _BREAKS.sub("\n", text)
    text = _FORBIDDEN.sub("", text)
    return _SURROGATES.sub("\ufffd", text).replace("\t", "    ")


def clean(text: str, *, limit: int | None = None) -> str:
    """The same on one line: line ends and runs of blanks become one space.

    Args:
        text: anything.
        limit: longest result in characters; what is longer ends in ``…``. A huge text is cut before it is looked at.
    """
    if limit is not None and len(text) > (bound := 16 * limit + 4096):
        text = text[:bound] + " …"
    line = " ".join(clean_lines(text).split())
    if limit is not None and len(line) > limit:
        line = line[: max(limit - 1, 0)] + "…"
    return line


def has_words(said: Iterable[str], text: str) -> bool:
    """Whether all words of ``text`` occur in what is said, in any case, and no ``-word`` does. Pure."""
    hay = "\n".join(said).lower()
    for word in text.lower().split():
        unwanted = len(word) > 1 and word.startswith("-")
        if (word[1:] in hay) if unwanted else (word not in hay):
            return False
    return True
