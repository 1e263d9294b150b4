"""The audit trail: one line for each command, each carrying the hash of the one before it. Pure.

Whoever changes, removes, inserts or swaps a line breaks the chain from there on, and ``find_break`` says where. Who can
write the whole table can also write a whole new chain: to hold against that, keep the newest hash somewhere else (the
daemon's log has every one).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from scheduler.domain.access import Role

GENESIS = "0" * 64
"""Stands before the first line."""


class AuditOutcome(StrEnum):
    """How a command ended."""

    DONE = "done"
    REFUSED = "refused"
    """It was not allowed, not possible or wrong; nothing was changed."""
    FAILED = "failed"
    """It broke."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be written.

    Attributes:
        actor: Unix user, token name, Slack user.
        via: ``cli``, ``tui``, ``http``, ``slack``.
        origin: where from: host and terminal, or an IP address.
        command: ``job.cancel``.
        target: what it was about: a job's id, a schedule's name.
        detail: the command's other arguments, as bounded JSON.
        message: why it was refused or failed.
    """

    actor: str
    role: Role
    via: str
    origin: str
    command: str
    target: str
    outcome: AuditOutcome
    message: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A line as kept.

    Attributes:
        seq: counts from 1 without gaps.
        at: aware UTC, by the database's clock.
        previous: hash of the line before it.
        hash: SHA-256 over ``canonical`` of this line, lower-case hex.
    """

    seq: int
    at: datetime
    entry: AuditEntry
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The newest line, as kept beside the table: tells when lines are missing at its end."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What ``find_break`` found.

    Attributes:
        lines: how many hold.
        broken_seq: the first line that does not; None: all hold.
        problem: what is wrong with it, in one sentence.
    """

    lines: int
    broken_seq: int | None = None
    problem: str = ""

    @property
    def holds(self) -> bool:
        """Whether the whole chain holds."""
        return self.broken_seq is None


def canonical(seq: int, at: datetime, entry: AuditEntry, previous: str) -> bytes:
    """What is hashed: one JSON array in UTF-8, the same on every database."""
    content = [
        seq,
        at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        entry.actor,
        entry.role.value,
        entry.via,
        entry.origin,
        entry.command,
        entry.target,
        entry.outcome.value,
        entry.message,
        detail_text(entry.detail),
        previous,
    ]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def detail_text(detail: Mapping[str, Any]) -> str:
    """The detail as canonical JSON text, the form in which it is kept and hashed."""
    return json.dumps(detail, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def chained(seq: int, at: datetime, entry: AuditEntry, previous: str) -> AuditLine:
    """The line behind ``previous``."""
    return AuditLine(seq, at, entry, previous, hashlib.sha256(canonical(seq, at, entry, previous)).hexdigest())


def find_break(lines: Iterable[AuditLine], head: AuditHead | None) -> AuditVerdict:
    """The first line that does not hold.

    Args:
        lines: all of them, oldest first.
        head: the newest as kept beside the table; None: nothing was ever written.
    """
    seq, previous = 0, GENESIS
    for line in lines:
        if line.seq != seq + 1:
            missing = f"line {seq + 1} is missing" if line.seq > seq + 1 else "its number was there already"
            return AuditVerdict(seq, line.seq, f"{missing}, before what {line.entry.actor} did at {line.at:%F %T} UTC")
        if line.previous != previous:
            return AuditVerdict(seq, line.seq, "it does not follow the line before it")
        if chained(line.seq, line.at, line.entry, previous).hash != line.hash:
            return AuditVerdict(seq, line.seq, "its content was changed after it was written")
        seq, previous = line.seq, line.hash
    newest = head or AuditHead(0, GENESIS)
    if (newest.seq, newest.hash) != (seq, previous):
        problem = f"{newest.seq - seq} lines are missing at the end" if newest.seq > seq else "the newest is not known"
        return AuditVerdict(seq, seq + 1, problem)
    return AuditVerdict(seq)
