"""Routes: who makes a whole job. The pipeline is one; the others hand the job over and have the pipeline as fallback.

A route is a ``Pipeline`` with fewer stages (brief → somebody else's video → verify → upload) and a ``fallback``. So it
is run, retried, logged, checkpointed and verified like the pipeline itself, and its deadline leaves room for the
pipeline's last resorts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from scheduler.domain.job import Job
from scheduler.domain.render import Checkpoint, StageName
from scheduler.job_types import PIPELINE
from scheduler.pipeline.added import AddedStage, extended
from scheduler.pipeline.stages import Pipeline, Stage
from scheduler.ports.provider import Provider

NEEDS: Mapping[StageName, tuple[StageName, ...]] = {
    StageName.BRIEF: (),
    StageName.REVIDEO: (StageName.BRIEF,),
    StageName.VERIFY: (StageName.REVIDEO,),
    StageName.UPLOAD: (StageName.VERIFY,),
}
"""What each stage of a whole-job route waits for: the video comes straight from the brief."""

COMMON = frozenset({StageName.BRIEF, StageName.UPLOAD})
"""Stages that every route does alike, from the same input: where one fails in them, the next would fail again."""


@dataclass(frozen=True, slots=True)
class Routes:
    """All routes of an installation.

    Attributes:
        pipeline: the route that always exists.
        whole: the others that are configured, by name; each has ``pipeline`` as its fallback.
        by_type: the route of each job type whose jobs ask for none.
        added: stages that plug-ins bring, for every route that has what they stand between.
    """

    pipeline: Pipeline
    whole: Mapping[str, Pipeline] = field(default_factory=dict[str, Pipeline])
    by_type: Mapping[str, str] = field(default_factory=dict[str, str])
    added: tuple[AddedStage, ...] = ()

    def wanted(self, job: Job) -> str:
        """The name of the route that a job asks for; one that is not configured is the pipeline."""
        asked = job.payload.get("route") or self.by_type.get(job.job_type, PIPELINE)
        return asked if isinstance(asked, str) and asked in self.whole else PIPELINE

    def of(self, job: Job, kept: Iterable[Checkpoint]) -> Pipeline:
        """The route to take now.

        A job for which the pipeline has begun (something is kept that the wanted route does not make) goes on there:
        the route had its chance, and what is rendered is not thrown away.
        """
        way = self.whole.get(self.wanted(job))
        if way is not None:
            way = self.with_added(way, job.job_type)
        if way is None or any(checkpoint.stage not in way.names for checkpoint in kept):
            return self.with_added(self.pipeline, job.job_type)
        return way

    def with_added(self, way: Pipeline, job_type: str) -> Pipeline:
        """A route as jobs of this type take it."""
        return extended(way, self.added, job_type) if self.added else way

    def is_second_choice(self, job: Job, way: Pipeline) -> bool:
        """Whether ``way`` is what a job falls back to."""
        return (way.base or way) is self.pipeline and self.wanted(job) != PIPELINE

    def foreign_to(self, way: Pipeline) -> frozenset[str]:
        """Providers that only other routes have: what they left is not taken over."""
        everywhere = {name for one in (self.pipeline, *self.whole.values()) for name in _providers(one)}
        return frozenset(everywhere - _providers(way))


def workflow_route(pipeline: Pipeline, script: Provider) -> Pipeline:
    """The pipeline as the steps of a custom workflow: the caller's script, and one step after the other.

    Args:
        pipeline: does everything else as it always does.
        script: reads the script out of the payload.
    """

    def stage(one: Stage) -> Stage:
        match one.name:
            case StageName.SCRIPT_GEN:
                return replace(one, chain=(script,))
            case StageName.TTS:
                return replace(one, needs=(*one.needs, StageName.MANIM))
            case _:
                return one

    return Pipeline(tuple(stage(one) for one in pipeline.stages))


def whole_route(pipeline: Pipeline, provider: Provider, *, timeout_s: float, attempts: int = 2) -> Pipeline:
    """The route on which ``provider`` makes the whole video.

    Args:
        pipeline: the fallback; brief, verify and upload are done as it does them.
        provider: makes the video in stage ``revideo``, from the brief alone.
        timeout_s: seconds one call of it may take.
        attempts: calls of it, the first one included.
    """

    def stage(name: StageName) -> Stage:
        same = replace(pipeline.stage(name), needs=NEEDS[name])
        if name is not StageName.REVIDEO:
            return same
        # Its share of the progress bar is that of everything it stands for.
        weight = sum(one.policy.weight for one in pipeline.stages if one.name not in NEEDS) + same.policy.weight
        policy = replace(same.policy, timeout_s=timeout_s, attempts=attempts, weight=weight)
        return replace(same, policy=policy, chain=(provider,))

    return Pipeline(tuple(stage(name) for name in NEEDS), fallback=pipeline)


def fallback_of(way: Pipeline, failed: StageName) -> Pipeline | None:
    """The route to take after ``way`` has failed in a stage; None: there is none, or it would fail there, too. Pure."""
    return None if failed in COMMON else way.fallback


def _providers(way: Pipeline) -> frozenset[str]:
    return frozenset(name for stage in way.stages for name in stage.providers)
