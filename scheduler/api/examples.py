"""Examples of what goes in and comes out, by the name of the document; they are put into the OpenAPI document.

A test holds each against its own schema, and has every operation with a document show one.
"""

from __future__ import annotations

from typing import Any

JOB_ID = "3f2a9c1e-6b1d-4c8a-9a57-0d1f6f0e2b44"
RENDER_ID = "b7e4d2a0-51c3-4f7e-8a66-2f9d0c3e1a55"
ALERT_ID = "9d1c7a52-0f7b-4a53-8a0e-6a1f2b3c4d5e"
DELIVERY_ID = "c0a80101-7d1e-4f0a-9b1c-2d3e4f5a6b7c"
AT = "2026-11-20T21:30:00+00:00"
LATER = "2026-11-20T21:36:12+00:00"
ATTEMPT: dict[str, Any] = {
    "id": "a1c2e3f4",
    "render_id": RENDER_ID,
    "stage": "manim",
    "provider": "manim-api",
    "status": "completed",
    "started_at": AT,
    "duration_ms": 41_200,
    "retry_count": 0,
    "fallback_position": 0,
    "resumed": False,
    "error_class": None,
    "error_message": None,
}
JOB: dict[str, Any] = {
    "job_id": JOB_ID,
    "job_type": "workflow",
    "status": "processing",
    "priority": "normal",
    "progress": 42.5,
    "stage": "tts",
    "estimated_time_remaining": 38.0,
    "created_at": AT,
    "updated_at": AT,
    "started_at": AT,
    "completed_at": None,
    "deadline_at": None,
    "retry_at": None,
    "retry_count": 0,
    "video_url": None,
    "thumbnail_url": None,
    "duration": None,
    "degraded": False,
    "error": None,
    "reason": None,
}
DONE: dict[str, Any] = {
    **JOB,
    "status": "completed",
    "progress": 100.0,
    "stage": None,
    "estimated_time_remaining": None,
    "completed_at": LATER,
    "video_url": f"/api/videos/{JOB_ID}/download",
    "duration": 62.4,
}
ERROR: dict[str, Any] = {
    "type": "TIMEOUT",
    "message": "timed out after 10 min, the limit of job type workflow",
    "stage": "revideo",
    "provider": None,
    "timestamp": LATER,
}
VIDEO: dict[str, Any] = {
    "id": JOB_ID,
    "status": "processing",
    "progress": 42.5,
    "stage": "revideo",
    "estimated_time_remaining": 38.0,
    "video_url": None,
    "error": None,
}
OUTPUT: dict[str, Any] = {
    "name": "manim/clip/0",
    "stage": "manim",
    "provider": "manim-api",
    "degraded": False,
    "media_type": "video/mp4",
    "size": 482_113,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "url": f"/jobs/{JOB_ID}/outputs/manim/clip/0",
}
HEALTH: dict[str, Any] = {"service": "predawn", "status": "healthy", "version": "0.1.0"}
SCHEDULE: dict[str, Any] = {
    "name": "nightly",
    "job_type": "daily_ca",
    "cron": "0 3 * * *",
    "timezone": "Asia/Kolkata",
    "deadline": "06:00:00",
    "enabled": True,
    "paused": False,
    "skip_dates": [],
    "last_fire": AT,
    "last_job_id": JOB_ID,
}
LIMITS: dict[str, Any] = {
    "job_type": "daily_ca",
    "concurrency": 10,
    "timeout_s": 600.0,
    "max_retries": 3,
    "retry_delay_s": 300.0,
    "paused": False,
}
ALERT: dict[str, Any] = {
    "id": ALERT_ID,
    "fingerprint": "deadline|nightly|2026-11-21",
    "rule": "deadline_at_risk",
    "severity": "critical",
    "state": "firing",
    "count": 1,
    "began_at": AT,
}
DELIVERY: dict[str, Any] = {
    "id": DELIVERY_ID,
    "channel": "callback",
    "kind": "job",
    "state": "queued",
    "attempts": 2,
}
AUDIT: dict[str, Any] = {
    "line": 17,
    "at": AT,
    "actor": "edge-functions",
    "role": "operator",
    "via": "http",
    "origin": "203.0.113.7",
    "command": "job.submit",
    "target": JOB_ID,
    "outcome": "done",
    "message": None,
    "detail": {"created": True},
    "hash": "6bb7ae60e6c021454f542049cc03280e88e29562be4c214fd74616f8f56a2232",
}
STEP: dict[str, Any] = {"what": "token", "fine": True, "told": "it is good for chat:write"}

