"""Media: what a probe finds in a file, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaReport:
    """What decoding a whole file found.

    Attributes:
        duration_s: seconds of decoded video (or audio, without video).
        frames: decoded video frames.
        silent_s: longest run of silence, seconds.
        silent_ratio: 0–1, share of the sound below the silence threshold (1.0 without sound).
        peak_dbfs: loudest sample in dBFS, -inf for digital silence.
        black_ratio: 0–1, share of frames that are black.
        frozen_s: longest run of frames that do not differ, seconds.
        distinct_frames: how many sampled frames differ from the one before.
        caption_cues: cues in the soft caption track.
    """

    path: str
    size: int
    container: str
    duration_s: float
    video_codec: str | None
    width: int
    height: int
    fps: float
    frames: int
    audio_codec: str | None
    sample_rate: int
    caption_codec: str | None
    caption_cues: int
    silent_s: float
    silent_ratio: float
    peak_dbfs: float
    black_ratio: float
    frozen_s: float
    distinct_frames: int
    faststart: bool


@dataclass(frozen=True, slots=True)
class MediaExpectation:
    """What a file must be to count as made. None: does not matter.

    Attributes:
        duration_s: expected seconds, met within ``duration_tolerance`` (share) or 1.5 s, whichever is more.
        sound: the file must have a sound track that is not silent as a whole.
        max_silence_s: longest pause allowed, seconds.
        max_frozen_s: longest stretch without any change of the picture that is allowed, seconds.
        max_black_ratio: share of black frames allowed.
        min_distinct_frames: frames that must differ from the one before: a still image has none.
    """

    duration_s: float | None = None
    duration_tolerance: float = 0.10
    width: int | None = None
    height: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    sound: bool = True
    captions: bool = False
    max_silence_s: float | None = None
    max_frozen_s: float | None = None
    max_black_ratio: float = 0.2
    min_distinct_frames: int = 2
    min_size: int = 1024


DURATION_SLACK_S = 1.5
STRETCH = 0.10
"""Share by which whoever composes may stretch what was planned: as much as the whole may be longer."""
SPEECH_PAUSE_S = 3.0
"""Seconds of silence that a speaker makes by himself, on top of the pauses that are planned between narrations."""


def media_problems(report: MediaReport, expected: MediaExpectation) -> tuple[str, ...]:  # noqa: C901, PLR0912 - one check a line
    """What is wrong with a file, in words; empty when it is as expected. Pure."""
    found: list[str] = []
    if report.size < expected.min_size:
        found.append(f"only {report.size} bytes")
    if report.frames == 0 or report.video_codec is None:
        found.append("no video frame could be decoded")
    if expected.duration_s is not None:
        slack = max(DURATION_SLACK_S, expected.duration_s * expected.duration_tolerance)
        if abs(report.duration_s - expected.duration_s) > slack:
            found.append(f"lasts {report.duration_s:.1f} s, expected {expected.duration_s:.1f} s ± {slack:.1f} s")
    for name, have, want in (
        ("width", report.width, expected.width),
        ("height", report.height, expected.height),
        ("video codec", report.video_codec, expected.video_codec),
    ):
        if want is not None and have != want:
            found.append(f"{name} is {have}, expected {want}")
    if expected.sound:
        if report.audio_codec is None:
            found.append("no sound track")
        elif expected.audio_codec is not None and report.audio_codec != expected.audio_codec:
            found.append(f"audio codec is {report.audio_codec}, expected {expected.audio_codec}")
        elif report.silent_ratio >= 0.98:  # noqa: PLR2004 - as good as all of it
            found.append("the sound track is silent")
        elif expected.max_silence_s is not None and report.silent_s > expected.max_silence_s:
            found.append(f"silent for {report.silent_s:.1f} s, longest pause allowed {expected.max_silence_s:.1f} s")
    if expected.captions and report.caption_cues == 0:
        found.append("no caption track")
    if report.frames and report.black_ratio > expected.max_black_ratio:
        found.append(f"{report.black_ratio:.0%} of the frames are black")
    if report.frames and report.distinct_frames < expected.min_distinct_frames:
        found.append("a still image for its whole length")
    elif expected.max_frozen_s is not None and report.frozen_s > expected.max_frozen_s:
        found.append(f"stands still for {report.frozen_s:.1f} s, at most {expected.max_frozen_s:.1f} s are allowed")
    return tuple(found)


def allowed_silence_s(longest_pause_s: float) -> float:
    """The silence that a video may have whose plan has a pause of ``longest_pause_s``. Pure."""
    return longest_pause_s * (1 + STRETCH) + SPEECH_PAUSE_S


def allowed_stillness_s(longest_card_s: float) -> float:
    """How long the picture of a video may stand whose longest card is shown for ``longest_card_s``. Pure."""
    return longest_card_s * (1 + STRETCH) + DURATION_SLACK_S
