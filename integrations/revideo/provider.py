"""Stage ``revideo`` by the Revideo API: the whole video, fetched, probed, and given our captions."""

from __future__ import annotations

import asyncio

from config.settings import ServiceSettings, SpeechSettings
from integrations.kit.composition import composition_of, finished_video
from integrations.kit.http import HttpService, Trace
from integrations.kit.remote_job import RemoteWork, run_remote_work
from integrations.kit.timed import timed_segments
from scheduler.domain.render import StageOutput
from scheduler.ports.media import ArtifactPublisher, LocalMedia
from scheduler.ports.provider import Call

REMOTE_SHARE = 0.9
"""Share of the progress that the service's own work gets; fetching, probing and captions get the rest."""


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
        settings = self._settings
        timed = await asyncio.to_thread(timed_segments, call)
        body = composition_of(call, timed, publisher=self._publisher, service_url=settings.url, speech=self._speech)
        trace = Trace.of(call)
        raw = call.workdir / "revideo.mp4"
        async with HttpService.of("revideo", settings) as revideo:
            await revideo.preflight(trace=trace)
            work = RemoteWork("/compose", body, settings.poll_path, settings.poll_s, call.timeout_s)
            result = await run_remote_work(
                revideo, work, trace=trace, report=lambda done, text: call.progress(done * REMOTE_SHARE, text)
            )
            await revideo.download(result.url, raw, trace=trace, timeout_s=call.timeout_s)
        call.progress(REMOTE_SHARE, "revideo: checking the video")
        return await finished_video(call, self._media, raw, timed, provider=self.name, what="revideo's video")
