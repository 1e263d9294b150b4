"""A text to a narration file: every script in its voice, evenly loud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from integrations.media.speech.espeak import Espeak
from integrations.media.speech.wav import write_wav
from integrations.media.speech.words import speakable, voices
from scheduler.domain.failure import StageFailure

PEAK = 10 ** (-3 / 20)
"""Of full scale: -3 dBFS leaves room for what AAC adds."""
QUIET = 0.006
SWITCH_S = 0.09
"""The pause where the voice changes within a sentence."""
SENTENCE_S = 0.35
END_S = 0.12
FADE_S = 0.005

Samples = npt.NDArray[np.floating[Any]]


def narrate(text: str, out: Path, *, voice: str, speed: float) -> float:
    """Write ``text`` as spoken; its length in seconds.

    Raises:
        StageFailure: INVALID_INPUT for an unknown voice, or for a text with nothing in it that can be spoken.
    """
    engine = Espeak()
    pieces: list[Samples] = []
    before = ""
    engine.say("", voice=voice, speed=speed)
    for spoken_by, piece in voices(speakable(text, hindi=voice.split("-", 1)[0] == "hi"), voice):
        raw = np.frombuffer(engine.say(piece, voice=spoken_by, speed=speed), "<i2").astype(np.float32) / 32768
        sound = _trimmed(raw, engine.rate)
        if not sound.size:
            continue
        if pieces:
            pause = SENTENCE_S if ends_sentence(before) else SWITCH_S
            pieces.append(np.zeros(round(engine.rate * pause), np.float32))
        pieces.append(_levelled(sound))
        before = piece
    if not pieces:
        raise StageFailure.invalid_input(f"nothing in the narration can be spoken: {text[:80]!r}")
    pieces.append(np.zeros(round(engine.rate * END_S), np.float32))
    sound = np.concatenate(pieces)
    return write_wav(out, (sound * 32767).astype("<i2").tobytes(), engine.rate)


def ends_sentence(text: str) -> bool:
    """Whether the pause after ``text`` is that of a sentence."""
    return text.rstrip(" \"'”’)").endswith((".", "!", "?", "।"))


def _levelled(sound: Samples) -> Samples:
    """The same with its loudest sample at ``PEAK``: voices differ in loudness."""
    return (sound * (PEAK / max(float(np.abs(sound).max()), 1e-6))).astype(np.float32)


def _trimmed(sound: Samples, rate: int) -> Samples:
    """Without the silence before and after, faded at both ends so that nothing clicks."""
    heard = np.flatnonzero(np.abs(sound) > QUIET)
    if not heard.size:
        return sound[:0]
    margin = round(rate * 0.03)
    cut = sound[max(0, int(heard[0]) - margin) : int(heard[-1]) + margin].copy()
    fade = min(round(rate * FADE_S), cut.size // 2)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    cut[:fade] *= ramp
    cut[cut.size - fade :] *= ramp[::-1]
    return cut
