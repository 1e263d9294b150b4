r"""Stages: what a pipeline is made of, what each stage leaves, and how a pipeline is put together from settings.

What each stage's output holds (``problem_with`` checks the parts marked *):

==========  =============================================  ==========================================
stage       data                                           artifacts
==========  =============================================  ==========================================
brief       ``brief``\* (``brief_to_json``), ``origin``      –
script_gen  ``script``\* (``script_to_json``)               –
manim       ``durations``, ``providers`` by segment        ``clip/<segment index>``
tts         ``durations``, ``providers`` by segment        ``narration/<segment index>``
revideo     ``duration_s``                                 ``video``\*, ``thumbnail``
verify      ``duration_s``\*, what the probe found          –
upload      ``video_url``\*, ``thumbnail_url``              –
==========  =============================================  ==========================================
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from config.settings import PipelineSettings, StageSettings
from scheduler.domain.codec import CodecError, brief_from_json, script_from_json
from scheduler.domain.deadline import NEEDS
from scheduler.domain.render import StageName, StageOutput
from scheduler.ports.provider import Provider

CHECKS: Mapping[StageName, StageName] = {StageName.VERIFY: StageName.REVIDEO}
"""Stages that judge another one's output: a rejected output is made again by the next provider of its chain."""

PUBLISHES = frozenset({StageName.UPLOAD})
"""Stages that others can see the effect of: the lease is asked for once more before each call."""

READS = frozenset({StageName.BRIEF, StageName.SCRIPT_GEN, StageName.REVIDEO})
"""Stages whose output any later stage may read, not only the ones that need it directly."""

Graph = Mapping[StageName, tuple[StageName, ...]]
"""What each stage waits for."""

Registry = Mapping[StageName, Mapping[str, Provider | None]]
"""Providers by stage and name; None: known, but not configured (no URL, no key)."""


