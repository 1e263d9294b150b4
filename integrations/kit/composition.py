"""A composition as services are asked for it, and what becomes of the video that comes back.

``{segments, audio}`` is the Revideo API's body and the Orchestrator's ``composition_spec`` (contracts.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.settings import SpeechSettings
from integrations.kit.artifacts import artifact_of
from integrations.kit.checked import probed
from integrations.kit.timed import planned
from integrations.kit.urls import is_loopback
from scheduler.domain.content import Segment, SegmentKind
from scheduler.domain.media import MediaExpectation, allowed_silence_s, allowed_stillness_s
from scheduler.domain.render import StageName, StageOutput
from scheduler.ports.media import ArtifactPublisher, LocalMedia, TimedSegment
from scheduler.ports.provider import Call

PICTURE_TYPES = {SegmentKind.INTRO: "intro", SegmentKind.POINT: "manim", SegmentKind.OUTRO: "outro"}
"""The contract's word for the picture of each kind of segment."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One segment with the addresses of its picture and its narration (None: it has none)."""

    segment: Segment
    clip_url: str
    narration_url: str | None
    duration_s: float


def compose_request(scenes: Sequence[Scene], *, title: str, language: str, voice: str, speed: float) -> dict[str, Any]:
    """The body of ``POST /compose``: each segment is a picture entry followed by its narration.

    ``duration`` is seconds on screen; a narration is spoken by the service itself only where it has no ``audio_url``.
    """
    entries: list[dict[str, Any]] = []
    for scene in scenes:
        segment = scene.segment
        entries.append(
            {
                "type": PICTURE_TYPES[segment.kind],
                "url": scene.clip_url,
                "duration": scene.duration_s,
                "title": segment.heading,
            }
        )
        narration: dict[str, Any] = {"type": "narration", "text": segment.narration, "duration": scene.duration_s}
        if scene.narration_url is not None:
            narration["audio_url"] = scene.narration_url
        entries.append(narration)
    return {
        "segments": entries,
        "audio": {"voice": voice, "speed": speed},
        "title": title,
        "language": language,
    }


def clip_address(known_url: str | None, published_url: str, *, service_url: str) -> str:
    """Where the service should fetch a clip.

    A service on this machine gets our copy: it is the one that was probed, and it outlives a restart of whoever made
    it. So does one elsewhere that can reach us (``services.files``); one that cannot gets the address the clip came
    from, if that is of use.
    """
    if not is_loopback(published_url) or is_loopback(service_url) or known_url is None or is_loopback(known_url):
        return published_url
    return known_url


def composition_of(
    call: Call,
    timed: Sequence[TimedSegment],
    *,
    publisher: ArtifactPublisher,
    service_url: str,
    speech: SpeechSettings,
) -> dict[str, Any]:
    """The composition of a call's clips and narrations.

    Args:
        call: an attempt of stage ``revideo``.
        timed: its segments with their files and times.
        publisher: makes the files reachable for the service.
        service_url: where the service is: one on this machine gets our copies.
        speech: voice and rate, for narrations that the service would have to speak itself.
    """
    script, clips = call.needed_script(), call.inputs[StageName.MANIM].artifacts
    scenes = [
        Scene(
            segment=item.segment,
            clip_url=clip_address(
                clips[f"clip/{item.segment.index}"].url, publisher.url_for(item.clip), service_url=service_url
            ),
            narration_url=None if item.narration is None else publisher.url_for(item.narration),
            duration_s=item.duration_s,
        )
        for item in timed
    ]
    voice = "hi" if script.language.lower().startswith("hi") else speech.voice
    return compose_request(scenes, title=script.title, language=script.language, voice=voice, speed=speech.speed)


def video_expectation(plan: Mapping[str, Any]) -> MediaExpectation:
    """What the composed video must be: playable everywhere, as long as its segments, not silent, not frozen.

    Args:
        plan: ``timed.planned``.
    """
    return MediaExpectation(
        duration_s=plan["expected_duration_s"],
        width=1280,
        height=720,
        video_codec="h264",
        audio_codec="aac",
        sound=not plan["silent"],
        max_silence_s=allowed_silence_s(plan["longest_pause_s"]),
        max_frozen_s=allowed_stillness_s(plan["longest_card_s"]),
        min_distinct_frames=2,
    )


async def finished_video(
    call: Call, media: LocalMedia, raw: Path, timed: Sequence[TimedSegment], *, provider: str, what: str
) -> StageOutput:
    """The stage's output from a fetched video: probed, with our soft captions (a service burns them in at best).

    Raises:
        StageFailure: INVALID_OUTPUT; it is not what was asked for, and ``raw`` is removed.
    """
    plan = planned(call, timed)
    await probed(media, raw, video_expectation(plan), what=what)
    language = call.needed_script().language
    composed = await media.add_captions(raw, timed, call.workdir / "video.mp4", language=language)
    video, thumbnail = await asyncio.gather(
        asyncio.to_thread(artifact_of, composed.video, "video/mp4"),
        asyncio.to_thread(artifact_of, composed.thumbnail, "image/jpeg"),
    )
    await asyncio.to_thread(raw.unlink, missing_ok=True)
    return StageOutput(
        data={"duration_s": composed.duration_s, **plan},
        artifacts={"video": video, "thumbnail": thumbnail},
        provider=provider,
    )
