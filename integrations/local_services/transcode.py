"""Sound in the formats of the speech contract. Synchronous, PyAV; call it from a thread."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

PCM_RATE = 24_000
"""Samples a second of raw ``pcm``, as the contract has it."""


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """How a format is written: container, codec (None: raw samples), and rate (None: as it is)."""

    media_type: str
    container: str
    codec: str
    rate: int | None = None
    sample_format: str = "fltp"


FORMATS = {
    "mp3": SoundFormat("audio/mpeg", "mp3", "libmp3lame"),
    "opus": SoundFormat("audio/ogg", "ogg", "libopus", rate=48_000, sample_format="flt"),
    "aac": SoundFormat("audio/aac", "adts", "aac"),
    "flac": SoundFormat("audio/flac", "flac", "flac", sample_format="s16"),
    "wav": SoundFormat("audio/wav", "wav", "pcm_s16le", sample_format="s16"),
    "pcm": SoundFormat("audio/pcm", "s16le", "pcm_s16le", rate=PCM_RATE, sample_format="s16"),
}


def transcode(source: Path, name: str) -> bytes:
    """The sound file ``source`` in the format called ``name`` (a key of ``FORMATS``), mono."""
    target = FORMATS[name]
    written = io.BytesIO()
    with av.open(str(source)) as reader, av.open(written, "w", format=target.container) as container:
        writer: Any = container  # PyAV's own annotations leave packets open; Any keeps that from spreading
        stream_in = reader.streams.audio[0]
        rate = target.rate or stream_in.codec_context.sample_rate
        stream_out = writer.add_stream(target.codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(format=target.sample_format, layout="mono", rate=rate)
        for frame in (*reader.decode(stream_in), None):
            for piece in resampler.resample(frame):
                writer.mux(stream_out.encode(piece))
        writer.mux(stream_out.encode())
    return written.getvalue()
