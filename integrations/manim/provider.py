"""Stage ``manim`` by the Manim API: one clip for each segment, fetched and probed before it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from config.settings import ServiceSettings
from integrations.kit.artifacts import artifact_of
from integrations.kit.checked import probed
from integrations.kit.clips import Progress, clip_expectation, length_problem
from integrations.kit.http import HttpService, Trace
from integrations.kit.remote_job import RemoteWork, run_remote_work
from integrations.kit.segments import joined_output, make_missing, usable_parts
from integrations.manim.request import Style, render_request
from scheduler.domain.content import Segment, name_in
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import StageOutput
from scheduler.domain.timing import card_characters, reading_time_s
from scheduler.domain.workflow import scene_spec
from scheduler.ports.media import LocalMedia
from scheduler.ports.provider import Call

AT_ONCE = 2
"""Clips asked for at the same time: a Manim renders with all it has."""


class ManimApi:
    """The Manim API as a provider.

    Args:
        settings: where it is and how it is watched.
        media: probes what comes back.
        programme: the line at the top of every card.
        names: what it is in other languages.
        style: size, rate and palette of the picture.
    """

    name = "manim-api"
    service = "manim"

    def __init__(
        self,
        settings: ServiceSettings,
        media: LocalMedia,
        *,
        programme: str,
        names: Mapping[str, str] | None = None,
        style: Style | None = None,
    ) -> None:
        self._settings = settings
        self._media = media
        self._programme = programme
        self._names = names or {}
        self._style = style or Style()

    async def run(self, call: Call) -> StageOutput:
        """Render every segment that has no clip yet.

        Raises:
            StageFailure: the service failed, or what it made is not a moving picture of about the asked length.
        """
        call = await asyncio.to_thread(usable_parts, call, role="clip")
        async with HttpService.of("manim", self._settings) as manim:
            if any(str(segment.index) not in call.parts for segment in call.needed_script().segments):
                await manim.preflight(trace=Trace.of(call))

            progress = Progress(call)

            async def make(segment: Segment) -> StageOutput:
                return await self._clip(manim, progress.call, segment, progress)

            parts = await make_missing(progress.call, make, at_once=AT_ONCE)
        return joined_output(call, parts, provider=self.name, role="clip", as_role="clip")

    async def _clip(self, manim: HttpService, call: Call, segment: Segment, progress: Progress) -> StageOutput:
        trace = Trace.of(call, str(segment.index))
        script = call.needed_script()
        programme = name_in(script.language, self._programme, self._names)
        own = scene_spec(call.job.payload, segment.index)
        work = RemoteWork(
            path="/render",
            body=dict(own or render_request(segment, script, programme=programme, style=self._style)),
            poll_path=self._settings.poll_path,
            poll_s=self._settings.poll_s,
            timeout_s=call.timeout_s,
        )
        result = await run_remote_work(manim, work, trace=trace, report=progress.of(segment))
        out = call.workdir / f"clip-{segment.index}.mp4"
        await manim.download(result.url, out, trace=trace, timeout_s=call.timeout_s)
        report = await probed(self._media, out, clip_expectation(result.duration_s), what="manim's clip")
        # A card whose text flows over several pages stays as long as reading takes, whatever was asked for.
        wanted_s = max(segment.duration_s, reading_time_s(card_characters(segment)))
        # A workflow's own scene lasts as long as its maker says.
        problem = None if own else length_problem(report.duration_s, wanted_s)
        if problem is not None:
            await asyncio.to_thread(out.unlink, missing_ok=True)
            raise StageFailure.invalid_output(f"manim's clip: not usable: {problem}")
        artifact = await asyncio.to_thread(artifact_of, out, "video/mp4", result.url)
        progress.of(segment)(1.0, "done")
        return StageOutput(data={"duration_s": report.duration_s}, artifacts={"clip": artifact}, provider=self.name)
