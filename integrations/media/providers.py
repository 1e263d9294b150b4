"""The last resorts of every stage: providers that need nothing but this machine.

They stand at the end of the fallback chains, so what can fail in them is little: a full disk, a text that cannot be
spoken, a file that another stage left broken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from integrations.kit.artifacts import artifact_of
from integrations.kit.narrations import to_be_spoken
from integrations.kit.segments import joined_output, make_missing, narrated, usable_parts
from integrations.kit.timed import planned, timed_segments
from scheduler.domain.content import Script, Segment, name_in
from scheduler.domain.failure import StageFailure
from scheduler.domain.media import (
    MediaExpectation,
    MediaReport,
    allowed_silence_s,
    allowed_stillness_s,
    media_problems,
)
from scheduler.domain.render import StageName, StageOutput
from scheduler.ports.media import CardContext, LocalMedia
from scheduler.ports.provider import Call

AT_ONCE = 4
"""Segments begun at the same time; how many processes really run is the toolkit's to say."""
VIDEO_SIZE = (1280, 720)


class StaticCards:
    """Stage ``manim`` with the designed cards.

    Args:
        media: renders them.
        programme: the line at the top of every card.
        names: what it is in other languages.
    """

    name = "static-cards"
    service = None

    def __init__(self, media: LocalMedia, *, programme: str, names: Mapping[str, str] | None = None) -> None:
        self._media = media
        self._programme = programme
        self._names = names or {}

    async def run(self, call: Call) -> StageOutput:
        """Render every segment that has no clip yet; clips that another provider made are kept."""
        call = await asyncio.to_thread(usable_parts, call, role="clip")
        script = call.needed_script()
        programme = name_in(script.language, self._programme, self._names)
        context = CardContext(programme, script.date, script.points, script.language)

        async def make(segment: Segment) -> StageOutput:
            out = call.workdir / f"clip-{segment.index}.mp4"
            length = await self._media.card_clip(segment, context, out, duration_s=segment.duration_s)
            artifact = await asyncio.to_thread(artifact_of, out, "video/mp4")
            return StageOutput(data={"duration_s": length}, artifacts={"clip": artifact}, provider=self.name)

        parts = await make_missing(call, make, at_once=AT_ONCE)
        return joined_output(call, parts, provider=self.name, role="clip", as_role="clip")


class Espeak:
    """Stage ``tts`` with eSpeak NG.

    Args:
        media: speaks.
        voice: for every language but Hindi, which has its own (``hi``).
        speed: 1.0 is 165 words a minute.
    """

    name = "espeak"
    service = None

    def __init__(self, media: LocalMedia, *, voice: str = "en-us", speed: float = 1.0) -> None:
        self._media = media
        self._voice = voice
        self._speed = speed

    async def run(self, call: Call) -> StageOutput:
        """Speak every segment that has no narration yet.

        Raises:
            StageFailure: INVALID_INPUT for a voice that eSpeak NG does not have.
        """
        call = await asyncio.to_thread(to_be_spoken, call, self.name)
        voice = voice_for(call.needed_script().language, self._voice)

        async def make(segment: Segment) -> StageOutput:
            out = call.workdir / f"narration-{segment.index}.wav"
            spoken = await self._media.speak(segment.narration, out, voice=voice, speed=self._speed)
            artifact = await asyncio.to_thread(artifact_of, out, "audio/wav")
            return StageOutput(
                data={"duration_s": spoken.duration_s, "silent": False},
                artifacts={"narration": artifact},
                provider=self.name,
            )

        return narrated(call, await make_missing(call, make, at_once=AT_ONCE), provider=self.name)


class Silence:
    """Stage ``tts`` when nothing speaks: as much silence as reading the narration takes; the captions carry it."""

    name = "silence"
    service = None

    def __init__(self, media: LocalMedia) -> None:
        self._media = media

    async def run(self, call: Call) -> StageOutput:
        """Write silence for every segment that has no narration yet."""
        call = await asyncio.to_thread(to_be_spoken, call, self.name)

        async def make(segment: Segment) -> StageOutput:
            out = call.workdir / f"narration-{segment.index}.wav"
            silent = await self._media.silence(out, duration_s=segment.duration_s)
            artifact = await asyncio.to_thread(artifact_of, out, "audio/wav")
            return StageOutput(
                data={"duration_s": silent.duration_s, "silent": True},
                artifacts={"narration": artifact},
                provider=self.name,
            )

        return narrated(call, await make_missing(call, make, at_once=AT_ONCE), provider=self.name)


