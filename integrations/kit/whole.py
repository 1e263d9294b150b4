"""A whole video from elsewhere: its maker decided about length, size and captions, so less can be asked of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from integrations.kit.artifacts import artifact_of
from integrations.kit.checked import probed
from scheduler.domain.failure import StageFailure
from scheduler.domain.media import MediaExpectation, allowed_silence_s, allowed_stillness_s
from scheduler.domain.render import StageOutput
from scheduler.ports.media import LocalMedia

SHORTEST_S = 0.9
"""Seconds below which a file is no video that anybody asked for."""


LONGEST_CARD_S, LONGEST_PAUSE_S = 90.0, 30.0
"""Nobody plans a picture that stands for longer than this, or a longer silence in a video that speaks."""


async def whole_video(
    media: LocalMedia,
    out: Path,
    *,
    claimed_s: float | None,
    url: str,
    provider: str,
    what: str,
    thumbnail: Path | None = None,
    may_be_silent: bool = False,
) -> StageOutput:
    """Stage ``revideo``'s output from a video that somebody else made from beginning to end.

    It is H.264, as long as its maker says, moves, is not black, and can be heard. ``data.whole`` tells stage ``verify``
    to ask no more of it: we know neither its script nor its captions.

    Args:
        media: decodes.
        out: the fetched file; removed when it is not fit.
        claimed_s: the length its maker says, or None.
        url: where it was.
        provider: who fetched it.
        what: names it in messages.
        thumbnail: a picture that may lie beside it.
        may_be_silent: sound is not asked for: text-to-video makes pictures.

    Raises:
        StageFailure: INVALID_OUTPUT; what is wrong with it.
    """
    expected = MediaExpectation(
        duration_s=claimed_s,
        video_codec="h264",
        audio_codec=None if may_be_silent else "aac",
        sound=not may_be_silent,
        max_silence_s=allowed_silence_s(LONGEST_PAUSE_S),
        max_frozen_s=allowed_stillness_s(LONGEST_CARD_S),
        min_distinct_frames=2,
    )
    report = await probed(media, out, expected, what=what)
    if report.duration_s < SHORTEST_S:
        await asyncio.to_thread(out.unlink, missing_ok=True)
        raise StageFailure.invalid_output(f"{what}: not usable: lasts {report.duration_s:.2f} s")
    video = await asyncio.to_thread(artifact_of, out, "video/mp4", url)
    artifacts = {"video": video}
    if thumbnail is not None and await asyncio.to_thread(thumbnail.is_file):
        artifacts["thumbnail"] = await asyncio.to_thread(artifact_of, thumbnail, "image/jpeg")
    return StageOutput(
        data={
            "duration_s": report.duration_s,
            "expected_duration_s": report.duration_s if claimed_s is None else claimed_s,
            "silent": may_be_silent and (report.audio_codec is None or report.silent_ratio >= 0.98),  # noqa: PLR2004 - as in media_problems
            "whole": True,
            "longest_card_s": LONGEST_CARD_S,
            "longest_pause_s": None if may_be_silent else LONGEST_PAUSE_S,
            "width": report.width,
            "height": report.height,
            "fps": report.fps,
        },
        artifacts=artifacts,
        provider=provider,
    )
