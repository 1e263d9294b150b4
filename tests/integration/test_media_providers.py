"""The last resorts as the pipeline runs them, from script to a verified video."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from integrations.kit.artifacts import artifact_of
from integrations.media.providers import (
    Espeak,
    LocalComposer,
    MediaProbe,
    Silence,
    StaticCards,
    silent_video,
    voice_for,
)
from integrations.media.toolkit import MediaToolkit
from scheduler.domain.content import Script, Segment, SegmentKind
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.job import Job, JobStatus, Priority
from scheduler.domain.render import StageName, StageOutput
from scheduler.ports.provider import Call

SCRIPT = Script(
    title="Current affairs",
    date=date(2025, 6, 6),
    language="en",
    segments=(
        Segment(0, SegmentKind.INTRO, "Current affairs", (), "Good morning.", 1.5),
        Segment(1, SegmentKind.POINT, "Repo rate at 5.5%", ("₹2.5 lakh crore.",), "The rate is cut.", 1.5, "RBI", 1),
    ),
)


NOW = datetime(2025, 6, 6, tzinfo=UTC)
A_JOB = Job("j", 1, "daily_ca", Priority.NORMAL, JobStatus.PROCESSING, {}, 0, 3, NOW, NOW)


class Kept:
    """The parts that a provider saves."""

    def __init__(self) -> None:
        self.parts: dict[str, StageOutput] = {}
        self.told: list[tuple[float, str]] = []

    async def save(self, part: str, output: StageOutput) -> None:
        self.parts[part] = output


def call(
    stage: StageName,
    workdir: Path,
    *,
    kept: Kept | None = None,
    parts: Mapping[str, StageOutput] | None = None,
    inputs: Mapping[StageName, StageOutput] | None = None,
    script: Script = SCRIPT,
) -> Call:
    kept = kept or Kept()
    return Call(
        job=A_JOB,
        stage=stage,
        workdir=workdir,
        timeout_s=60,
        correlation_id="c",
        idempotency_key=f"j:{stage}",
        script=script,
        inputs=inputs or {},
        parts=parts or {},
        save_part=kept.save,
        progress=lambda done, text: kept.told.append((done, text)),
    )


@pytest.fixture(scope="module")
def media() -> MediaToolkit:
    return MediaToolkit(processes=2)


async def test_the_last_resorts_make_a_video_that_verifies(media: MediaToolkit, tmp_path: Path) -> None:
    cards, sounds = Kept(), Kept()
    clips, narrations = await asyncio.gather(
        StaticCards(media, programme="Daily Current Affairs").run(call(StageName.MANIM, tmp_path, kept=cards)),
        Espeak(media, voice="en-us", speed=1.5).run(call(StageName.TTS, tmp_path, kept=sounds)),
    )
    assert set(clips.artifacts) == {"clip/0", "clip/1"}
    assert clips.data["providers"] == ["static-cards"] * 2
    assert set(cards.parts) == set(sounds.parts) == {"0", "1"}
    assert cards.parts["1"].artifacts["clip"] == clips.artifacts["clip/1"]
    assert narrations.data["silent"] is False
    assert len(narrations.data["durations"]) == 2

    inputs = {StageName.MANIM: clips, StageName.TTS: narrations}
    kept = Kept()
    video = await LocalComposer(media).run(call(StageName.REVIDEO, tmp_path, kept=kept, inputs=inputs))
    assert set(video.artifacts) == {"video", "thumbnail"}
    assert video.data["duration_s"] == pytest.approx(video.data["expected_duration_s"], abs=0.1)
    assert kept.told[-1][0] == 1.0

    report = await MediaProbe(media).run(call(StageName.VERIFY, tmp_path, inputs={**inputs, StageName.REVIDEO: video}))
    assert report.data["caption_cues"] == 2
    assert report.data["video_codec"] == "h264"

    wrong = replace(video, data={**video.data, "expected_duration_s": 60.0})
    with pytest.raises(StageFailure, match=r"lasts .* expected 60\.0 s") as raised:
        await MediaProbe(media).run(call(StageName.VERIFY, tmp_path, inputs={StageName.REVIDEO: wrong}))
    assert raised.value.kind is FailureClass.INVALID_OUTPUT


async def test_parts_of_other_providers_are_kept(media: MediaToolkit, tmp_path: Path) -> None:
    file = tmp_path / "from-manim.mp4"
    file.write_bytes(b"a clip")
    part = StageOutput(
        data={"duration_s": 3.0}, artifacts={"clip": artifact_of(file, "video/mp4")}, provider="manim-api"
    )
    gone = replace(part, artifacts={"clip": replace(part.artifacts["clip"], path=str(tmp_path / "gone.mp4"))})
    kept = Kept()
    provider = StaticCards(media, programme="P")
    output = await provider.run(call(StageName.MANIM, tmp_path, kept=kept, parts={"0": part, "1": gone}))
    assert output.data["providers"] == ["manim-api", "static-cards"]
    assert output.data["durations"][0] == 3.0
    assert set(kept.parts) == {"1"}, "a part whose file is gone is made again"


async def test_silence_lasts_as_long_as_reading_and_the_video_may_then_be_silent(
    media: MediaToolkit, tmp_path: Path
) -> None:
    output = await Silence(media).run(call(StageName.TTS, tmp_path))
    assert output.data["silent"] is True
    assert output.data["durations"] == pytest.approx([1.5, 1.5], abs=0.01)
    assert silent_video({StageName.TTS: output}) is True
    assert silent_video({StageName.REVIDEO: StageOutput(data={"silent": True})}) is True
    assert silent_video({}) is False


async def test_a_scene_in_which_nothing_is_said_is_silent_and_neither_a_failure_nor_a_fallback(
    media: MediaToolkit, tmp_path: Path
) -> None:
    first, second = SCRIPT.segments
    half = replace(SCRIPT, segments=(replace(first, narration=" "), second))
    spoken = await Espeak(media).run(call(StageName.TTS, tmp_path, script=half))
    assert (spoken.degraded, spoken.data["silent"]) == (False, False)
    assert spoken.data["durations"][0] == pytest.approx(1.5)
    none = replace(SCRIPT, segments=tuple(replace(one, narration="") for one in SCRIPT.segments))
    clips = await StaticCards(media, programme="Test").run(call(StageName.MANIM, tmp_path, script=none))
    sounds = await Espeak(media).run(call(StageName.TTS, tmp_path, script=none))
    assert (sounds.degraded, sounds.data["silent"]) == (False, True)
    made = {StageName.MANIM: clips, StageName.TTS: sounds}
    video = await LocalComposer(media).run(call(StageName.REVIDEO, tmp_path, inputs=made, script=none))
    whole = {**made, StageName.REVIDEO: video}
    report = await MediaProbe(media).run(call(StageName.VERIFY, tmp_path, inputs=whole, script=none))
    assert report.data["caption_cues"] == 0, "there is nothing to caption"
    with pytest.raises(StageFailure, match="no caption track"):
        await MediaProbe(media).run(call(StageName.VERIFY, tmp_path, inputs=whole))


async def test_narration_is_silent_only_when_every_part_is(media: MediaToolkit, tmp_path: Path) -> None:
    file = tmp_path / "spoken.mp3"
    file.write_bytes(b"sound")
    spoken = StageOutput(
        data={"duration_s": 2.0}, artifacts={"narration": artifact_of(file, "audio/mpeg")}, provider="a4f"
    )
    output = await Silence(media).run(call(StageName.TTS, tmp_path, parts={"0": spoken}))
    assert output.data["silent"] is False
    assert output.data["providers"] == ["a4f", "silence"]


async def test_an_unknown_voice_fails_for_good(media: MediaToolkit, tmp_path: Path) -> None:
    with pytest.raises(StageFailure, match="en-gb") as raised:
        await Espeak(media, voice="en-gb").run(call(StageName.TTS, tmp_path))
    assert not raised.value.retryable


async def test_verifying_without_a_video_is_a_wrong_call(media: MediaToolkit, tmp_path: Path) -> None:
    with pytest.raises(StageFailure, match="no video") as raised:
        await MediaProbe(media).run(call(StageName.VERIFY, tmp_path))
    assert raised.value.kind is FailureClass.INVALID_INPUT


@pytest.mark.parametrize(("language", "voice"), [("en", "en-us"), ("hi", "hi"), ("hi-IN", "hi"), ("fr", "en-us")])
def test_voice_follows_the_language(language: str, voice: str) -> None:
    assert voice_for(language, "en-us") == voice
