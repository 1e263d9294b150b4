"""What is simulated, as a value that other processes can be given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from config.settings import DeadlineSettings, PipelineSettings
from scheduler.domain.job import QueueConfig
from scheduler.domain.night import NightOutcome
from scheduler.domain.render import StageName
from scheduler.domain.schedule import ScheduleDefinition
from scheduler.simulate.faults import Faults


@dataclass(frozen=True, slots=True)
class Plan:
    """A simulation.

    Attributes:
        definition: the schedule.
        pipeline: policies; the chains below stand over its own.
        chains: provider names by stage, best first.
        deadline: estimates and when history outweighs them.
        queue: limits of the job type.
        history: seconds of real calls by (stage, provider).
        seed: everything that is left to chance follows from it and the night's number.
        nights: how many.
        first: the nights begin after this moment (aware).
        deadline_logic: False: renders know no deadline; they are judged by it all the same.
    """

    definition: ScheduleDefinition
    pipeline: PipelineSettings
    chains: Mapping[StageName, Sequence[str]]
    deadline: DeadlineSettings
    queue: QueueConfig
    faults: Faults
    seed: int
    nights: int
    first: datetime
    history: Mapping[tuple[str, str], Sequence[float]] = field(default_factory=dict[tuple[str, str], Sequence[float]])
    deadline_logic: bool = True

    def pipeline_with_chains(self) -> PipelineSettings:
        """The policies with the plan's chains."""
        stages = self.pipeline.stages
        chained = {
            stage.value: getattr(stages, stage.value).model_copy(update={"providers": tuple(chain)})
            for stage, chain in self.chains.items()
        }
        return self.pipeline.model_copy(update={"stages": stages.model_copy(update=chained)})


@dataclass(frozen=True, slots=True)
class NightResult:
    """How one simulated night ended.

    Attributes:
        number: of the night, from 0.
        margin_s: seconds between the video and the deadline; None: there was none by six hours after it.
        took_s: seconds from the start to the video.
        under_p90: whether it was out before the P90 that was predicted at its start.
        calls: calls of providers.
        why: what went another way than planned, by stage; told only when it is asked for.
    """

    number: int
    run_date: date
    outcome: NightOutcome
    margin_s: float | None
    took_s: float | None
    degraded: bool
    under_p90: bool
    calls: int
    why: str = ""
