"""Stage ``tts`` by an OpenAI-compatible speech endpoint: one narration for each segment, decoded before it counts."""

from __future__ import annotations

import asyncio
from pathlib import Path

from config.sections.base import Url
from config.settings import SpeechSettings
from integrations.a4f.cache import NarrationCache
from integrations.a4f.request import (
    FILE_SUFFIXES,
    MAX_INPUT,
    audio_address,
    media_type_of,
    speech_path,
    speech_request,
)
from integrations.kit.artifacts import artifact_of
from integrations.kit.audio import decode_sound, sound_problems
from integrations.kit.http import HttpService, Trace
from integrations.kit.narrations import to_be_spoken
from integrations.kit.segments import make_missing, narrated
from scheduler.domain.content import Segment
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import StageOutput
from scheduler.ports.provider import Call

AT_ONCE = 2
"""Narrations asked for at the same time."""
NARRATION_TIMEOUT_S = 15.0
"""Seconds one narration may take: there is no /health to ask, so silence must be found out by waiting."""
MAX_AUDIO_MB = 50
"""Largest narration accepted, MiB."""


class A4fSpeech:
    """A4F, or any endpoint that speaks its contract, as a provider.

    Args:
        settings: address, key, model and voice.
        cache: keeps what was spoken, for ``CachedSpeech``; None: nothing is kept.

    Raises:
        ValueError: no address is set: the provider must not be built.
    """

    name = "a4f"
    service = "tts"

    def __init__(self, settings: SpeechSettings, cache: NarrationCache | None = None) -> None:
        if settings.a4f_url is None:
            raise ValueError("speech.a4f_url is not set: leave provider a4f out, or set it to https://api.a4f.co")
        self._url: Url = settings.a4f_url
        self._settings = settings
        self._cache = cache

    async def run(self, call: Call) -> StageOutput:
        """Narrate every segment that has no narration yet.

        Raises:
            StageFailure: the endpoint failed, or what it sent cannot be the narration.
        """
        call = await asyncio.to_thread(to_be_spoken, call, self.name)
        endpoint = HttpService("a4f", self._url, token=self._settings.a4f_key, max_media_mb=MAX_AUDIO_MB)
        async with endpoint as a4f:

            async def make(segment: Segment) -> StageOutput:
                return await self._narrate(a4f, call, segment)

            parts = await make_missing(call, make, at_once=AT_ONCE)
        return narrated(call, parts, provider=self.name)

    async def _narrate(self, a4f: HttpService, call: Call, segment: Segment) -> StageOutput:
        text = segment.narration
        if len(text) > MAX_INPUT:
            raise StageFailure.invalid_input(
                f"the narration of segment {segment.index} has {len(text)} characters, a4f takes {MAX_INPUT}"
            )
        trace, timeout_s = Trace.of(call, str(segment.index)), min(call.timeout_s, NARRATION_TIMEOUT_S)
        raw = call.workdir / f"narration-{segment.index}.a4f"
        body = speech_request(
            text, model=self._settings.a4f_model, voice=self._settings.a4f_voice, speed=self._settings.speed
        )
        answer = await a4f.fetch("POST", speech_path(self._url), raw, trace=trace, timeout_s=timeout_s, body=body)
        url: str | None = None
        if answer.document is not None:
            url = audio_address(answer.document)
            if url is None:
                raise StageFailure.invalid_output("a4f answered JSON with neither sound nor its address in it")
            answer = await a4f.download(url, raw, trace=trace, timeout_s=timeout_s)
        media_type = media_type_of(answer.content_type)
        duration_s, out = await asyncio.to_thread(self._accept, raw, text, media_type)
        artifact = await asyncio.to_thread(artifact_of, out, media_type)
        if self._cache is not None:
            settings = self._settings
            await asyncio.to_thread(self._cache.keep, text, out, voice=settings.a4f_voice, speed=settings.speed)
        return StageOutput(
            data={"duration_s": duration_s, "silent": False}, artifacts={"narration": artifact}, provider=self.name
        )

    def _accept(self, raw: Path, text: str, media_type: str) -> tuple[float, Path]:
        """Decode the narration and give the file its suffix; a file that is no narration goes."""
        try:
            report = decode_sound(raw)
            problems = sound_problems(report, text=text, speed=self._settings.speed)
            if problems:
                raise StageFailure.invalid_output(f"a4f's narration is not usable: {', '.join(problems)}")
            return report.duration_s, raw.replace(raw.with_suffix(FILE_SUFFIXES.get(media_type, ".mp3")))
        finally:
            raw.unlink(missing_ok=True)
