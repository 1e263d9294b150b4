"""Stages that plug-ins add to the pipeline: where they stand, for which jobs, and what happens when they fail."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from scheduler.domain.deadline import NEEDS
from scheduler.domain.render import ADDED_NAME, StageName, StageOutput
from scheduler.pipeline.stages import Graph, Pipeline, Policy, Stage, ancestors
from scheduler.ports.provider import Call, Provider

LEFT_OUT = "left-out"
"""The last provider of an optional stage: the video is made without it."""


@dataclass(frozen=True, slots=True)
class AddedStage:
    """A stage beside predawn's own.

    Attributes:
        name: of its own: small letters, digits, ``_``.
        chain: its providers, best first.
        after: predawn's stages that it waits for.
        before: predawn's stages that wait for it.
        over: the stage (one of ``after``) whose output it improves: what it answers is laid over that output, for all
            that comes later. None: its output stands beside the others.
        optional: when nobody can do it, or there is no time for it, the video is made without, and marked degraded.
            Otherwise the render fails with it.
        policy: attempts, time limit, share of the progress bar.
        job_types: the job types that have it; None: all.
    """

    name: str
    chain: tuple[Provider, ...]
    after: tuple[StageName, ...]
    before: tuple[StageName, ...]
    over: StageName | None = None
    optional: bool = True
    policy: Policy = field(default_factory=Policy)
    job_types: frozenset[str] | None = None

    @property
    def stage(self) -> Stage:
        """It as a stage of a pipeline."""
        chain = (*self.chain, _LeftOut()) if self.optional else self.chain
        return Stage(StageName(self.name), self.policy, self.after, chain, over=self.over)


class _LeftOut:
    """Does nothing: the stage is left out."""

    name = LEFT_OUT
    service = None

    async def run(self, call: Call) -> StageOutput:  # noqa: ARG002 - a provider's signature
        """An empty output; the runner marks it as second choice."""
        return StageOutput()


def problem_of(added: AddedStage) -> str | None:
    """Why a stage cannot be added, in words; None: it can. Pure."""
    names = [provider.name for provider in added.chain]
    known = bool(added.after and added.before) and {*added.after, *added.before} <= set(NEEDS)
    earlier = frozenset(added.after).union(*(ancestors(stage) for stage in added.after))
    problems = (
        (not ADDED_NAME.fullmatch(added.name), "its name must be small letters, digits and _, a letter first"),
        (added.name in set(NEEDS), "predawn has a stage of this name; choose another"),
        (not added.chain, "it needs at least one provider"),
        (len(set(names)) < len(names) or LEFT_OUT in names, f"its providers need names of their own, not {LEFT_OUT!r}"),
        (not known, f"after and before must each name stages of predawn: {', '.join(NEEDS)}"),
        (earlier & set(added.before), "what it stands before must not come earlier than what it stands after"),
        (added.over is not None and added.over not in added.after, "over must be one of the stages it stands after"),
    )
    return next((words for wrong, words in problems if wrong), None)


def fitting(added: Iterable[AddedStage], names: Collection[StageName], job_type: str) -> list[AddedStage]:
    """The added stages of a job type that a route with these stages can have: it has what they stand between. Pure."""
    return [
        one
        for one in added
        if (one.job_types is None or job_type in one.job_types)
        and set(one.after) <= set(names)
        and set(one.before) & set(names)
    ]


def graph_with(added: Iterable[AddedStage]) -> Graph:
    """What each stage of the whole pipeline waits for, with these stages in it. Pure."""
    graph = dict(NEEDS)
    for one in added:
        name = StageName(one.name)
        graph[name] = one.after
        for later in one.before:
            graph[later] = (*graph[later], name)
    return graph


def extended(way: Pipeline, added: tuple[AddedStage, ...], job_type: str) -> Pipeline:
    """A route with the added stages of a job type, as far as the route has what they stand between. Pure."""
    ours = fitting(added, way.names, job_type)
    fallback = None if way.fallback is None else extended(way.fallback, added, job_type)
    if not ours:
        return way if fallback is way.fallback else replace(way, fallback=fallback, base=way)
    stages = list(way.stages)
    for one in ours:
        new = one.stage
        stages = [
            replace(stage, needs=(*stage.needs, new.name)) if stage.name in one.before else stage for stage in stages
        ]
        places = [number for number, stage in enumerate(stages) if stage.name in one.after]
        stages.insert(max(places) + 1, new)
    return replace(way, stages=tuple(stages), graph=graph_with(ours), fallback=fallback, base=way)