class LocalComposer:
    """Stage ``revideo`` with PyAV."""

    name = "local-composer"
    service = None

    def __init__(self, media: LocalMedia) -> None:
        self._media = media

    async def run(self, call: Call) -> StageOutput:
        """Compose the video from the clips and narrations of the stages before.

        Raises:
            StageFailure: INVALID_INPUT when one of them is missing or cannot be decoded.
        """
        script = call.needed_script()
        timed = await asyncio.to_thread(timed_segments, call)
        composed = await self._media.compose(
            timed, call.workdir / "video.mp4", title=script.title, language=script.language, progress=call.progress
        )
        video, thumbnail = await asyncio.gather(
            asyncio.to_thread(artifact_of, composed.video, "video/mp4"),
            asyncio.to_thread(artifact_of, composed.thumbnail, "image/jpeg"),
        )
        return StageOutput(
            data={"duration_s": composed.duration_s, **planned(call, timed)},
            artifacts={"video": video, "thumbnail": thumbnail},
            provider=self.name,
        )


class MediaProbe:
    """Stage ``verify``: decode the finished video and compare it with what it must be."""

    name = "media-probe"
    service = None

    def __init__(self, media: LocalMedia) -> None:
        self._media = media

    async def run(self, call: Call) -> StageOutput:
        """Probe the video.

        Raises:
            StageFailure: INVALID_OUTPUT with everything that is wrong; INVALID_INPUT without a video to look at.
        """
        made = call.inputs.get(StageName.REVIDEO, StageOutput())
        video = made.artifacts.get("video")
        if video is None:
            raise StageFailure.invalid_input("stage revideo left no video to verify")
        call.progress(0.0, "decoding the video")
        report = await self._media.probe(Path(video.path))
        problems = media_problems(
            report, expectation(made.data, silent=silent_video(call.inputs), wordless=is_wordless(call.script))
        )
        if problems:
            raise StageFailure.invalid_output(
                f"the video is not fit to publish: {'; '.join(problems)}", details={"problems": list(problems)}
            )
        call.progress(1.0, "verified")
        return StageOutput(data=report_data(report), artifacts={}, provider=self.name)


def voice_for(language: str, english: str) -> str:
    """The eSpeak NG voice of a script: ``hi`` for Hindi, the configured one for everything else."""
    return "hi" if language.split("-", 1)[0].lower() == "hi" else english


def silent_video(inputs: Mapping[StageName, StageOutput]) -> bool:
    """Whether the video may be silent, because every narration is: as stage ``tts`` says, or who composed it."""
    for stage in (StageName.TTS, StageName.REVIDEO):
        said = inputs.get(stage, StageOutput()).data.get("silent")
        if isinstance(said, bool):
            return said
    return False


def is_wordless(script: Script | None) -> bool:
    """Whether nothing is said in the whole script, so that there is nothing to caption."""
    return script is not None and not any(segment.narration.strip() for segment in script.segments)


def expectation(made: Mapping[str, Any], *, silent: bool, wordless: bool = False) -> MediaExpectation:
    """What the finished video must be, from what its composer said of it."""
    expected = made.get("expected_duration_s", made.get("duration_s"))
    # Who made the whole video decided about its size and its captions.
    ours = made.get("whole") is not True
    card, pause = made.get("longest_card_s"), made.get("longest_pause_s")
    return MediaExpectation(
        duration_s=None if expected is None else float(expected),
        width=VIDEO_SIZE[0] if ours else None,
        height=VIDEO_SIZE[1] if ours else None,
        video_codec="h264",
        audio_codec="aac",
        sound=not silent,
        captions=ours and not wordless,
        max_silence_s=None if pause is None else allowed_silence_s(float(pause)),
        max_frozen_s=None if card is None else allowed_stillness_s(float(card)),
        min_distinct_frames=2,
    )


def report_data(report: MediaReport) -> dict[str, Any]:
    """The report as a checkpoint keeps it: JSON has no -inf, so digital silence has no peak."""
    values = asdict(report)
    if report.peak_dbfs == float("-inf"):
        values["peak_dbfs"] = None
    return values
