"""What is said for what is written, and in which voice. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_SCALE = (
    r"(?:lakh crore|thousand crore|lakh|crore|million|billion|trillion|thousand"
    r"|लाख करोड़|हज़ार करोड़|हजार करोड़|लाख|करोड़|हज़ार|हजार|अरब)"
)
_MONEY = re.compile(rf"(?:₹|\bRs\.?|रु\.)\s*([\d,.]*\d)(?:[\s-]*({_SCALE}))?", re.IGNORECASE)
_DEVANAGARI = re.compile(r"[\u0900-\u097f]")
_DASH = re.compile(r"\s+[–—-]\s+|—")


def is_devanagari(text: str) -> bool:
    """Whether ``text`` has any Devanagari letter."""
    return _DEVANAGARI.search(text) is not None


def speakable(text: str, *, hindi: bool) -> str:
    """``text`` as eSpeak reads it well: amounts before their currency, pauses for dashes, no control characters."""
    composed = unicodedata.normalize("NFC", text)
    plain = "".join(c if unicodedata.category(c) != "Cc" else " " for c in composed)

    def money(match: re.Match[str]) -> str:
        in_hindi = hindi or (match[2] is not None and is_devanagari(match[2]))
        return " ".join(filter(None, (match[1], match[2], "रुपये" if in_hindi else "rupees")))

    spoken = _MONEY.sub(money, plain).replace("₹", " रुपये " if hindi else " rupees ")
    spoken = _DASH.sub(", ", re.sub(r"(?<=\d)[–—](?=\d)", " से " if hindi else " to ", spoken))
    return " ".join(spoken.split())


def voices(text: str, voice: str) -> Iterator[tuple[str, str]]:
    """``(voice, text)`` by script: Devanagari is read by ``hi``, Latin by ``voice`` (by ``en`` where that is Hindi).

    Digits and punctuation go with what stands before them, those at the beginning with what follows.
    """
    latin = "en" if voice.split("-", 1)[0] == "hi" else voice
    current: str | None = None
    held = ""
    for word in re.findall(r"\S+\s*", text):
        if is_devanagari(word):
            wanted: str | None = "hi"
        elif any(c.isalpha() for c in word):
            wanted = latin
        else:
            wanted = current
        if current is not None and wanted != current:
            yield current, held
            held = ""
        current = wanted or current
        held += word
    if held.strip():
        yield current or voice, held
