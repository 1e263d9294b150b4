"""Stage ``revideo`` by the Revideo API: the whole video, fetched, probed, and given our captions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from config.settings import ServiceSettings, SpeechSettings
from integrations.kit.artifacts import artifact_of
from integrations.kit.checked import probed
from integrations.kit.http import HttpService, Trace
from integrations.kit.remote_job import RemoteWork, run_remote_work
from integrations.kit.timed import is_silent, timed_segments
from integrations.revideo.request import Scene, clip_address, compose_request
from scheduler.domain.media import MediaExpectation
from scheduler.domain.render import StageName, StageOutput
from scheduler.ports.media import ArtifactPublisher, LocalMedia, TimedSegment
from scheduler.ports.provider import Call

REMOTE_SHARE = 0.9
"""Share of the progress that the service's own work gets; fetching, probing and captions get the rest."""


def video_expectation(duration_s: float, *, sound: bool) -> MediaExpectation:
    """What the composed video must be: playable everywhere, as long as its segments, not silent, not frozen."""
    return MediaExpectation(
        duration_s=duration_s,
        width=1280,
        height=720,
        video_codec="h264",
        audio_codec="aac",
        sound=sound,
        min_distinct_frames=2,
    )


class RevideoApi:
    """The Revideo API as a provider.

    Args:
        settings: where it is and how it is watched.
        media: probes what comes back and adds captions.
        publisher: makes clips and narrations reachable for the service.
        speech: voice and rate, for narrations that the service would have to speak itself.
    """

    name = "revideo-api"
    service = "revideo"

    def __init__(
        self, settings: ServiceSettings, media: LocalMedia, publisher: ArtifactPublisher, *, speech: SpeechSettings
    ) -> None:
        self._settings = settings
        self._media = media
        self._publisher = publisher
        self._speech = speech

    async def run(self, call: Call) -> StageOutput:
        """Compose the video from the clips and narrations of the stages before.

        Raises:
            StageFailure: the service failed, or its video is not what was asked for.
        """
        script = call.needed_script()
        timed = await asyncio.to_thread(timed_segments, call)
        expected_s = sum(segment.duration_s for segment in timed)
        body = compose_request(
            self._scenes(call, timed),
            title=script.title,
            language=script.language,
            voice="hi" if script.language.lower().startswith("hi") else self._speech.voice,
            speed=self._speech.speed,
        )
        trace = Trace.of(call)
        raw = call.workdir / "revideo.mp4"
        async with HttpService.of("revideo", self._settings) as revideo:
            await revideo.preflight(trace=trace)
            work = RemoteWork("/compose", body, self._settings.poll_path, self._settings.poll_s, call.timeout_s)
            result = await run_remote_work(
                revideo, work, trace=trace, report=lambda done, text: call.progress(done * REMOTE_SHARE, text)
            )
            await revideo.download(result.url, raw, trace=trace, timeout_s=call.timeout_s)
        call.progress(REMOTE_SHARE, "revideo: checking the video")
        sound = not is_silent(call)
        await probed(self._media, raw, video_expectation(expected_s, sound=sound), what="revideo's video")
        return await self._finished(call, raw, timed, expected_s)

    def _scenes(self, call: Call, timed: Sequence[TimedSegment]) -> list[Scene]:
        clips = call.inputs[StageName.MANIM].artifacts
        scenes: list[Scene] = []
        for item in timed:
            known = clips[f"clip/{item.segment.index}"].url
            published = self._publisher.url_for(item.clip)
            scenes.append(
                Scene(
                    segment=item.segment,
                    clip_url=clip_address(known, published, service_url=self._settings.url),
                    narration_url=None if item.narration is None else self._publisher.url_for(item.narration),
                    duration_s=item.duration_s,
                )
            )
        return scenes

    async def _finished(self, call: Call, raw: Path, timed: Sequence[TimedSegment], expected_s: float) -> StageOutput:
        """Our soft captions and a thumbnail: the service burns captions in at best."""
        language = call.needed_script().language
        composed = await self._media.add_captions(raw, timed, call.workdir / "video.mp4", language=language)
        video, thumbnail = await asyncio.gather(
            asyncio.to_thread(artifact_of, composed.video, "video/mp4"),
            asyncio.to_thread(artifact_of, composed.thumbnail, "image/jpeg"),
        )
        await asyncio.to_thread(raw.unlink, missing_ok=True)
        return StageOutput(
            data={
                "duration_s": composed.duration_s,
                "expected_duration_s": expected_s,
                "silent": is_silent(call),
            },
            artifacts={"video": video, "thumbnail": thumbnail},
            provider=self.name,
            degraded=False,
        )
