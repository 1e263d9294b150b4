"""Sound files, decoded to the last sample: what a speech service sent is a claim until then."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scheduler.domain.failure import StageFailure

if TYPE_CHECKING:
    import numpy.typing as npt

SILENCE_DBFS = -50.0
"""A narration whose loudest sample is below this is silence."""
FASTEST_CHARS_PER_S = 45.0
"""Nobody speaks faster than this at normal rate (about 15 is usual): less sound than that was cut."""
LONGEST_PAUSE_S = 5.0
"""Nobody who narrates at normal rate is silent for longer than this: what was to be said there is missing."""
STREAMED_WAV = 0x4000_0000
"""Lengths from here on stand for "not known yet" in wav files that are written as they are made."""


@dataclass(frozen=True, slots=True)
class SoundReport:
    """What decoding found.

    Attributes:
        duration_s: seconds of decoded sound.
        declared_s: seconds the file's header promises, or None.
        peak_dbfs: loudest sample, -inf for digital silence.
        silent_s: longest stretch of silence, seconds.
    """

    duration_s: float
    declared_s: float | None
    peak_dbfs: float
    silent_s: float = 0.0


def decode_sound(path: Path) -> SoundReport:
    """Decode the whole file. Takes a few milliseconds for each minute of sound: call it from a thread.

    Raises:
        StageFailure: INVALID_OUTPUT when there is no sound in it or it cannot be decoded.
    """
    import av  # noqa: PLC0415 - this and numpy are 30 MB, and most daemons decode no sound
    import av.error  # noqa: PLC0415 - as above
    import numpy as np  # noqa: PLC0415 - as above

    samples, rate, peak, quiet_s, longest_s = 0, 0, 0.0, 0.0, 0.0
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise StageFailure.invalid_output(f"{path.name} holds no sound")
            stream = container.streams.audio[0]
            declared = _seconds(stream.duration, stream.time_base)
            planar = av.AudioResampler(format="fltp")
            for frame in container.decode(stream):
                rate = frame.sample_rate
                samples += frame.samples
                for piece in planar.resample(frame):
                    values = piece.to_ndarray()
                    if values.size:
                        peak = max(peak, float(np.max(np.abs(values))))
                        quiet_s = quiet_s + piece.samples / rate if _is_quiet(values) else 0.0
                        longest_s = max(longest_s, quiet_s)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise StageFailure.invalid_output(f"{path.name} cannot be decoded as sound: {error}") from error
    if not samples or not rate:
        raise StageFailure.invalid_output(f"{path.name} holds no sound")
    announced, size = riff_size(path), path.stat().st_size
    if announced is not None and announced > size + 1:
        raise StageFailure.invalid_output(f"{path.name} is cut off: {size} of {announced} bytes")
    return SoundReport(
        duration_s=samples / rate,
        declared_s=declared,
        peak_dbfs=20 * math.log10(peak) if peak > 0 else -math.inf,
        silent_s=longest_s,
    )


def _is_quiet(values: npt.NDArray[Any]) -> bool:
    """Whether a piece of sound, some hundredths of a second, is silence."""
    return math.sqrt(float((values**2).mean())) < 10 ** (SILENCE_DBFS / 20)


def riff_size(path: Path) -> int | None:
    """The length in bytes that a wav file gives itself; None for other files, and where it was written as a stream.

    The decoder takes what there is for the whole, so a cut wav would pass for a short one.
    """
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    size = int.from_bytes(head[4:8], "little")
    return size + 8 if 0 < size < STREAMED_WAV else None


def sound_problems(report: SoundReport, *, text: str, speed: float) -> tuple[str, ...]:
    """What is wrong with a narration of ``text``, in words; empty when it can be it. Pure."""
    found: list[str] = []
    if report.peak_dbfs < SILENCE_DBFS:
        found.append("it is silent")
    elif report.silent_s > (pause_s := LONGEST_PAUSE_S / min(speed, 1.0)):
        found.append(f"it is silent for {report.silent_s:.1f} s, a speaker pauses for {pause_s:.1f} s at most")
    least = len(text.strip()) / (FASTEST_CHARS_PER_S * speed)
    if report.duration_s < least:
        found.append(f"{report.duration_s:.1f} s cannot hold {len(text.strip())} characters: it was cut")
    elif report.declared_s is not None and report.duration_s < report.declared_s * 0.9 - 0.5:
        found.append(f"it ends after {report.duration_s:.1f} s of the {report.declared_s:.1f} s it announces")
    return tuple(found)


def _seconds(duration: int | None, time_base: Fraction | None) -> float | None:
    if duration is None or time_base is None:
        return None
    return float(duration * time_base)