EXAMPLES: dict[str, Any] = {
    "AlertDetailView": {
        **ALERT,
        "events": [{"alert_id": ALERT_ID, "at": AT, "kind": "fired", "text": "", "actor": None}],
        "deliveries": [DELIVERY],
    },
    "AlertPage": {"items": [ALERT], "next": None},
    "AlertView": ALERT,
    "AuditPage": {"items": [AUDIT], "next": "17"},
    "CancelView": {"job_id": JOB_ID, "outcome": "requested", "status": "processing"},
    "DeliveryPage": {"items": [DELIVERY], "next": None},
    "DeliveryView": DELIVERY,
    "HealthShort": HEALTH,
    "HealthView": {
        **HEALTH,
        "problems": [],
        "queue": {"pending": 3, "processing": 1, "completed": 412, "failed": 2, "cancelled": 0},
        "active_jobs": 1,
        "active": [JOB_ID],
        "oldest_queued_age_s": 12.5,
        "limits": {"concurrency": 10, "requests_per_s": 100.0, "body_bytes": 1_048_576},
        "services": [{"name": "manim", "state": "up", "latency_ms": 12.4, "error": None}],
        "scheduler": "render-1:4711",
        "workers": 1,
    },
    "JobDetailView": {**DONE, "attempts": [ATTEMPT]},
    "JobPage": {"items": [JOB], "next": "41"},
    "JobView": {**JOB, "status": "failed", "error": ERROR, "estimated_time_remaining": None, "completed_at": LATER},
    "LimitsBody": {"concurrency": 4, "timeout_s": 900},
    "LimitsView": LIMITS,
    "MuteBody": {"for_s": 3600},
    "MuteView": {"fingerprint": ALERT["fingerprint"], "until": LATER},
    "Outputs": {"job_id": JOB_ID, "items": [OUTPUT]},
    "PriorityBody": {"priority": "high"},
    "RerenderBody": {"render_id": RENDER_ID},
    "RunBody": {"date": "2026-11-21"},
    "ScheduleView": SCHEDULE,
    "Schedules": {"items": [SCHEDULE], "next": None},
    "SkipBody": {"date": "2026-11-22"},
    "Submitted": {
        "job_id": JOB_ID,
        "status": "pending",
        "estimated_time": 74.0,
        "created": True,
        "status_url": f"/jobs/{JOB_ID}",
    },
    "SyncStatus": {**VIDEO, "synced": True},
    "TrialBody": {"channel": "slack"},
    "TrialView": {"channel": "slack", "fine": True, "told": "it works", "steps": [STEP]},
    "Types": {"items": [{**LIMITS, "queued": 3, "processing": 1}], "next": None},
    "VideoMetadata": {
        "id": JOB_ID,
        "job_type": "workflow",
        "title": "GST in one minute",
        "prompt": None,
        "duration": 62.4,
        "size_bytes": 2_113_482,
        "media_type": "video/mp4",
        "degraded": False,
        "video_url": DONE["video_url"],
        "thumbnail_url": None,
        "completed_at": LATER,
        "providers": {"manim": "manim-api", "tts": "a4f", "revideo": "revideo-api"},
    },
    "VideoStatus": VIDEO,
    "WebhookTaken": {"taken": True, "known": False},
}
TEXTS: dict[str, str] = {
    "text/event-stream": f'event: progress\nid: 2.1\ndata: {{"job_id": "{JOB_ID}", "progress": 42.5}}\n\n',
    "text/plain": 'predawn_jobs{job_type="daily_ca",priority="normal",status="queued"} 3.0\n',
}
"""By media type."""


def put_examples(document: dict[str, Any]) -> None:
    """Put the examples into an OpenAPI document."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    for name, example in EXAMPLES.items():
        schemas[name].setdefault("examples", [example])
    for operations in document["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                for media_type, content in answer.get("content", {}).items():
                    if media_type in TEXTS:
                        content.setdefault("example", TEXTS[media_type])
