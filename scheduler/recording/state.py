"""A snapshot as it is recorded: what moves with time alone, and what is long, is left out or put so that it stays.

The reader puts back what can be told from the moment itself: ages, and the beat of a daemon that lives.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scheduler.domain.job import Job
from scheduler.domain.snapshot import Snapshot
from scheduler.recording.codec import ShapeError, decode, encode
from scheduler.recording.delta import Json

JOBS = 50
"""Newest jobs recorded."""
JOBS_EVERY_S = 10.0
"""Seconds between two records of the list of jobs: under load all of it changes every second. Tonight's job, depth,
services and verdict are recorded at every look."""
LONGEST_TEXT = 300
"""Characters of a text in a payload or of an error that are recorded."""
AGE_STEP_S = 2.0
"""Seconds by which the oldest job's enqueue may seem to move without being written anew."""

_ROUND_S = ("p50_at", "p90_at", "slack_s")


def state_of(snapshot: Snapshot, last: Json = None) -> Json:
    """What is recorded of a snapshot.

    Args:
        snapshot: as taken.
        last: the state recorded before it, or None: small jitter against it is not recorded.
    """
    night = snapshot.tonight
    slim = dataclasses.replace(
        snapshot,
        jobs=tuple(_slim(job) for job in snapshot.jobs[:JOBS]),
        tonight=dataclasses.replace(night, job=_slim(night.job) if night.job is not None else None),
    )
    state = encode(slim)
    del state["taken_at"]
    _steady(state, snapshot, last)
    state["jobs_at"] = int(snapshot.taken_at.timestamp())
    if last is not None and 0 <= state["jobs_at"] - last["jobs_at"] < JOBS_EVERY_S:
        state["jobs"], state["jobs_at"] = last.get("jobs", []), last["jobs_at"]
    elif last is not None and state.get("jobs") == last.get("jobs"):
        state["jobs_at"] = last["jobs_at"]
    return state


def _steady(state: dict[str, Any], snapshot: Snapshot, last: Json) -> None:
    """Take out of a state what changes with every look although nothing has happened."""
    for job in (*state.get("jobs", ()), *filter(None, [state["tonight"].get("job")])):
        for name in ("lease_expires_at", "updated_at"):
            job.pop(name, None)
    for place in (state["tonight"], state["tonight"].get("prediction", {})):
        for name in _ROUND_S:
            if name in place:
                place[name] = round(place[name])
    daemon = state.get("daemon")
    if daemon is not None and daemon.get("alive"):
        del daemon["beat_at"]
    age = state["depth"].pop("oldest_queued_age_s", None)
    if age is not None:
        since = round(snapshot.taken_at.timestamp() - age)
        before = last["depth"].get("oldest_since") if last is not None else None
        state["depth"]["oldest_since"] = before if before and abs(before - since) <= AGE_STEP_S else since


def snapshot_of(state: Json, at: datetime, seen_at: datetime | None = None) -> Snapshot:
    """The snapshot that a recorded state stands for.

    Args:
        state: from ``state_of``.
        at: the moment it is shown for (aware): ``taken_at``.
        seen_at: when it was last known to hold, from which a living daemon's beat is told; None: at that moment.

    Raises:
        ShapeError: it was written by a version that recorded otherwise.
    """
    made: dict[str, Any] = {**state, "taken_at": at.timestamp()}
    depth = dict(state.get("depth", {}))
    since = depth.pop("oldest_since", None)
    if since is not None:
        depth["oldest_queued_age_s"] = max(at.timestamp() - since, 0.0)
    made["depth"] = depth
    daemon = state.get("daemon")
    if daemon is not None and "beat_at" not in daemon:
        made["daemon"] = {**daemon, "beat_at": (seen_at or at).timestamp()}
    made["jobs"] = [_filled(job) for job in state.get("jobs", ())]
    if (job := state["tonight"].get("job")) is not None:
        made["tonight"] = {**state["tonight"], "job": _filled(job)}
    snapshot = decode(Snapshot, made, "snapshot")
    if not isinstance(snapshot, Snapshot):
        raise ShapeError("snapshot: nothing was recorded")
    return snapshot


def _filled(job: Mapping[str, Any]) -> dict[str, Any]:
    times = [job.get(name) for name in ("created_at", "started_at", "completed_at")]
    return {**job, "updated_at": max(time for time in times if time is not None)}


def _slim(job: Job) -> Job:
    """A job without the long parts of its payload and its error's stack; the whole is in the database."""
    payload = {
        key: value[:LONGEST_TEXT] if isinstance(value, str) else value
        for key, value in job.payload.items()
        if isinstance(value, str | int | float | bool)
    }
    error = job.error
    if error is not None:
        error = dataclasses.replace(error, message=error.message[:LONGEST_TEXT], stack=None)
    return dataclasses.replace(job, payload=payload, error=error)
