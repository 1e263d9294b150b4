"""Plug-ins: providers, job types and stages that other packages bring, by entry points (``docs/plugins.md``).

===================== ============================ ===================================================
group                 name                         what it leads to
===================== ============================ ===================================================
``predawn.providers``  ``<stage>.<provider name>``  ``make(PluginContext) -> Provider | None``
``predawn.job_types``  the job type                 ``make(PluginContext) -> JobType``
``predawn.stages``     a stage of predawn           ``change(Stage) -> Stage``: another policy or chain
``predawn.stages``     any other name               ``make(PluginContext) -> AddedStage | None``: a new one
===================== ============================ ===================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from config.settings import Settings
from scheduler.domain.render import StageName
from scheduler.job_types import JobType
from scheduler.pipeline.added import AddedStage, problem_of
from scheduler.pipeline.stages import Pipeline, PipelineConfigError, Stage
from scheduler.ports.media import ArtifactPublisher, LocalMedia
from scheduler.ports.provider import Provider

PROVIDERS, JOB_TYPES, STAGES = "predawn.providers", "predawn.job_types", "predawn.stages"


class PluginError(PipelineConfigError):
    """A plug-in cannot be used; the message names its package, its entry point, what is wrong, and the remedy."""


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a plug-in may build on.

    Attributes:
        settings: of the installation.
        media: local rendering and probing; None where only names are wanted (job types).
        publisher: addresses for files that a service is to fetch; None as above.
    """

    settings: Settings
    media: LocalMedia | None = None
    publisher: ArtifactPublisher | None = None


Found = Callable[[str], Iterable[EntryPoint]]
"""The entry points of a group."""


def installed(group: str) -> Iterable[EntryPoint]:
    """The entry points that installed packages declare."""
    return entry_points(group=group)


def provider_plugins(context: PluginContext, found: Found = installed) -> dict[StageName, dict[str, Provider | None]]:
    """Providers by stage and name; None: it says that it is not configured.

    Raises:
        PluginError: one of them cannot be used.
    """
    registry: dict[StageName, dict[str, Provider | None]] = {}
    for point in found(PROVIDERS):
        stage, _, name = point.name.partition(".")
        if stage not in set(StageName) or not name:
            raise _error(point, f"its name must be <stage>.<provider>, the stage one of {', '.join(StageName)}")
        provider = _made(point, context)
        if provider is not None:
            if not callable(getattr(provider, "run", None)):
                raise _error(point, f"it made {type(provider).__name__}, which has no async method run(call)")
            if getattr(provider, "name", None) != name:
                raise _error(
                    point, f"its provider calls itself {getattr(provider, 'name', None)!r} instead of {name!r}"
                )
        chain = registry.setdefault(StageName(stage), {})
        if name in chain:
            raise _error(point, "another package brings a provider of this name: uninstall one of them")
        chain[name] = cast("Provider | None", provider)
    return registry


def job_type_plugins(context: PluginContext, found: Found = installed) -> list[JobType]:
    """Job types.

    Raises:
        PluginError: one of them cannot be used.
    """
    types: list[JobType] = []
    for point in found(JOB_TYPES):
        made = _made(point, context)
        if not isinstance(made, JobType):
            raise _error(point, f"it made {type(made).__name__} instead of a scheduler.job_types.JobType")
        if made.name != point.name:
            raise _error(point, f"its job type is called {made.name!r} instead of {point.name!r}")
        types.append(made)
    return types


def with_stage_plugins(pipeline: Pipeline, found: Found = installed) -> Pipeline:
    """The pipeline with the stages that plug-ins change.

    Raises:
        PluginError: one of them cannot be used.
    """
    stages = {stage.name: stage for stage in pipeline.stages}
    for point in found(STAGES):
        if point.name not in set(StageName):
            continue  # a new one: ``added_stages``
        before = stages[StageName(point.name)]
        after = _made(point, before)
        if not isinstance(after, Stage) or after.name is not before.name or not after.chain:
            raise _error(point, "it must answer the same stage, with at least one provider")
        if after.needs != before.needs:
            raise _error(point, "it must leave alone what the stage waits for")
        stages[after.name] = after
    return Pipeline(tuple(stages[stage.name] for stage in pipeline.stages), fallback=pipeline.fallback)


def added_stages(context: PluginContext, found: Found = installed) -> tuple[AddedStage, ...]:
    """The stages that plug-ins add; one that answers None is not configured.

    Raises:
        PluginError: one of them cannot be used.
    """
    stages: dict[str, AddedStage] = {}
    for point in found(STAGES):
        if point.name in set(StageName):
            continue
        made = _made(point, context)
        if made is None:
            continue
        if not isinstance(made, AddedStage):
            raise _error(
                point,
                f"it made {type(made).__name__} instead of a scheduler.pipeline.added.AddedStage (and it is none of "
                f"predawn's stages, {', '.join(StageName)})",
            )
        if made.name != point.name:
            raise _error(point, f"its stage is called {made.name!r} instead of {point.name!r}")
        if problem := problem_of(made):
            raise _error(point, problem)
        if made.name in stages:
            raise _error(point, "another package brings a stage of this name: uninstall one of them")
        stages[made.name] = made
    return tuple(stages.values())


def _made(point: EntryPoint, given: object) -> object:
    try:
        make: Any = point.load()
    except Exception as error:
        raise _error(point, f"it does not load: {type(error).__name__}: {error}") from error
    if not callable(make):
        raise _error(point, f"{point.value} is no function")
    try:
        return make(given)
    except Exception as error:
        raise _error(point, f"it fails: {type(error).__name__}: {error}") from error


def _error(point: EntryPoint, why: str) -> PluginError:
    package = f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown package"
    remedy = f"; mend it or uninstall it (pip uninstall {point.dist.name})" if point.dist is not None else ""
    return PluginError(f"plug-in {point.name!r} of {package} ({point.group}: {point.value}): {why}{remedy}")


def merged(
    ours: Mapping[StageName, Mapping[str, Provider | None]],
    theirs: Mapping[StageName, Mapping[str, Provider | None]],
) -> dict[StageName, dict[str, Provider | None]]:
    """Both together.

    Raises:
        PluginError: a plug-in has the name of a provider of ours.
    """
    registry = {stage: dict(chain) for stage, chain in ours.items()}
    for stage, chain in theirs.items():
        taken = sorted(set(registry.get(stage, {})) & set(chain))
        if taken:
            raise PluginError(f"plug-in {stage.value}.{taken[0]}: predawn has a provider of this name; choose another")
        registry.setdefault(stage, {}).update(chain)
    return registry
