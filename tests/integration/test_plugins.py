"""Plug-ins as packages that are really on the path, and the conformance checks over providers of ours."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from functools import partial
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import Any

import av
import pytest
from pipeline_scene import BRIEF, SCRIPT, Maker, Scene
from services_media import moving_picture

from config.settings import PipelineSettings, Settings
from console.bootstrap.pipeline import make_pipeline, make_routes
from console.bootstrap.reading import job_types
from integrations.artifact_server.server import ArtifactServer
from integrations.kit.artifacts import artifact_of
from integrations.local_directory.provider import LocalDirectory
from integrations.media.probe import probe
from integrations.media.providers import Espeak, LocalComposer, MediaProbe, Silence, StaticCards
from integrations.media.toolkit import MediaToolkit
from integrations.template_script.provider import TemplateScript
from scheduler.conformance import NonconformingError, check_provider
from scheduler.domain.failure import StageFailure
from scheduler.domain.job import Job, JobSpec, JobStatus, Priority
from scheduler.domain.render import StageName, StageOutput
from scheduler.pipeline.added import AddedStage
from scheduler.pipeline.stages import Pipeline, Policy, Stage
from scheduler.plugins import (
    JOB_TYPES,
    PROVIDERS,
    STAGES,
    PluginContext,
    PluginError,
    added_stages,
    job_type_plugins,
    merged,
    provider_plugins,
    with_stage_plugins,
)
from scheduler.ports.provider import Call
from scheduler.testing import FakeClock, MemoryStore

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "clip-library"
SLACK_S = 20.0


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The documented example as it is when pip has installed it: its module and its metadata on the path."""
    site = tmp_path / "site"
    info = site / "clip_library-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "clip_library.py").write_text((EXAMPLE / "clip_library.py").read_text("utf-8"), encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: clip-library\nVersion: 1.0\n", encoding="utf-8")
    pyproject = (EXAMPLE / "pyproject.toml").read_text("utf-8")
    lines: list[str] = []
    for line in pyproject.splitlines():
        if line.startswith("[project.entry-points."):
            lines.append(f"[{line.split(chr(34))[1]}]")
        elif lines and line.startswith(chr(34)):
            lines.append(line.replace(chr(34), ""))
        elif line.startswith("[") and lines:
            break
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    assert any(one.name == "clip-library" for one in distributions())
    yield tmp_path
    sys.modules.pop("clip_library", None)


def settings(tmp_path: Path, **chains: tuple[str, ...]) -> Settings:
    pipeline = PipelineSettings()
    stages = pipeline.stages.model_copy(
        update={
            name: getattr(pipeline.stages, name).model_copy(update={"providers": chain})
            for name, chain in chains.items()
        }
    )
    return Settings(home=tmp_path, pipeline=pipeline.model_copy(update={"stages": stages}))


