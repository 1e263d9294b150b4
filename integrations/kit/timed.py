"""The composer's view of what stages ``manim`` and ``tts`` left: each segment with its files and its time on screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scheduler.domain.content import Segment
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.render import Artifact, StageName, StageOutput
from scheduler.domain.timing import longest_pause_s, segment_durations
from scheduler.ports.media import TimedSegment
from scheduler.ports.provider import Call


def timed_segments(call: Call) -> tuple[TimedSegment, ...]:
    """The script's segments as they are to be composed. Looks at each file, so call it from a thread.

    Raises:
        StageFailure: INVALID_INPUT: a stage left no clip for a segment, or a file is gone.
    """
    segments = call.needed_script().segments
    clips, sounds = call.inputs[StageName.MANIM], call.inputs.get(StageName.TTS, StageOutput())
    durations = segment_durations(
        segments,
        narration_s=lengths_of(sounds, segments),
        clip_s=lengths_of(clips, segments),
    )
    return tuple(
        TimedSegment(
            segment=segment,
            clip=_existing(clips.artifacts, f"clip/{segment.index}", f"the clip of segment {segment.index}"),
            narration=_narration(sounds.artifacts, segment),
            duration_s=duration,
        )
        for segment, duration in zip(segments, durations, strict=True)
    )


def lengths_of(output: StageOutput, segments: Sequence[Segment]) -> tuple[float, ...]:
    """``data.durations`` of a stage in the script's order; zeros where it says nothing.

    Raises:
        StageFailure: INVALID_INPUT: it is not one number for each segment.
    """
    given = output.data.get("durations")
    if given is None:
        return (0.0,) * len(segments)
    if not isinstance(given, list | tuple):
        raise _wrong(f"durations of {output.provider or 'a stage'} must be a list, not {type(given).__name__}")
    numbers = tuple(float(value) for value in given if isinstance(value, int | float))  # pyright: ignore[reportUnknownVariableType] - JSON
    if len(numbers) != len(segments):
        raise _wrong(f"{output.provider or 'a stage'} left {len(numbers)} durations for {len(segments)} segments")
    return numbers


def planned(call: Call, timed: Sequence[TimedSegment]) -> dict[str, Any]:
    """What a composition is meant to be, for the data of stage ``revideo``: the finished video is judged by it.

    ``expected_duration_s``, ``longest_card_s`` and ``longest_pause_s`` in seconds, ``silent``.
    """
    sounds, segments = call.inputs.get(StageName.TTS, StageOutput()), [one.segment for one in timed]
    unspoken = sounds.data.get("unspoken") or ()
    spoken = [
        0.0 if one.narration is None or one.segment.index in unspoken else length
        for one, length in zip(timed, lengths_of(sounds, segments), strict=True)
    ]
    durations = [one.duration_s for one in timed]
    return {
        "expected_duration_s": sum(durations),
        "longest_card_s": max(durations, default=0.0),
        "longest_pause_s": longest_pause_s(durations, spoken),
        "silent": is_silent(call),
    }


def is_silent(call: Call) -> bool:
    """Whether the narration is silence: the video may be silent then."""
    sounds = call.inputs.get(StageName.TTS)
    return sounds is None or sounds.data.get("silent") is True or not sounds.artifacts


def _narration(artifacts: Mapping[str, Artifact], segment: Segment) -> Path | None:
    role = f"narration/{segment.index}"
    return _existing(artifacts, role, f"the narration of segment {segment.index}") if role in artifacts else None


def _existing(artifacts: Mapping[str, Artifact], role: str, what: str) -> Path:
    artifact = artifacts.get(role)
    if artifact is None:
        raise _wrong(f"{what} was not made")
    path = Path(artifact.path)
    if not path.is_file():
        raise _wrong(f"{what} is gone ({path}): the stage that made it must run again")
    return path


def _wrong(message: str) -> StageFailure:
    return StageFailure(message, kind=FailureClass.INVALID_INPUT, retryable=False)
