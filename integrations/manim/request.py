"""What the Manim API is asked for: ``POST /render {scene_type, content, style}``. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scheduler.domain.codec import segment_to_json
from scheduler.domain.content import Script, Segment


@dataclass(frozen=True, slots=True)
class Style:
    """How the picture is to look; in pixels and frames a second."""

    width: int = 1280
    height: int = 720
    fps: int = 30
    palette: str = "predawn"


def render_request(segment: Segment, script: Script, *, programme: str, style: Style) -> dict[str, Any]:
    """The body of ``POST /render`` for one segment.

    ``content`` is the segment as in ``scheduler.domain.codec`` with what stands on every card beside it;
    ``style.duration_s`` is how long the picture should move.
    """
    return {
        "scene_type": segment.kind.value,
        "content": {
            **segment_to_json(segment),
            "programme": programme,
            "title": script.title,
            "date": script.date.isoformat(),
            "language": script.language,
            "points": script.points,
        },
        "style": {
            "width": style.width,
            "height": style.height,
            "fps": style.fps,
            "palette": style.palette,
            "duration_s": segment.duration_s,
        },
    }
