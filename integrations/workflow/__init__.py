"""Custom workflows: the brief and the script of what a caller laid down step by step."""

from integrations.workflow.provider import WorkflowScript
from integrations.workflow.source import WorkflowSource

__all__ = ["WorkflowScript", "WorkflowSource"]
