"""Our own files, reachable for the render services over loopback HTTP."""

from integrations.artifact_server.server import ArtifactServer

__all__ = ["ArtifactServer"]
