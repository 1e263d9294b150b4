"""The ways in which an outside service can fail: the words of ``--fault SERVICE=KIND``, real or simulated."""

from __future__ import annotations

from enum import StrEnum


class FaultKind(StrEnum):
    """How a service can fail."""

    DOWN = "down"
    """Connections are refused."""
    HANG = "hang"
    """Connections are taken and nothing is ever answered."""
    SLOW = "slow"
    """Every answer but ``/health`` comes so many seconds late."""
    HTTP = "http"
    """Every answer has this status."""
    FLAKY = "flaky"
    """This share of the answers is a 500."""
    GARBAGE = "garbage"
    """HTML with status 200."""
    ERROR200 = "error200"
    """An error with status 200."""
    MISSING = "missing"
    """The result's address leads nowhere."""
    TRUNCATED = "truncated"
    """The result is cut off in the middle."""
    SILENT = "silent"
    """The result has no sound to hear (or, for a picture, nothing to see)."""
    FORGETS = "forgets"
    """Jobs are taken and unknown as soon as one asks for them."""
