"""Our captions on a video that a service made: streams are copied, nothing is encoded again."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from integrations.media.boxes import refuse_what_is_no_media
from integrations.media.compose import soft
from integrations.media.compose.captions import Cue
from integrations.media.compose.composer import FASTSTART, captions_of, seconds_of
from integrations.media.compose.source import sound_seconds
from integrations.media.compose.thumbnail import save_thumbnail
from integrations.media.untyped import Container, FFmpegError, Packet, VideoFrame, av
from scheduler.domain.content import SegmentKind
from scheduler.domain.failure import StageFailure
from scheduler.ports.media import TimedSegment


def add_captions(
    source: Path, segments: Sequence[TimedSegment], video: Path, thumbnail: Path, *, language: str
) -> float:
    """Write the copy and its thumbnail; the video's length in seconds.

    The captions follow the segments' durations, scaled to the video's real length: the service may have timed them
    a little differently.

    Raises:
        StageFailure: INVALID_OUTPUT when ``source`` has no picture or cannot be read.
    """
    refuse_what_is_no_media(source)
    try:
        with av.open(str(source)) as container:
            if not container.streams.video:
                raise StageFailure.invalid_output(f"{source.name} has no picture")
            duration = _copy(container, segments, video, language)
        _portrait(source, segments, duration, thumbnail)
    except FFmpegError as error:
        raise StageFailure.invalid_output(f"{source.name} is damaged or cut off: {error.strerror or error}") from error
    return duration


def _copy(container: Container, segments: Sequence[TimedSegment], video: Path, language: str) -> float:
    picture = container.streams.video[0]
    kept: list[Any] = [picture, *container.streams.audio[:1]]
    duration = (
        float(picture.duration * picture.time_base)
        if picture.duration is not None and picture.time_base is not None
        else (container.duration or 0) / av.time_base
    )
    with av.open(str(video), "w", format="mp4", options=FASTSTART) as out:
        for key, value in container.metadata.items():
            if key in {"title", "comment", "artist"}:
                out.metadata[key] = value
        copies = {stream.index: out.add_stream_from_template(stream) for stream in kept}
        track = soft.add_track(out, language)
        out.start_encoding()

        def copied() -> Iterator[Packet]:
            for packet in container.demux(kept):
                if packet.dts is not None:
                    packet.stream = copies[packet.stream.index]
                    yield packet

        for packet in heapq.merge(copied(), soft.packets(track, scaled_cues(segments, duration)), key=seconds_of):
            out.mux(packet)
    return duration


def scaled_cues(segments: Sequence[TimedSegment], duration_s: float) -> list[Cue]:
    """The captions of all segments, stretched over a video of this length."""
    planned = sum(timed.duration_s for timed in segments)
    scale = duration_s / planned if planned > 0 and duration_s > 0 else 1.0
    found: list[Cue] = []
    start = 0.0
    for timed in segments:
        spoken = _spoken(timed)
        cues = captions_of(timed, min(spoken, timed.duration_s), start, timed.duration_s)
        found.extend(Cue(cue.start_s * scale, cue.end_s * scale, cue.lines) for cue in cues)
        start += timed.duration_s
    return found


def _spoken(timed: TimedSegment) -> float:
    """The narration's length; a file that cannot be read only costs the captions their exact timing."""
    if timed.narration is None or not timed.narration.is_file():
        return 0.0
    try:
        return sound_seconds(timed.narration)
    except StageFailure:
        return 0.0


def _portrait(source: Path, segments: Sequence[TimedSegment], duration: float, thumbnail: Path) -> None:
    """The picture near the end of the first point: by then its text stands."""
    wanted = duration / 3
    start = 0.0
    for timed in segments:
        if timed.segment.kind is SegmentKind.POINT:
            wanted = min(start + timed.duration_s * 0.8, duration * 0.9)
            break
        start += timed.duration_s
    with av.open(str(source)) as container:
        container.seek(int(wanted * av.time_base))
        best: VideoFrame | None = None
        for frame in container.decode(video=0):
            best = frame
            if frame.time is None or frame.time >= wanted:
                break
        if best is None:
            raise StageFailure.invalid_output(f"{source.name}: no frame could be decoded")
        save_thumbnail(best, thumbnail)
