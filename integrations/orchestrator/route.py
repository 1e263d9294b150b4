"""Route ``orchestrator``: the whole job handed over, and its video fetched (``docs/decisions/``)."""

from __future__ import annotations

import asyncio

from config.settings import ServiceSettings, SpeechSettings
from integrations.kit.http import Trace
from integrations.kit.whole import whole_video
from integrations.orchestrator.request import job_request
from integrations.orchestrator.service import rendered
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import StageOutput
from scheduler.domain.requests import RequestError
from scheduler.ports.media import LocalMedia
from scheduler.ports.provider import Call

REMOTE_SHARE = 0.95
"""Share of the progress that the service's own work gets; probing gets the rest."""


class OrchestratorRoute:
    """The Orchestrator as the maker of a whole job: stage ``revideo`` of its route.

    Args:
        settings: where it is and how it is watched.
        media: probes what comes back.
        speech: the voice of English videos.
        callback_url: where the service tells that it is done; None: it is only polled.
    """

    name = "orchestrator-route"
    service = "orchestrator"

    def __init__(
        self, settings: ServiceSettings, media: LocalMedia, *, speech: SpeechSettings, callback_url: str | None = None
    ) -> None:
        self._settings = settings
        self._media = media
        self._speech = speech
        self._callback_url = callback_url

    async def run(self, call: Call) -> StageOutput:
        """Have the job made from its brief.

        Raises:
            StageFailure: the service failed, is predawn itself, or its video cannot be published.
        """
        try:
            body = job_request(call.job, call.needed_brief(), voice=self._speech.voice, callback_url=self._callback_url)
        except RequestError as error:
            raise StageFailure.invalid_input(f"payload.{error}") from error
        out, thumbnail = call.workdir / "whole.mp4", call.workdir / "whole.jpg"
        await asyncio.to_thread(thumbnail.unlink, missing_ok=True)
        result = await rendered(
            self._settings,
            body,
            out,
            # Apart from the composition of the same stage: a service that remembers keys must not answer with it.
            trace=Trace.of(call, "route"),
            timeout_s=call.timeout_s,
            report=lambda done, text: call.progress(done * REMOTE_SHARE, text),
            thumbnail=thumbnail,
        )
        call.progress(REMOTE_SHARE, "orchestrator: checking the video")
        return await whole_video(
            self._media,
            out,
            claimed_s=result.duration_s,
            url=result.url,
            thumbnail=thumbnail,
            provider=self.name,
            what="orchestrator's video",
        )
