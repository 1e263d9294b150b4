"""The brief of job type ``workflow``: it only carries title and language, the scenes stand in the payload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from scheduler.domain.content import Brief, BriefKind, Headline
from scheduler.domain.failure import StageFailure
from scheduler.domain.requests import RequestError
from scheduler.domain.workflow import Workflow
from scheduler.ports.content import ResolvedBrief


class WorkflowSource:
    """Checks the steps of a payload.

    Args:
        today: the day for jobs without a run date.
    """

    def __init__(self, today: Callable[[], date] = date.today) -> None:
        self._today = today

    def resolve(self, payload: Mapping[str, Any], run_date: date | None) -> ResolvedBrief:
        """The workflow as a brief.

        Raises:
            StageFailure: INVALID_INPUT; the message names the step and the remedy.
        """
        try:
            workflow = Workflow.of(payload)
        except RequestError as error:
            raise StageFailure.invalid_input(f"payload.{error}") from error
        headlines = tuple(
            Headline(scene.heading, (scene.narration or scene.heading,), "workflow") for scene in workflow.scenes
        )
        day = run_date or self._today()
        brief = Brief(day, workflow.title, headlines, workflow.language, kind=BriefKind.PROMPT, asked=workflow.title)
        return ResolvedBrief(brief, stale=False, origin="payload.workflow")
