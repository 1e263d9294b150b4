"""Providers: one way to do a stage. They do one call and classify what came back; the runner retries and falls back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from scheduler.domain.content import Brief, Script
from scheduler.domain.job import Job
from scheduler.domain.render import StageName, StageOutput


def _ignore(_fraction: float, _message: str = "") -> None:
    """Progress that nobody listens to."""


async def _keep_nothing(_part: str, _output: StageOutput) -> None:
    """Parts that nobody keeps."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a provider is given for one attempt.

    Attributes:
        brief: from stage ``brief`` on.
        script: from stage ``script_gen`` on.
        inputs: outputs of every stage before this one, by name: what it needs, and what those needed.
        parts: finished parts of this stage from earlier attempts, other providers or before a crash, by part name
            (the segment's index as text for ``manim`` and ``tts``); only what is missing is to be made.
        save_part: keeps a finished part; survives a crash.
        progress: fraction 0–1 of this stage and a short text, for people; cheap, may be called often.
        workdir: an existing folder for this stage of this job; it stays until the job is pruned.
        timeout_s: seconds this attempt may take; the runner enforces it, a provider may use it to plan.
        correlation_id: goes out as ``X-Request-ID``.
        idempotency_key: ``job:stage``, the same for every attempt (engine rule 4); a re-render of a published job has
            its own (``job:stage:1``), because it is to replace what is out.
    """

    job: Job
    stage: StageName
    workdir: Path
    timeout_s: float
    correlation_id: str
    idempotency_key: str
    brief: Brief | None = None
    script: Script | None = None
    inputs: Mapping[StageName, StageOutput] = field(default_factory=dict[StageName, StageOutput])
    parts: Mapping[str, StageOutput] = field(default_factory=dict[str, StageOutput])
    save_part: Callable[[str, StageOutput], Awaitable[None]] = _keep_nothing
    progress: Callable[[float, str], None] = _ignore

    def needed_brief(self) -> Brief:
        """The brief.

        Raises:
            RuntimeError: the stage runs before ``brief``: the pipeline is put together wrongly.
        """
        if self.brief is None:
            raise RuntimeError(f"stage {self.stage} has no brief: it must need stage brief")
        return self.brief

    def needed_script(self) -> Script:
        """The script.

        Raises:
            RuntimeError: the stage runs before ``script_gen``: the pipeline is put together wrongly.
        """
        if self.script is None:
            raise RuntimeError(f"stage {self.stage} has no script: it must need script_gen")
        return self.script


correlation: ContextVar[str] = ContextVar("correlation", default="")
"""The correlation id of the attempt that runs here, also in the threads it starts with ``asyncio.to_thread``. For what
has no ``Call`` at hand; empty outside an attempt."""


class Provider(Protocol):
    """One way to do one stage.

    ``run`` raises ``StageFailure`` for all that it understands. It must honour cancellation (``CancelledError``)
    within 2 seconds, freeing what it holds, and cancel remotely what it started remotely, where the service can.
    """

    @property
    def name(self) -> str:
        """Unique within its stage: ``manim-api``, ``static-cards``."""
        ...

    @property
    def service(self) -> str | None:
        """The probed service it depends on (``manim``), or None."""
        ...

    async def run(self, call: Call) -> StageOutput:
        """Do the stage once."""
        ...
