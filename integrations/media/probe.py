"""The probe: decode a whole file and report what is in it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler

from integrations.media.boxes import is_faststart, refuse_what_is_no_media
from integrations.media.untyped import AudioFrame, Container, FFmpegError, VideoFrame, av
from scheduler.domain.failure import StageFailure
from scheduler.domain.media import MediaReport

SILENCE_DBFS = -50.0
"""A stretch of sound whose RMS lies below this counts as silence."""
WINDOW_S = 0.05
BLACK_LUMA = 24.0
"""Mean luma (16 is black in limited range) up to which a frame counts as black."""
ROWS, COLUMNS = 4, 8
"""Every so manieth row and column of luma is looked at."""
CHANGED_BY = 16
CHANGED_SHARE = 0.0004
"""A frame differs when this share of the samples changed by more than ``CHANGED_BY``: captions do, grain does not."""
MISSING_SHARE, MISSING_S = 0.03, 0.5
"""A file breaks off when more than this is missing of what its container promises."""

Luma = npt.NDArray[np.int16]
Samples = npt.NDArray[np.floating[Any]]


@dataclass(slots=True)
class _Pictures:
    fps: float
    frames: int = 0
    black: int = 0
    distinct: int = 0
    ends_s: float = 0.0
    frozen_s: float = 0.0
    _still_since: float = 0.0
    _reference: Luma | None = None

    def see(self, frame: VideoFrame) -> None:
        self.frames += 1
        begins = float(frame.time) if frame.time is not None else self.ends_s
        self.ends_s = begins + 1 / self.fps
        luma = _luma(frame)
        self.black += float(luma.mean()) <= BLACK_LUMA
        if self._reference is None or self._reference.shape != luma.shape:
            changed = self._reference is not None
        else:
            moved = np.count_nonzero(np.abs(luma - self._reference) > CHANGED_BY)
            changed = moved > luma.size * CHANGED_SHARE
        if changed:
            self.distinct += 1
            self._still_since = begins
        if changed or self._reference is None:
            self._reference = luma
        self.frozen_s = max(self.frozen_s, self.ends_s - self._still_since)


@dataclass(slots=True)
class _Sound:
    rate: int
    samples: int = 0
    peak: float = 0.0
    windows: int = 0
    silent: int = 0
    longest: int = 0
    _run: int = 0
    _held: Samples = field(default_factory=lambda: np.zeros(0, np.float32))

    def hear(self, piece: Samples) -> None:
        self.samples += piece.size
        if piece.size:
            self.peak = max(self.peak, float(np.abs(piece).max()))
        size = max(1, round(self.rate * WINDOW_S))
        held = np.concatenate((self._held, piece))
        whole = held.size // size * size
        self._held = held[whole:]
        levels = np.sqrt((held[:whole].reshape(-1, size) ** 2).mean(axis=1))
        for quiet in (levels < 10 ** (SILENCE_DBFS / 20)).tolist():
            self.windows += 1
            self.silent += quiet
            self._run = self._run + 1 if quiet else 0
            self.longest = max(self.longest, self._run)

    @property
    def seconds(self) -> float:
        return self.samples / self.rate if self.rate else 0.0

    @property
    def peak_dbfs(self) -> float:
        return 20 * float(np.log10(self.peak)) if self.peak > 0 else float("-inf")

    @property
    def silent_ratio(self) -> float:
        return self.silent / self.windows if self.windows else 1.0


def probe(path: Path) -> MediaReport:
    """Decode everything in ``path``.

    Raises:
        StageFailure: INVALID_OUTPUT when it is no media file, cannot be decoded or breaks off.
    """
    refuse_what_is_no_media(path)
    try:
        with av.open(str(path)) as container:
            return _report(path, container)
    except FFmpegError as error:
        raise StageFailure.invalid_output(
            f"{path.name} is damaged or cut off: {error.strerror or error} ({path.stat().st_size} bytes)"
        ) from error


def _report(path: Path, container: Container) -> MediaReport:
    video, audio, subtitles = (
        next(iter(streams), None)
        for streams in (container.streams.video, container.streams.audio, container.streams.subtitles)
    )
    if video is None and audio is None:
        raise StageFailure.invalid_output(f"{path.name} has neither picture nor sound")
    fps = float(video.average_rate or video.guessed_rate or 30) if video is not None else 0.0
    pictures, sound = _Pictures(fps), _Sound(audio.rate if audio is not None else 0)
    cues = _decode(container, (video, audio, subtitles), pictures, sound)
    duration = pictures.ends_s if video is not None else sound.seconds
    _refuse_cut(path, container, video, pictures, duration)
    return MediaReport(
        path=str(path),
        size=path.stat().st_size,
        container=container.format.name,
        duration_s=round(duration, 3),
        video_codec=_codec(video),
        width=getattr(video, "width", 0),
        height=getattr(video, "height", 0),
        fps=round(fps, 3),
        frames=pictures.frames,
        audio_codec=_codec(audio),
        sample_rate=sound.rate,
        caption_codec=_codec(subtitles),
        caption_cues=cues,
        silent_s=round(sound.longest * WINDOW_S, 3),
        silent_ratio=round(sound.silent_ratio, 4),
        peak_dbfs=round(sound.peak_dbfs, 2),
        black_ratio=round(pictures.black / pictures.frames, 4) if pictures.frames else 0.0,
        frozen_s=round(pictures.frozen_s, 3),
        distinct_frames=pictures.distinct,
        faststart=is_faststart(path),
    )


def _codec(stream: Any) -> str | None:
    return None if stream is None else str(stream.codec_context.name)


def _decode(container: Container, streams: tuple[Any, Any, Any], pictures: _Pictures, sound: _Sound) -> int:
    """Show every frame to ``pictures`` and ``sound``; how many captions came by."""
    video, audio, subtitles = streams
    if video is not None:
        video.codec_context.thread_type = "AUTO"
        video.codec_context.thread_count = min(4, os.cpu_count() or 1)
    resampler = AudioResampler(format="flt", layout="mono", rate=sound.rate or None)
    cues = 0
    for packet in container.demux([stream for stream in streams if stream is not None]):
        if packet.stream is subtitles:
            cues += packet.size > 2 and any(bytes(packet)[2:])  # noqa: PLR2004 - the length of a text
        elif packet.stream is video:
            for frame in packet.decode():
                pictures.see(frame)
        else:
            for frame in packet.decode():
                sound.hear(_mono(resampler, frame))
    if audio is not None:
        sound.hear(_mono(resampler, None))
    return cues


def _refuse_cut(path: Path, container: Container, video: Any, pictures: _Pictures, duration: float) -> None:
    """A file whose index comes first decodes without an error up to where it was cut: compare with what it promises."""
    promised = float(container.duration or 0) / av.time_base
    if video is not None and video.duration is not None and video.time_base is not None:
        promised = float(video.duration * video.time_base)
    short_s = promised - duration
    missing = (video.frames if video is not None else 0) - pictures.frames
    if short_s > max(MISSING_S, promised * MISSING_SHARE) or missing > max(15, pictures.frames * MISSING_SHARE):
        raise StageFailure.invalid_output(
            f"{path.name} is cut off: it promises {promised:.1f} s and has {duration:.1f} s ({pictures.frames} frames)"
        )


def _luma(frame: VideoFrame) -> Luma:
    """A grid of luma samples."""
    if not frame.format.name.startswith(("yuv", "nv", "gray")) or frame.format.components[0].bits != 8:  # noqa: PLR2004
        frame = frame.reformat(format="gray")
    plane: Any = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
    return rows[::ROWS, ::COLUMNS].astype(np.int16)


def _mono(resampler: AudioResampler, frame: AudioFrame | None) -> Samples:
    pieces = [part.to_ndarray().reshape(-1) for part in resampler.resample(frame)]
    return cast("Samples", np.concatenate(pieces)) if pieces else np.zeros(0, np.float32)
