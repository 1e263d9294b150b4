"""The API as an ASGI program. All of it goes through ``Operations``; for now it answers ``GET /health``."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from scheduler.domain.job import JobStatus
from scheduler.ports.operations import Operations
from scheduler.ports.store import StoreError

SERVICE = "predawn"
"""How the API says that it is ours, so that no predawn takes another (or itself) for a Video Orchestrator."""


def make_api(operations: Operations, *, version: str) -> FastAPI:
    """The program.

    Args:
        operations: what it reads.
        version: predawn's.
    """
    api = FastAPI(title="predawn", version=version, docs_url=None, redoc_url=None)

    @api.get("/health")
    def health() -> JSONResponse:  # pyright: ignore[reportUnusedFunction] - FastAPI calls it
        """Queue status and active jobs; 503 when the database is out of reach (contracts.md)."""
        try:
            depth = operations.depth()
        except StoreError as error:
            return JSONResponse(
                {"service": SERVICE, "status": "unhealthy", "error": str(error), "version": version}, status_code=503
            )
        body: dict[str, Any] = {
            "service": SERVICE,
            "status": "healthy",
            "queue": {status.value: depth.of(status) for status in JobStatus},
            "active_jobs": depth.of(JobStatus.PROCESSING),
            "oldest_queued_age_s": depth.oldest_queued_age_s,
            "version": version,
        }
        return JSONResponse(body)

    return api
