"""The composer: plan the segments, encode their pictures side by side, mux them with sound and captions in order."""

from __future__ import annotations

import heapq
import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from integrations.media.cards.theme import FPS
from integrations.media.compose import soft
from integrations.media.compose.captions import Cue, cues
from integrations.media.compose.segment import CRF, Encoded, Plan, encode
from integrations.media.compose.source import SAMPLE_RATE, Samples, sound, sound_seconds
from integrations.media.compose.thumbnail import save_thumbnail
from integrations.media.untyped import Encoder, Packet, av
from integrations.media.video import configure
from scheduler.domain.content import SegmentKind
from scheduler.domain.timing import LEAD_S
from scheduler.ports.media import TimedSegment

AAC_BITRATE = 128_000
AAC_FRAME = 1024
TAIL_S = 0.15
"""The least that a segment lasts beyond its narration."""
FASTSTART = {"movflags": "+faststart"}


def compose(
    segments: Sequence[TimedSegment],
    video: Path,
    thumbnail: Path,
    *,
    title: str,
    language: str,
    progress: Callable[[float, str], None],
) -> float:
    """Write video and thumbnail; the video's length in seconds.

    Raises:
        StageFailure: INVALID_INPUT for a clip or narration that cannot be decoded.
    """
    plans = plan(segments)
    total = plans[-1].total_frames
    portrait = next((n for n, timed in enumerate(segments) if timed.segment.kind is SegmentKind.POINT), 0)
    with av.open(str(video), "w", format="mp4", options=FASTSTART) as out:
        out.metadata["title"] = title
        pictures = out.add_stream("libx264", rate=FPS)
        configure(pictures.codec_context, crf=CRF)
        voice: Any = out.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        voice.codec_context.bit_rate = AAC_BITRATE
        voice.metadata["language"] = soft.language_code(language)
        captions = soft.add_track(out, language)
        out.start_encoding()
        spoken = _Voice(voice.codec_context)
        for n, (timed, part, encoded) in enumerate(zip(segments, plans, _encoded(plans), strict=True)):
            for packet in encoded.packets:
                packet.stream = pictures
            streams = (encoded.packets, spoken.packets(timed.narration, part, voice), soft.packets(captions, part.cues))
            for packet in heapq.merge(*streams, key=seconds_of):
                out.mux(packet)
            if n == portrait:
                save_thumbnail(encoded.last, thumbnail)
            done = (part.first_frame + part.frames) / total
            progress(done * 0.98, f"composed {n + 1} of {len(plans)} segments")
        out.mux(spoken.rest(voice))
    progress(1.0, "composed")
    return total / FPS


def plan(segments: Sequence[TimedSegment]) -> list[Plan]:
    """Frames and captions of every segment. A segment too short for its narration is stretched."""
    spoken = [0.0 if timed.narration is None else sound_seconds(timed.narration) for timed in segments]
    frames = [
        max(round(timed.duration_s * FPS), math.ceil((LEAD_S + length + TAIL_S) * FPS) if length else 1)
        for timed, length in zip(segments, spoken, strict=True)
    ]
    plans: list[Plan] = []
    for n, timed in enumerate(segments):
        first = sum(frames[:n])
        plans.append(
            Plan(
                clip=timed.clip,
                first_frame=first,
                frames=frames[n],
                total_frames=sum(frames),
                cues=captions_of(timed, spoken[n], first / FPS, frames[n] / FPS),
                following=segments[n + 1].clip if n + 1 < len(segments) else None,
            )
        )
    return plans


def captions_of(timed: TimedSegment, spoken_s: float, start_s: float, length_s: float) -> tuple[Cue, ...]:
    """A segment's captions: over its narration, or over the whole of it when nothing is spoken."""
    duration = spoken_s or max(0.5, length_s - LEAD_S - TAIL_S)
    return cues(timed.segment.narration, start_s=start_s + LEAD_S, duration_s=duration)


def _encoded(plans: Sequence[Plan]) -> Iterator[Encoded]:
    """The encoded segments in order; as many at once as there are cores, and no more than one ahead waits in memory."""
    workers = max(1, min(4, os.cpu_count() or 1))
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque(plans)
        running: deque[Future[Encoded]] = deque()
        while waiting or running:
            while waiting and len(running) <= workers:
                running.append(pool.submit(encode, waiting.popleft()))
            yield running.popleft().result()


def seconds_of(packet: Packet) -> float:
    """When a packet is due: what interleaving goes by."""
    base = packet.time_base or Fraction(1)
    return float((packet.dts if packet.dts is not None else packet.pts or 0) * base)


class _Voice:
    """Encodes the sound track: narrations at their places, silence between them."""

    def __init__(self, context: Encoder) -> None:
        self._context = context
        self._held: Samples = np.zeros(0, np.float32)
        self._written = 0

    def packets(self, narration: Path | None, part: Plan, stream: Any) -> Iterator[Packet]:
        """The packets of one segment; what does not fill an AAC frame waits for the next."""
        end = round((part.first_frame + part.frames) * SAMPLE_RATE / FPS)
        reached = round(part.first_frame * SAMPLE_RATE / FPS)
        pieces = _with_lead(narration)
        for piece in pieces:
            kept = piece[: max(0, end - reached)]
            reached += kept.size
            yield from self._feed(kept, stream)
        while reached < end:
            silence = np.zeros(min(SAMPLE_RATE, end - reached), np.float32)
            reached += silence.size
            yield from self._feed(silence, stream)

    def rest(self, stream: Any) -> list[Packet]:
        """What is still in the encoder."""
        packets = list(self._feed(np.zeros(-self._held.size % AAC_FRAME, np.float32), stream))
        return packets + self._owned(self._context.encode(None), stream)

    def _feed(self, piece: Samples, stream: Any) -> Iterator[Packet]:
        held = np.concatenate((self._held, piece))
        whole = held.size // AAC_FRAME * AAC_FRAME
        for start in range(0, whole, AAC_FRAME):
            block = np.ascontiguousarray(held[start : start + AAC_FRAME]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            frame.pts = self._written
            frame.time_base = Fraction(1, SAMPLE_RATE)
            self._written += AAC_FRAME
            yield from self._owned(self._context.encode(frame), stream)
        self._held = held[whole:]

    def _owned(self, packets: list[Packet], stream: Any) -> list[Packet]:
        for packet in packets:
            packet.stream = stream
            packet.time_base = Fraction(1, SAMPLE_RATE)
        return packets


def _with_lead(narration: Path | None) -> Iterator[Samples]:
    if narration is not None:
        yield np.zeros(round(LEAD_S * SAMPLE_RATE), np.float32)
        yield from sound(narration)
