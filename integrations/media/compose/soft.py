"""The soft caption track: ``mov_text`` packets in an mp4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from integrations.media.compose.captions import Cue
from integrations.media.untyped import Container, Packet, av

TICK = Fraction(1, 1000)
LANGUAGES = {"en": "eng", "hi": "hin", "bn": "ben", "ta": "tam", "te": "tel", "mr": "mar", "gu": "guj", "ur": "urd"}
"""ISO 639-2 for the languages of briefs: mp4 has no two-letter codes."""
HEADER = b"""[Script Info]
ScriptType: v4.00+
PlayResX: 1280
PlayResY: 720

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Sans,36,&HFFFFFF,&HFFFFFF,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
"""The encoder takes the track's look from an ASS header, and does not open without one."""


def add_track(out: Container, language: str) -> Any:
    """Add a caption stream in ``language`` (BCP 47)."""
    stream: Any = out.add_stream("mov_text")
    stream.time_base = TICK
    stream.codec_context.time_base = TICK
    stream.codec_context.subtitle_header = HEADER
    stream.metadata["language"] = language_code(language)
    return stream


def language_code(language: str) -> str:
    """ISO 639-2 of a BCP 47 tag, ``und`` when it is not known."""
    base = language.split("-", 1)[0].lower()
    return LANGUAGES.get(base, base if len(base) == 3 else "und")  # noqa: PLR2004 - a 639-2 code


def packets(stream: Any, cues: Iterable[Cue]) -> Iterator[Packet]:
    """One packet a cue; the muxer fills the gaps."""
    for cue in cues:
        text = "\n".join(cue.lines).encode()[:65_000]
        packet = av.Packet(len(text).to_bytes(2, "big") + text)
        packet.stream = stream
        packet.time_base = TICK
        packet.pts = packet.dts = round(cue.start_s * 1000)
        packet.duration = max(1, round(cue.end_s * 1000) - round(cue.start_s * 1000))
        yield packet
