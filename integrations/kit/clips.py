"""Clips from outside: what they must be, and the progress of a stage that has one made for each segment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from scheduler.domain.content import Segment
from scheduler.domain.media import DURATION_SLACK_S, MediaExpectation
from scheduler.ports.provider import Call

SHORTEST_CLIP_S = 0.5
"""A clip may end long before its segment: the composer holds the last frame. Less than this is no animation."""


def clip_expectation(claimed_s: float | None) -> MediaExpectation:
    """What a clip must be: of the length its service says it has, and moving.

    Dark scenes are how Manim draws, so blackness is judged mildly; a picture that never moves is refused.
    """
    return MediaExpectation(duration_s=claimed_s, sound=False, max_black_ratio=0.6, min_distinct_frames=2)


def length_problem(length_s: float, asked_s: float) -> str | None:
    """What is wrong with a clip's length beside what was asked for, in words; None when it will do. Pure."""
    longest = max(asked_s * 1.5, asked_s + DURATION_SLACK_S)
    if SHORTEST_CLIP_S <= length_s <= longest:
        return None
    return f"lasts {length_s:.1f} s, asked for {asked_s:.1f} s (from {SHORTEST_CLIP_S:g} s to {longest:.1f} s will do)"


class Progress:
    """The stage's progress from that of its segments: it never falls, however they overtake each other.

    Attributes:
        call: the attempt, with its own reports led through here.
    """

    def __init__(self, call: Call) -> None:
        self._tell = call.progress
        self._shares = {s.index: float(str(s.index) in call.parts) for s in call.needed_script().segments}
        self._furthest = 0.0
        self.call = replace(call, progress=self.tell)

    def tell(self, fraction: float, text: str = "") -> None:
        """Pass on what is told, or the furthest told before."""
        self._furthest = max(self._furthest, fraction)
        self._tell(self._furthest, text)

    def of(self, segment: Segment) -> Callable[[float, str], None]:
        """Takes the progress of one segment's remote work."""

        def report(fraction: float, text: str) -> None:
            self._shares[segment.index] = fraction
            self.tell(sum(self._shares.values()) / len(self._shares), f"segment {segment.index}: {text}")

        return report
