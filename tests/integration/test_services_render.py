"""The whole way with real rendering: speech, clips and the video from the local services over HTTP."""

from __future__ import annotations

from pathlib import Path

from http_scripted import Kept, make_call, make_script

from config.settings import ServiceSettings, SpeechSettings
from integrations.a4f import A4fSpeech
from integrations.artifact_server import ArtifactServer
from integrations.local_directory import LocalDirectory
from integrations.local_services.running import LocalServices
from integrations.manim import ManimApi
from integrations.media.toolkit import MediaToolkit
from integrations.revideo import RevideoApi
from scheduler.domain.media import MediaExpectation, media_problems
from scheduler.domain.render import StageName, StageOutput

SCRIPT = make_script(points=1, outro=False, duration_s=2.5)


async def test_a_script_becomes_a_published_video_through_all_three_services(tmp_path: Path) -> None:
    media = MediaToolkit(processes=2)
    inputs: dict[StageName, StageOutput] = {}
    kept = Kept()
    ports = {"manim": 0, "revideo": 0, "tts": 0}
    async with (
        LocalServices(media, tmp_path / "services", ports) as running,
        ArtifactServer([tmp_path / "work"]) as files,
    ):
        speech = SpeechSettings(a4f_url=running.urls["tts"])
        manim = ServiceSettings(url=running.urls["manim"], poll_s=0.2)
        revideo = ServiceSettings(url=running.urls["revideo"], poll_s=0.2)
        for stage, provider in (
            (StageName.TTS, A4fSpeech(speech)),
            (StageName.MANIM, ManimApi(manim, media, programme="Daily Current Affairs")),
            (StageName.REVIDEO, RevideoApi(revideo, media, files, speech=speech)),
            (StageName.UPLOAD, LocalDirectory(tmp_path / "published")),
        ):
            folder = tmp_path / "work" / stage.value
            call = make_call(folder, stage, script=SCRIPT, inputs=inputs, kept=Kept(), timeout_s=60)
            inputs[stage] = await provider.run(call)
    video = inputs[StageName.REVIDEO]
    expected = MediaExpectation(
        duration_s=float(video.data["expected_duration_s"]),
        width=1280,
        height=720,
        video_codec="h264",
        audio_codec="aac",
        captions=True,
        min_distinct_frames=5,
    )
    published = inputs[StageName.UPLOAD].artifacts["video"]
    report = await media.probe(Path(published.path))
    assert media_problems(report, expected) == ()
    assert report.faststart
    assert report.caption_cues >= 2
    assert inputs[StageName.UPLOAD].data["video_url"] == Path(published.path).as_uri()
    assert kept.parts == {}
