"""Stage ``manim`` by the Manim API: one clip for each segment, fetched and probed before it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from config.settings import ServiceSettings
from integrations.kit.artifacts import artifact_of
from integrations.kit.checked import probed
from integrations.kit.http import HttpService, Trace
from integrations.kit.remote_job import RemoteWork, run_remote_work
from integrations.kit.segments import joined_output, make_missing, usable_parts
from integrations.manim.request import Style, render_request
from scheduler.domain.content import Segment
from scheduler.domain.failure import StageFailure
from scheduler.domain.media import DURATION_SLACK_S, MediaExpectation
from scheduler.domain.render import StageOutput
from scheduler.domain.timing import card_characters, reading_time_s
from scheduler.ports.media import LocalMedia
from scheduler.ports.provider import Call

AT_ONCE = 2
"""Clips asked for at the same time: a Manim renders with all it has."""


SHORTEST_CLIP_S = 0.5
"""A clip may end long before its segment: the composer holds the last frame. Less than this is no animation."""


def clip_expectation(claimed_s: float | None) -> MediaExpectation:
    """What a clip must be: of the length its service says it has, and moving.

    Dark scenes are how Manim draws, so blackness is judged mildly; a picture that never moves is refused.
    """
    return MediaExpectation(duration_s=claimed_s, sound=False, max_black_ratio=0.6, min_distinct_frames=2)


def length_problem(length_s: float, asked_s: float) -> str | None:
    """What is wrong with a clip's length beside what was asked for, in words; None when it will do. Pure."""
    longest = max(asked_s * 1.5, asked_s + DURATION_SLACK_S)
    if SHORTEST_CLIP_S <= length_s <= longest:
        return None
    return f"lasts {length_s:.1f} s, asked for {asked_s:.1f} s (from {SHORTEST_CLIP_S:g} s to {longest:.1f} s will do)"


class Progress:
    """The stage's progress from that of its segments: it never falls, however they overtake each other.

    Attributes:
        call: the attempt, with its own reports led through here.
    """

    def __init__(self, call: Call) -> None:
        self._tell = call.progress
        self._shares = {s.index: float(str(s.index) in call.parts) for s in call.needed_script().segments}
        self._furthest = 0.0
        self.call = replace(call, progress=self.tell)

    def tell(self, fraction: float, text: str = "") -> None:
        """Pass on what is told, or the furthest told before."""
        self._furthest = max(self._furthest, fraction)
        self._tell(self._furthest, text)

    def of(self, segment: Segment) -> Callable[[float, str], None]:
        """Takes the progress of one segment's remote work."""

        def report(fraction: float, text: str) -> None:
            self._shares[segment.index] = fraction
            self.tell(sum(self._shares.values()) / len(self._shares), f"segment {segment.index}: {text}")

        return report


class ManimApi:
    """The Manim API as a provider.

    Args:
        settings: where it is and how it is watched.
        media: probes what comes back.
        programme: the line at the top of every card.
        style: size, rate and palette of the picture.
    """

    name = "manim-api"
    service = "manim"

    def __init__(
        self, settings: ServiceSettings, media: LocalMedia, *, programme: str, style: Style | None = None
    ) -> None:
        self._settings = settings
        self._media = media
        self._programme = programme
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
        work = RemoteWork(
            path="/render",
            body=render_request(segment, call.needed_script(), programme=self._programme, style=self._style),
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
        problem = length_problem(report.duration_s, wanted_s)
        if problem is not None:
            await asyncio.to_thread(out.unlink, missing_ok=True)
            raise StageFailure.invalid_output(f"manim's clip: not usable: {problem}")
        artifact = await asyncio.to_thread(artifact_of, out, "video/mp4", result.url)
        progress.of(segment)(1.0, "done")
        return StageOutput(data={"duration_s": report.duration_s}, artifacts={"clip": artifact}, provider=self.name)
