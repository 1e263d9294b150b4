"""Stage ``revideo`` by the Orchestrator: what is there is composed, by the workflow form."""

from __future__ import annotations

import asyncio

from config.settings import ServiceSettings, SpeechSettings
from integrations.kit.composition import composition_of, finished_video
from integrations.kit.http import Trace
from integrations.kit.timed import timed_segments
from integrations.orchestrator.request import workflow_request
from integrations.orchestrator.service import rendered
from scheduler.domain.render import StageOutput
from scheduler.ports.media import ArtifactPublisher, LocalMedia
from scheduler.ports.provider import Call

REMOTE_SHARE = 0.9
"""Share of the progress that the service's own work gets; probing and captions get the rest."""


class OrchestratorApi:
    """The Orchestrator as a provider of the composed video.

    Args:
        settings: where it is and how it is watched.
        media: probes what comes back and adds captions.
        publisher: makes clips and narrations reachable for the service.
        speech: voice and rate, for narrations that the service would have to speak itself.
        callback_url: where the service tells that it is done; None: it is only polled.
    """

    name = "orchestrator"
    service = "orchestrator"

    def __init__(
        self,
        settings: ServiceSettings,
        media: LocalMedia,
        publisher: ArtifactPublisher,
        *,
        speech: SpeechSettings,
        callback_url: str | None = None,
    ) -> None:
        self._settings = settings
        self._media = media
        self._publisher = publisher
        self._speech = speech
        self._callback_url = callback_url

    async def run(self, call: Call) -> StageOutput:
        """Compose the video from the clips and narrations of the stages before.

        Raises:
            StageFailure: the service failed, is predawn itself, or its video is not what was asked for.
        """
        timed = await asyncio.to_thread(timed_segments, call)
        spec = composition_of(
            call, timed, publisher=self._publisher, service_url=self._settings.url, speech=self._speech
        )
        raw = call.workdir / "orchestrator.mp4"
        await rendered(
            self._settings,
            workflow_request(call.job, composition_spec=spec, callback_url=self._callback_url),
            raw,
            trace=Trace.of(call),
            timeout_s=call.timeout_s,
            report=lambda done, text: call.progress(done * REMOTE_SHARE, text),
        )
        call.progress(REMOTE_SHARE, "orchestrator: checking the video")
        return await finished_video(call, self._media, raw, timed, provider=self.name, what="orchestrator's video")
