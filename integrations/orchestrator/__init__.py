"""The Video Orchestrator (``:8103``): the composed video, or a whole job."""

from integrations.orchestrator.provider import OrchestratorApi
from integrations.orchestrator.route import OrchestratorRoute

__all__ = ["OrchestratorApi", "OrchestratorRoute"]
