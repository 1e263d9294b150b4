"""What the Revideo API is asked for: ``POST /compose {segments, audio}``, in the words of contracts.md. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from integrations.kit.urls import is_loopback
from scheduler.domain.content import Segment, SegmentKind

PICTURE_TYPES = {SegmentKind.INTRO: "intro", SegmentKind.POINT: "manim", SegmentKind.OUTRO: "outro"}
"""The contract's word for the picture of each kind of segment."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One segment with the addresses of its picture and its narration (None: it has none)."""

    segment: Segment
    clip_url: str
    narration_url: str | None
    duration_s: float


def compose_request(scenes: Sequence[Scene], *, title: str, language: str, voice: str, speed: float) -> dict[str, Any]:
    """The body of ``POST /compose``: each segment is a picture entry followed by its narration.

    ``duration`` is seconds on screen; a narration is spoken by the service itself only where it has no ``audio_url``.
    """
    entries: list[dict[str, Any]] = []
    for scene in scenes:
        segment = scene.segment
        entries.append(
            {
                "type": PICTURE_TYPES[segment.kind],
                "url": scene.clip_url,
                "duration": scene.duration_s,
                "title": segment.heading,
            }
        )
        narration: dict[str, Any] = {"type": "narration", "text": segment.narration, "duration": scene.duration_s}
        if scene.narration_url is not None:
            narration["audio_url"] = scene.narration_url
        entries.append(narration)
    return {
        "segments": entries,
        "audio": {"voice": voice, "speed": speed},
        "title": title,
        "language": language,
    }


def clip_address(known_url: str | None, published_url: str, *, service_url: str) -> str:
    """Where the service should fetch a clip.

    A service on this machine gets our copy: it is the one that was probed, and it outlives a restart of whoever made
    it. A service elsewhere cannot reach our loopback and gets the address the clip came from, if that is of use.
    """
    if is_loopback(service_url) or known_url is None or is_loopback(known_url):
        return published_url
    return known_url
