"""Stage ``tts`` from narrations that the endpoint spoke on an earlier day: the same text in the same voice."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from integrations.a4f.cache import NarrationCache
from integrations.a4f.request import MEDIA_TYPES
from integrations.kit.artifacts import artifact_of
from integrations.kit.audio import decode_sound
from integrations.kit.narrations import to_be_spoken
from integrations.kit.segments import narrated
from scheduler.domain.content import Segment
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.render import StageOutput
from scheduler.ports.provider import Call


class CachedSpeech:
    """Narrations out of the cache. What is not in it is left to the next provider of the chain.

    Args:
        cache: what ``A4fSpeech`` has kept.
        voice: the endpoint's voice.
        speed: its rate.
    """

    name = "cached-audio"
    service = None

    def __init__(self, cache: NarrationCache, *, voice: str, speed: float) -> None:
        self._cache = cache
        self._voice = voice
        self._speed = speed

    async def run(self, call: Call) -> StageOutput:
        """Take every narration that is there; each is kept as a part.

        Raises:
            StageFailure: UNAVAILABLE, not to be tried again: some were never spoken before.
        """
        call = await asyncio.to_thread(to_be_spoken, call, self.name)
        segments, parts = call.needed_script().segments, {int(name): part for name, part in call.parts.items()}
        for number, segment in enumerate(segments, start=1):
            if segment.index not in parts:
                found = await asyncio.to_thread(self._take, call, segment)
                if found is not None:
                    await call.save_part(str(segment.index), found)
                    parts[segment.index] = found
            call.progress(number / len(segments), f"{len(parts)} of {len(segments)} narrations")
        missing = [segment.index for segment in segments if segment.index not in parts]
        if missing:
            raise StageFailure(
                f"{len(missing)} of {len(segments)} narrations were never spoken before in voice {self._voice}",
                kind=FailureClass.UNAVAILABLE,
                retryable=False,
                details={"missing_segments": missing},
            )
        return narrated(call, parts, provider=self.name)

    def _take(self, call: Call, segment: Segment) -> StageOutput | None:
        kept = self._cache.find(segment.narration, voice=self._voice, speed=self._speed)
        if kept is None:
            return None
        out: Path = call.workdir / f"narration-{segment.index}{kept.suffix}"
        try:
            shutil.copyfile(kept, out)
            duration_s = decode_sound(out).duration_s
        except (OSError, StageFailure):  # it went meanwhile, or the disk has damaged it
            kept.unlink(missing_ok=True)
            out.unlink(missing_ok=True)
            return None
        return StageOutput(
            data={"duration_s": duration_s, "silent": False},
            artifacts={"narration": artifact_of(out, MEDIA_TYPES.get(kept.suffix, "audio/mpeg"))},
            provider=self.name,
        )
