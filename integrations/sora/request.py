"""What a text-to-video server is asked for: ``POST /v1/videos {prompt, model, seconds, size}``. Pure."""

from __future__ import annotations

import math
from typing import Any

from scheduler.domain.content import Segment
from scheduler.domain.requests import DURATION_S, LONGEST_TEXT

SCENE = (
    "Calm, realistic documentary background footage for a news programme, slow camera movement, no text, no captions, "
    "no logos, no recognisable people. The story: "
)
"""Before what a segment says: the pictures stand behind captions, so they hold no writing of their own."""


def video_request(prompt: str, *, model: str, duration_s: float, size: str) -> dict[str, Any]:
    """The body. ``seconds`` is whole seconds as text, as the original API has it; rounded up, 1–60."""
    low, high = DURATION_S
    seconds = min(max(math.ceil(duration_s), int(low)), int(high))
    return {"prompt": prompt, "model": model, "seconds": str(seconds), "size": size}


def scene_prompt(segment: Segment) -> str:
    """The prompt for a segment's pictures; at most 2,000 characters, cut at a word."""
    text = " ".join(" ".join((SCENE, segment.heading, *segment.lines)).split())
    if len(text) <= LONGEST_TEXT:
        return text
    return text[:LONGEST_TEXT].rsplit(" ", 1)[0]
