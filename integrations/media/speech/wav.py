"""Writing wav files: 16 bit, mono."""

from __future__ import annotations

import wave
from pathlib import Path

SILENCE_RATE = 22_050


def write_wav(out: Path, samples: bytes, rate: int) -> float:
    """Write little-endian 16-bit samples; their length in seconds."""
    with out.open("wb") as raw, wave.open(raw, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return len(samples) / 2 / rate


def write_silence(out: Path, duration_s: float) -> float:
    """Write digital silence; its length in seconds."""
    return write_wav(out, bytes(2 * round(duration_s * SILENCE_RATE)), SILENCE_RATE)
