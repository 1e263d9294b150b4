from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from config.settings import PipelineSettings, StageSettings, StagesSettings
from scheduler.domain.codec import brief_to_json
from scheduler.domain.content import Brief, Headline
from scheduler.domain.deadline import NEEDS
from scheduler.domain.render import Artifact, StageName, StageOutput
from scheduler.pipeline.stages import (
    PipelineConfigError,
    Registry,
    ancestors,
    build_pipeline,
    problem_with,
    stages_to_run,
)
from scheduler.ports.provider import Call

ALL = frozenset(StageName)
EARLY = frozenset({StageName.BRIEF, StageName.SCRIPT_GEN})
FILM = Artifact(path="film.mp4", sha256="", size=1, media_type="video/mp4")


@dataclass(frozen=True)
class Named:
    name: str
    service: str | None = None

    async def run(self, call: Call) -> StageOutput:
        return StageOutput(provider=self.name)


def registry(**unconfigured: str) -> Registry:
    """Every provider of the default settings; the ones given by stage are known but not configured."""
    stages = StagesSettings()
    return {
        name: {
            provider: None if unconfigured.get(name.value) == provider else Named(provider)
            for provider in getattr(stages, name.value).providers
        }
        for name in StageName
    }


def settings(**stages: StageSettings) -> PipelineSettings:
    return PipelineSettings(stages=StagesSettings(**stages))


def test_the_settings_give_the_order_of_a_chain_and_the_policy() -> None:
    chosen = settings(manim=StageSettings(providers=("static-cards", "manim-api"), attempts=2, timeout_s=9, weight=3))

    pipeline = build_pipeline(chosen, registry())

    stage = pipeline.stage(StageName.MANIM)
    assert stage.providers == ("static-cards", "manim-api")
    assert (stage.policy.attempts, stage.policy.timeout_s, stage.policy.weight) == (2, 9, 3)
    assert (stage.policy.backoff_s, stage.policy.jitter) == (1.0, 0.1)
    assert pipeline.chains[StageName.MANIM] == ("static-cards", "manim-api")


def test_stages_come_in_the_order_of_their_needs() -> None:
    pipeline = build_pipeline(PipelineSettings(), registry())

    seen: set[StageName] = set()
    for stage in pipeline.stages:
        assert set(stage.needs) <= seen
        seen.add(stage.name)
    assert seen == ALL


def test_a_provider_that_is_not_configured_is_left_out() -> None:
    pipeline = build_pipeline(PipelineSettings(), registry(tts="a4f"))

    assert pipeline.chains[StageName.TTS] == ("cached-audio", "espeak", "silence")


def test_an_unknown_provider_is_named_with_its_setting_and_the_nearest_one() -> None:
    chosen = settings(manim=StageSettings(providers=("manim-api", "static-card")))

    with pytest.raises(PipelineConfigError) as raised:
        build_pipeline(chosen, registry())

    assert str(raised.value) == (
        "pipeline.stages.manim.providers: stage manim has no provider 'static-card'; did you mean 'static-cards'?"
    )


def test_a_provider_of_another_stage_is_unknown_here() -> None:
    with pytest.raises(PipelineConfigError, match=r"there are: a4f, cached-audio, espeak, silence"):
        build_pipeline(settings(tts=StageSettings(providers=("media-probe",))), registry())


def test_a_chain_without_any_configured_provider_is_an_error_that_names_the_setting() -> None:
    chosen = settings(tts=StageSettings(providers=("a4f",)))

    with pytest.raises(PipelineConfigError, match=r"^pipeline\.stages\.tts\.providers: nobody is left .* espeak"):
        build_pipeline(chosen, registry(tts="a4f"))


def test_a_provider_named_twice_is_an_error() -> None:
    with pytest.raises(PipelineConfigError, match=r"'espeak' stands twice"):
        build_pipeline(settings(tts=StageSettings(providers=("espeak", "silence", "espeak"))), registry())


def test_ancestors_are_all_stages_before() -> None:
    assert ancestors(StageName.REVIDEO) == EARLY | {StageName.MANIM, StageName.TTS}
    assert ancestors(StageName.BRIEF) == frozenset()


@pytest.mark.parametrize(
    ("done", "wanted"),
    [
        (frozenset[StageName](), ALL),
        (ALL, frozenset[StageName]()),
        (EARLY, ALL - EARLY),
        (EARLY | {StageName.TTS}, ALL - EARLY - {StageName.TTS}),
        # The published video is out: nothing is made again, whatever is missing.
        ({StageName.UPLOAD}, frozenset[StageName]()),
        # The clips are gone, but the video made of them is there.
        (ALL - {StageName.MANIM, StageName.VERIFY, StageName.UPLOAD}, {StageName.VERIFY, StageName.UPLOAD}),
        # The video is gone: it is made again, and judged again.
        (ALL - {StageName.REVIDEO, StageName.UPLOAD}, {StageName.REVIDEO, StageName.VERIFY, StageName.UPLOAD}),
        # Another machine: no file is here.
        (EARLY | {StageName.VERIFY}, ALL - EARLY),
        # Later stages read the script even where they do not need it directly.
        (ALL - {StageName.SCRIPT_GEN, StageName.UPLOAD}, {StageName.SCRIPT_GEN, StageName.UPLOAD}),
    ],
)
def test_which_stages_are_still_to_run(done: frozenset[StageName], wanted: frozenset[StageName]) -> None:
    assert stages_to_run(done) == wanted


@pytest.mark.parametrize(
    ("stage", "output", "problem"),
    [
        (StageName.BRIEF, StageOutput(), "brief.headlines must be list, not NoneType"),
        (StageName.SCRIPT_GEN, StageOutput(data={"script": {}}), "script.title must be str, not NoneType"),
        (StageName.MANIM, StageOutput(), None),
        (StageName.REVIDEO, StageOutput(), "there is no artifact called video"),
        (StageName.REVIDEO, StageOutput(artifacts={"video": FILM}), None),
        (StageName.VERIFY, StageOutput(data={"duration_s": "long"}), "data.duration_s must be a number of seconds"),
        (StageName.VERIFY, StageOutput(data={"duration_s": 61.5}), None),
        (StageName.UPLOAD, StageOutput(), "data.video_url must be the address of the published video"),
        (StageName.UPLOAD, StageOutput(data={"video_url": "file:///v.mp4"}), None),
    ],
)
def test_what_an_output_lacks(stage: StageName, output: StageOutput, problem: str | None) -> None:
    assert problem_with(stage, output) == problem


def test_a_whole_brief_lacks_nothing() -> None:
    brief = Brief(date(2026, 11, 20), "Today", (Headline("One", ("It happened.",), "PIB"),))

    assert problem_with(StageName.BRIEF, StageOutput(data={"brief": brief_to_json(brief)})) is None


def test_every_stage_has_settings() -> None:
    assert {name.value for name in NEEDS} == set(StagesSettings.model_fields)
