"""How long each segment stands on the screen."""

from __future__ import annotations

import pytest

from scheduler.domain.content import Segment, SegmentKind
from scheduler.domain.timing import FPS, LEAD_S, PAUSE_S, longest_pause_s, reading_time_s, segment_durations


def point(heading: str = "Heading") -> Segment:
    return Segment(0, SegmentKind.POINT, heading, (), "", 5.0)


@pytest.mark.parametrize(
    ("heading", "narration", "clip", "expected"),
    [
        ("Heading", 10.0, 3.0, 10.0 + PAUSE_S),
        ("Heading", 4.0, 12.0, 12.0),
        ("x" * 220, 0.0, 3.0, reading_time_s(220)),
        ("", 0.0, 0.0, reading_time_s(0)),
    ],
)
def test_the_longest_need_decides(heading: str, narration: float, clip: float, expected: float) -> None:
    assert segment_durations([point(heading)], narration_s=[narration], clip_s=[clip]) == (
        pytest.approx(expected, abs=1 / FPS),
    )


def test_durations_are_whole_frames_and_never_too_short() -> None:
    for narration in (3.0, 3.01, 3.333, 7.77):
        (duration,) = segment_durations([point()], narration_s=[narration], clip_s=[0])
        assert duration * FPS == pytest.approx(round(duration * FPS))
        assert duration >= narration + PAUSE_S - 1e-6


def test_every_segment_needs_its_lengths() -> None:
    with pytest.raises(ValueError, match="argument"):
        segment_durations([point(), point()], narration_s=[1.0], clip_s=[1.0, 1.0])


@pytest.mark.parametrize(
    ("durations", "narrations", "pause"),
    [
        ([5, 6], [4.4, 5.4], 0.4 + LEAD_S),
        # A card that takes longer to be read than to be said, and one that nobody speaks.
        ([5, 9, 4, 6], [4.4, 3, 0, 5.4], 9 - 3 - LEAD_S + 4 + LEAD_S),
        ([5, 9], [4.4, 0], 9.4),
        ([3, 4], [0, 0], 7),
        ([], [], 0),
    ],
)
def test_the_longest_pause_lies_between_two_narrations(
    durations: list[float], narrations: list[float], pause: float
) -> None:
    assert longest_pause_s(durations, narrations) == pytest.approx(pause)
