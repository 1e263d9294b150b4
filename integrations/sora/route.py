"""Route ``sora``: a whole video from a prompt, for job type ``prompt_video``."""

from __future__ import annotations

from config.settings import SoraSettings
from integrations.kit.http import Trace
from integrations.kit.whole import whole_video
from integrations.sora.request import video_request
from integrations.sora.service import generated, open_sora
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import StageOutput
from scheduler.domain.requests import PromptVideo, RequestError
from scheduler.ports.media import LocalMedia
from scheduler.ports.provider import Call

REMOTE_SHARE = 0.95
"""Share of the progress that the server's own work gets; probing gets the rest."""


class SoraRoute:
    """A text-to-video server as the maker of a whole job: stage ``revideo`` of its route.

    Args:
        settings: where it is, its model, and the size where a job asks for none.
        media: probes what comes back.
    """

    name = "sora-route"
    service = "sora"

    def __init__(self, settings: SoraSettings, media: LocalMedia) -> None:
        self._settings = settings
        self._media = media

    async def run(self, call: Call) -> StageOutput:
        """Have the prompt's video made. The contract has no frame rate: what comes is recorded beside what was asked.

        Raises:
            StageFailure: the payload is wrong, the server failed, or its video cannot be published.
        """
        try:
            wish = PromptVideo.of(call.job.payload)
        except RequestError as error:
            raise StageFailure.invalid_input(f"payload.{error}") from error
        settings, out = self._settings, call.workdir / "whole.mp4"
        body = video_request(
            wish.prompt, model=settings.model, duration_s=wish.duration_s, size=wish.size or settings.size
        )
        async with open_sora(settings) as sora:
            result = await generated(
                sora,
                settings,
                body,
                out,
                trace=Trace.of(call, "route"),
                timeout_s=call.timeout_s,
                report=lambda done, text: call.progress(done * REMOTE_SHARE, text),
            )
        call.progress(REMOTE_SHARE, "sora: checking the video")
        made = await whole_video(
            self._media,
            out,
            claimed_s=result.duration_s,
            url=result.url,
            provider=self.name,
            what="sora's video",
            may_be_silent=True,
        )
        asked = {"duration_s": wish.duration_s, "fps": wish.fps, "size": wish.size or settings.size}
        return StageOutput(data={**made.data, "asked": asked}, artifacts=made.artifacts, provider=self.name)