async def test_the_example_package_is_found_and_conforms(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = example / "clips"
    clips.mkdir()
    for segment in SCRIPT.segments:
        (clips / f"{segment.index}.mp4").write_bytes(b"clip" * 10)
    monkeypatch.setenv("CLIP_LIBRARY", str(clips))
    chosen = settings(example, manim=("clip-library", "static-cards"))
    media, publisher = MediaToolkit(1), ArtifactServer([example])
    pipeline = make_pipeline(chosen, media, publisher)
    stage = pipeline.stage(StageName.MANIM)
    assert stage.providers == ("clip-library", "static-cards")
    assert stage.policy.attempts == 1, "its stage plug-in: files do not get better by being asked for again"
    assert "greeting" in job_types(chosen)
    await check_provider(lambda: stage.chain[0], call(StageName.MANIM, example / "work"), slack_s=SLACK_S)

    scene = Scene(MemoryStore(FakeClock()), example)
    scene.chains[StageName.MANIM] = [stage.chain[0], Maker("static-cards")]
    result = await scene.render()
    assert not result.degraded
    assert [row.provider for row in scene.rows(StageName.MANIM)] == ["clip-library"]


async def test_the_example_s_stage_is_added_and_what_it_makes_is_a_whole_video(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(example)
    media, publisher = MediaToolkit(1), ArtifactServer([example])
    assert not make_routes(chosen, media, publisher).added, "without words there is nothing to imprint"
    monkeypatch.setenv("IMPRINT", "Published by the college")
    store = MemoryStore(FakeClock())
    daily, doubt = (store.enqueue(JobSpec(name, {"route": "pipeline"})).job for name in ("daily_ca", "doubt"))
    routes = make_routes(chosen, media, publisher)
    imprint = StageName("imprint")
    assert imprint not in routes.of(doubt, []).names
    (stage,) = (one for one in routes.of(daily, []).stages if one.name is imprint)
    assert stage.providers == ("imprint-comment", "left-out")
    composed = artifact_of(moving_picture(example / "video.mp4", seconds=1, sound=True), "video/mp4")
    inputs = {StageName.REVIDEO: StageOutput(data={"duration_s": 1.0}, artifacts={"video": composed})}
    made = await check_provider(lambda: stage.chain[0], call(imprint, example / "work", inputs=inputs), slack_s=SLACK_S)
    with av.open(made.artifacts["video"].path) as video:
        assert video.metadata["comment"] == "Published by the college"
    assert await asyncio.to_thread(lambda: probe(Path(made.artifacts["video"].path)).frames) == 30


class Point(EntryPoint):
    """An entry point whose object is given instead of imported."""

    def load(self) -> Any:
        return OBJECTS[self.value]


def boom(_: object) -> object:
    raise OSError("no licence")


def nothing(_: object) -> object:
    return object()


def empty(stage: Stage) -> Stage:
    return Stage(stage.name, stage.policy, stage.needs, ())


def added(name: str, before: StageName, _: object) -> AddedStage:
    return AddedStage(name, (Maker("mine"),), after=(StageName.REVIDEO,), before=(before,))


def maker(name: str | None, _: object) -> Maker | None:
    return None if name is None else Maker(name)


OBJECTS: dict[str, Any] = {
    "boom": boom,
    "number": 7,
    "nothing": nothing,
    "other-name": partial(maker, "another"),
    "maker": partial(maker, "mine"),
    "none": partial(maker, None),
    "empty": empty,
    "misplaced": partial(added, "picture", StageName.BRIEF),
    "unnamed": partial(added, "caption", StageName.VERIFY),
}


@pytest.mark.parametrize(
    ("group", "name", "value", "message"),
    [
        (PROVIDERS, "mine", "maker", "<stage>.<provider>"),
        (PROVIDERS, "picture.mine", "maker", "the stage one of brief"),
        (PROVIDERS, "manim.mine", "boom", "it fails: OSError: no licence"),
        (PROVIDERS, "manim.mine", "number", "is no function"),
        (PROVIDERS, "manim.mine", "nothing", "no async method run"),
        (PROVIDERS, "manim.mine", "other-name", "calls itself 'another'"),
        (PROVIDERS, "manim.mine", "missing", "does not load: KeyError"),
        (JOB_TYPES, "greeting", "maker", "instead of a scheduler.job_types.JobType"),
        (STAGES, "picture", "nothing", "instead of a scheduler.pipeline.added.AddedStage"),
        (STAGES, "picture", "misplaced", "must not come earlier"),
        (STAGES, "picture", "unnamed", "is called 'caption' instead of 'picture'"),
        (STAGES, "manim", "empty", "at least one provider"),
    ],
)
def test_a_broken_plug_in_is_named_with_what_is_wrong(
    tmp_path: Path, group: str, name: str, value: str, message: str
) -> None:
    def found(asked: str) -> list[EntryPoint]:
        return [Point(name, value, group)] if asked == group else []

    context = PluginContext(Settings(home=tmp_path))
    stage = Stage(StageName.MANIM, Policy(), (), (Maker("manim-api"),))

    def load() -> None:
        provider_plugins(context, found)
        job_type_plugins(context, found)
        with_stage_plugins(Pipeline((stage,)), found)
        added_stages(context, found)

    with pytest.raises(PluginError, match=message) as raised:
        load()
    assert f"{name!r}" in str(raised.value)
    assert group in str(raised.value)


def test_a_plug_in_may_be_unconfigured_but_not_take_a_name_of_ours(tmp_path: Path) -> None:
    context = PluginContext(Settings(home=tmp_path))
    theirs = provider_plugins(context, lambda group: [Point("manim.mine", "none", group)])
    assert theirs == {StageName.MANIM: {"mine": None}}
    with pytest.raises(PluginError, match="predawn has a provider of this name"):
        merged({StageName.MANIM: {"mine": Maker("mine")}}, theirs)


def call(stage: StageName, workdir: Path, **more: Any) -> Call:
    workdir.mkdir(parents=True, exist_ok=True)
    spec = JobSpec("daily_ca", {})
    job = MemoryStore(FakeClock()).enqueue(spec).job
    assert isinstance(job, Job)
    assert (job.status, job.priority) == (JobStatus.QUEUED, Priority.NORMAL)
    return Call(job, stage, workdir, 60.0, "c-1", f"{job.id}:{stage.value}", brief=BRIEF, script=SCRIPT, **more)


async def test_our_providers_conform(tmp_path: Path) -> None:
    media = MediaToolkit(processes=2)
    script = await check_provider(
        lambda: TemplateScript("Daily"), call(StageName.SCRIPT_GEN, tmp_path / "script"), slack_s=SLACK_S
    )
    assert "script" in script.data
    clips = await check_provider(
        lambda: StaticCards(media, programme="Daily"), call(StageName.MANIM, tmp_path / "manim"), slack_s=SLACK_S
    )
    spoken = await check_provider(lambda: Espeak(media), call(StageName.TTS, tmp_path / "tts"), slack_s=SLACK_S)
    await check_provider(lambda: Silence(media), call(StageName.TTS, tmp_path / "silence"), slack_s=SLACK_S)
    inputs = {StageName.MANIM: clips, StageName.TTS: spoken}
    video = await check_provider(
        lambda: LocalComposer(media), call(StageName.REVIDEO, tmp_path / "revideo", inputs=inputs), slack_s=SLACK_S
    )
    inputs[StageName.REVIDEO] = video
    checked = await check_provider(
        lambda: MediaProbe(media), call(StageName.VERIFY, tmp_path / "verify", inputs=inputs), slack_s=SLACK_S
    )
    inputs[StageName.VERIFY] = checked
    await check_provider(
        lambda: LocalDirectory(tmp_path / "out"),
        call(StageName.UPLOAD, tmp_path / "up", inputs=inputs),
        slack_s=SLACK_S,
    )


class Deaf(Maker):
    """Does not hear that it was cancelled."""

    async def run(self, call: Call) -> StageOutput:
        made = await super().run(call)
        end = asyncio.get_running_loop().time() + 4
        while asyncio.get_running_loop().time() < end:
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
            if self.service == "quick":
                break
        return made


class Forgetful(Maker):
    """Makes every part again."""

    async def run(self, call: Call) -> StageOutput:
        return await super().run(
            Call(
                **{
                    name: getattr(call, name)
                    for name in (
                        "job",
                        "stage",
                        "workdir",
                        "timeout_s",
                        "correlation_id",
                        "idempotency_key",
                        "brief",
                        "script",
                        "save_part",
                    )
                }
            )
        )


async def test_what_does_not_conform_is_told(tmp_path: Path) -> None:
    with pytest.raises(NonconformingError, match="it made"):
        await check_provider(lambda: Forgetful("forgetful"), call(StageName.MANIM, tmp_path / "a"))
    with pytest.raises(NonconformingError, match="name must be a text"):
        await check_provider(lambda: Maker(""), call(StageName.MANIM, tmp_path / "b"))

    async def lie(_: Call) -> StageOutput:
        return StageOutput(data={})

    with pytest.raises(NonconformingError, match="not whole"):
        await check_provider(lambda: Maker("liar", plays=[lie]), call(StageName.SCRIPT_GEN, tmp_path / "c"))
    broken = StageFailure.unavailable("nobody is there")
    with pytest.raises(StageFailure):
        await check_provider(lambda: Maker("absent", plays=[broken]), call(StageName.BRIEF, tmp_path / "d"))
