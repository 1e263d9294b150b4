"""Narrations that are still to be spoken. A scene in which nothing is said gets silence, whoever speaks the others."""

from __future__ import annotations

import os
import wave
from dataclasses import replace
from pathlib import Path

from integrations.kit.artifacts import artifact_of
from integrations.kit.segments import usable_parts
from scheduler.domain.content import Segment
from scheduler.domain.render import StageOutput
from scheduler.ports.provider import Call

RATE = 22_050


def to_be_spoken(call: Call, provider: str) -> Call:
    """``call`` with those of its parts whose file is whole, and with silence where there is nothing to say. Blocking.

    That is no fallback, so it stands under the provider's own name: the video is not degraded by it.
    """
    call = usable_parts(call, role="narration")
    wordless = {
        str(segment.index): _silent(call, segment, provider)
        for segment in call.needed_script().segments
        if not segment.narration.strip() and str(segment.index) not in call.parts
    }
    return replace(call, parts={**call.parts, **wordless}) if wordless else call


def _silent(call: Call, segment: Segment, provider: str) -> StageOutput:
    out = call.workdir / f"narration-{segment.index}.wav"
    samples = round(segment.duration_s * RATE)
    _write_silence(out, samples)
    return StageOutput(
        data={"duration_s": samples / RATE, "silent": True},
        artifacts={"narration": artifact_of(out, "audio/wav")},
        provider=provider,
    )


def _write_silence(out: Path, samples: int) -> None:
    part = out.with_name(f".{out.name}.{os.getpid()}")
    with part.open("wb") as raw, wave.open(raw, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(2 * samples))
    part.replace(out)
