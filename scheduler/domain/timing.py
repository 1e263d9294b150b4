"""How long each segment stands on the screen: one rule for every way to put the video together. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.domain.content import Segment

FPS = 30
"""Frames a second of the finished video; durations are whole frames."""
LEAD_S = 0.2
"""The narration starts this long after its segment appears."""
PAUSE_S = 0.6
"""What a segment has on top of its narration: the lead before it and the rest after it."""
READING_CPS = 22.0
"""Characters a second that a viewer reads from a card."""
READING_BASE_S = 1.5
"""What it takes to look up at a new card."""


def reading_time_s(characters: float) -> float:
    """Seconds it takes to read so many characters on a card."""
    return READING_BASE_S + characters / READING_CPS


def card_characters(segment: Segment) -> int:
    """How many characters a segment's card shows."""
    return len(segment.heading) + sum(len(line) for line in segment.lines)


def segment_durations(
    segments: Sequence[Segment], *, narration_s: Sequence[float], clip_s: Sequence[float]
) -> tuple[float, ...]:
    """Seconds on the screen of each segment.

    The longest of: its narration and ``PAUSE_S``; its clip; the time it takes to read its card. Rounded up to whole
    frames, so that picture and sound cannot drift apart over many segments.

    Args:
        segments: in the order they are shown.
        narration_s: length of each one's narration, 0 for none.
        clip_s: length of each one's clip, 0 for none.

    Raises:
        ValueError: the three are not equally many.
    """
    durations: list[float] = []
    for segment, narration, clip in zip(segments, narration_s, clip_s, strict=True):
        spoken = narration + PAUSE_S if narration > 0 else 0.0
        needed = max(spoken, clip, reading_time_s(card_characters(segment)))
        durations.append(-(-round(needed * FPS * 1000) // 1000) / FPS)
    return tuple(durations)


def longest_pause_s(durations: Sequence[float], narration_s: Sequence[float]) -> float:
    """Seconds of the longest silence between the narrations, from the end of one to the beginning of the next.

    Args:
        durations: seconds on the screen of each segment.
        narration_s: length of each one's narration, 0 for none.

    Raises:
        ValueError: the two are not equally many.
    """
    longest = quiet = 0.0
    for duration, narration in zip(durations, narration_s, strict=True):
        if narration > 0:
            longest = max(longest, quiet + LEAD_S)
            quiet = max(duration - LEAD_S - narration, 0.0)
        else:
            quiet += duration
    return max(longest, quiet)
