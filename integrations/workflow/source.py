"""The brief of job type ``workflow``: it only carries title and language, the scenes stand in the payload."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from integrations.kit.payload_source import PayloadSource
from scheduler.domain.content import Brief, BriefKind, Headline
from scheduler.domain.workflow import Workflow


class WorkflowSource(PayloadSource[Workflow]):
    """Checks the steps of a payload."""

    origin = "payload.workflow"

    def read(self, payload: Mapping[str, Any]) -> Workflow:
        """The steps."""
        return Workflow.of(payload)

    def brief(self, asked: Workflow, day: date) -> Brief:
        """Title and language, and the scenes as headlines."""
        headlines = tuple(
            Headline(scene.heading, (scene.narration or scene.heading,), "workflow") for scene in asked.scenes
        )
        return Brief(day, asked.title, headlines, asked.language, kind=BriefKind.PROMPT, asked=asked.title)