class PipelineConfigError(ValueError):
    """The pipeline cannot be put together; the message names the setting and the remedy."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How the calls of a stage are made.

    Attributes:
        attempts: calls of one provider, the first one included.
        backoff_s: seconds before the first retry, doubled for each further one.
        jitter: share of a wait that is drawn at random on top of it, 0–1.
        timeout_s: seconds one call may take.
        weight: share of the progress bar.
    """

    attempts: int = 4
    backoff_s: float = 1.0
    jitter: float = 0.1
    timeout_s: float = 180.0
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its policy, what it waits for, and its fallback chain (best first, never empty).

    ``over`` is the stage whose output it improves (``added``); predawn's own stages have none.
    """

    name: StageName
    policy: Policy
    needs: tuple[StageName, ...]
    chain: tuple[Provider, ...]
    over: StageName | None = None

    @property
    def providers(self) -> tuple[str, ...]:
        """The names of the chain."""
        return tuple(provider.name for provider in self.chain)

    @property
    def publishes(self) -> bool:
        """Whether others see what it does."""
        return self.name in PUBLISHES

    @property
    def checks(self) -> StageName | None:
        """The stage whose output this one judges."""
        return CHECKS.get(self.name)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """All stages, each after the ones it needs.

    Attributes:
        fallback: what makes the job when this way of making it fails; None: nothing does (``routes``).
        graph: what each stage waits for in the whole pipeline, with the stages that were added to it.
        base: what it was before stages were added to it; None: none were (``added``).
    """

    stages: tuple[Stage, ...]
    fallback: Pipeline | None = None
    graph: Graph = field(default_factory=lambda: NEEDS)
    base: Pipeline | None = None

    def stage(self, name: StageName) -> Stage:
        """The stage called ``name``.

        Raises:
            KeyError: the pipeline has none.
        """
        for stage in self.stages:
            if stage.name is name:
                return stage
        raise KeyError(name)

    @property
    def names(self) -> frozenset[StageName]:
        """The stages it has."""
        return frozenset(stage.name for stage in self.stages)

    @property
    def chains(self) -> Mapping[StageName, tuple[str, ...]]:
        """The names of the providers by stage, for those who only read (``forecast``, ``views``)."""
        return {stage.name: stage.providers for stage in self.stages}


def build_pipeline(settings: PipelineSettings, providers: Registry) -> Pipeline:
    """Put the pipeline together: the order of each chain is the settings', unconfigured providers are left out.

    Raises:
        PipelineConfigError: a name that no provider has, a name that stands twice, or a chain that ends up empty.
    """
    return Pipeline(
        tuple(_stage(name, getattr(settings.stages, name.value), settings, providers.get(name, {})) for name in NEEDS)
    )


def _stage(
    name: StageName, stage: StageSettings, settings: PipelineSettings, known: Mapping[str, Provider | None]
) -> Stage:
    setting = f"pipeline.stages.{name.value}.providers"
    chain: list[Provider] = []
    for position, wanted in enumerate(stage.providers):
        if wanted not in known:
            near = difflib.get_close_matches(wanted, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(sorted(known)) or 'none'}"
            raise PipelineConfigError(f"{setting}: stage {name.value} has no provider {wanted!r}{hint}")
        if wanted in stage.providers[:position]:
            raise PipelineConfigError(f"{setting}: {wanted!r} stands twice; name it once, where it comes first")
        provider = known[wanted]
        if provider is not None:
            chain.append(provider)
    if not chain:
        left_out = ", ".join(stage.providers) or "nothing"
        ready = ", ".join(sorted(n for n, p in known.items() if p is not None)) or "none yet"
        raise PipelineConfigError(
            f"{setting}: nobody is left to do stage {name.value}: it names {left_out}, and that is not configured; "
            f"configured are: {ready}"
        )
    policy = Policy(
        attempts=stage.attempts,
        backoff_s=settings.backoff_s,
        jitter=settings.jitter,
        timeout_s=stage.timeout_s,
        weight=stage.weight,
    )
    return Stage(name=name, policy=policy, needs=NEEDS[name], chain=tuple(chain))


def ancestors(name: StageName, graph: Graph = NEEDS) -> frozenset[StageName]:
    """Every stage that must have ended before ``name`` starts; none for a stage that the graph does not have."""
    needs = graph.get(name, ())
    return frozenset(needs).union(*(ancestors(need, graph) for need in needs))


def stages_to_run(done: Collection[StageName], graph: Graph = NEEDS) -> frozenset[StageName]:
    """The stages that are still to run, given the ones whose kept output is whole. Pure.

    Everything that the last stage still needs, directly or not; what only led to outputs that are there is left alone.
    A stage that judges an output that is made again judges again.
    """
    wanted: set[StageName] = set()

    def want(stage: StageName) -> None:
        if stage not in done and stage not in wanted:
            wanted.add(stage)
            for need in (*graph[stage], *READS & ancestors(stage, graph)):
                want(need)

    for stage in graph:
        if not any(stage in needs for needs in graph.values()):
            want(stage)
    wanted.update(judge for judge, judged in CHECKS.items() if judged in wanted)
    return frozenset(wanted)


def problem_with(stage: StageName, output: StageOutput) -> str | None:
    """What a stage's output lacks that later stages rely on, in words; None when it is complete. Pure."""
    try:
        match stage:
            case StageName.BRIEF:
                brief_from_json(output.data.get("brief", {}))
            case StageName.SCRIPT_GEN:
                script_from_json(output.data.get("script", {}))
            case StageName.REVIDEO if "video" not in output.artifacts:
                return "there is no artifact called video"
            case StageName.VERIFY if not isinstance(output.data.get("duration_s"), (int, float)):
                return "data.duration_s must be a number of seconds"
            case StageName.UPLOAD if not isinstance(output.data.get("video_url"), str):
                return "data.video_url must be the address of the published video"
            case _:
                pass
    except CodecError as error:
        return str(error)
    return None
