"""Stage ``manim`` by a text-to-video server: one clip for each segment, fetched and probed before it counts."""

from __future__ import annotations

import asyncio

from config.settings import SoraSettings
from integrations.kit.artifacts import artifact_of
from integrations.kit.checked import probed
from integrations.kit.clips import Progress, clip_expectation, length_problem
from integrations.kit.http import HttpService, Trace
from integrations.kit.segments import joined_output, make_missing, usable_parts
from integrations.sora.request import scene_prompt, video_request
from integrations.sora.service import generated, open_sora
from scheduler.domain.content import Segment
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import StageOutput
from scheduler.ports.media import LocalMedia
from scheduler.ports.provider import Call

AT_ONCE = 2
"""Clips asked for at the same time."""


class SoraClips:
    """A text-to-video server as a provider of the pictures. They hold no text: narration and captions carry it.

    Args:
        settings: where it is, its model and size.
        media: probes what comes back.
    """

    name = "sora"
    service = "sora"
    """The contract has no ``/health``: nothing can be probed."""

    def __init__(self, settings: SoraSettings, media: LocalMedia) -> None:
        self._settings = settings
        self._media = media

    async def run(self, call: Call) -> StageOutput:
        """Have a clip made for every segment that has none yet.

        Raises:
            StageFailure: the server failed, or what it made is not a moving picture of about the asked length.
        """
        call = await asyncio.to_thread(usable_parts, call, role="clip")
        progress = Progress(call)
        async with open_sora(self._settings) as sora:

            async def make(segment: Segment) -> StageOutput:
                return await self._clip(sora, progress.call, segment, progress)

            parts = await make_missing(progress.call, make, at_once=AT_ONCE)
        return joined_output(call, parts, provider=self.name, role="clip", as_role="clip")

    async def _clip(self, sora: HttpService, call: Call, segment: Segment, progress: Progress) -> StageOutput:
        settings, out = self._settings, call.workdir / f"clip-{segment.index}.mp4"
        body = video_request(
            scene_prompt(segment), model=settings.model, duration_s=segment.duration_s, size=settings.size
        )
        result = await generated(
            sora,
            settings,
            body,
            out,
            trace=Trace.of(call, str(segment.index)),
            timeout_s=call.timeout_s,
            report=progress.of(segment),
        )
        report = await probed(self._media, out, clip_expectation(result.duration_s), what="sora's clip")
        # Whole seconds are asked for, so a clip may be almost one longer than its segment.
        problem = length_problem(report.duration_s, segment.duration_s + 1)
        if problem is not None:
            await asyncio.to_thread(out.unlink, missing_ok=True)
            raise StageFailure.invalid_output(f"sora's clip: not usable: {problem}")
        # Its address needs the server's token: nobody but us could fetch it there.
        artifact = await asyncio.to_thread(artifact_of, out, "video/mp4")
        progress.of(segment)(1.0, "done")
        return StageOutput(data={"duration_s": report.duration_s}, artifacts={"clip": artifact}, provider=self.name)
