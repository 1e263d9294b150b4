"""The audit trail in the SQL store.

Lines are chained in one transaction behind the row of ``audit_head``: SQLite lets one writer in at a time, PostgreSQL
holds the others back at that row. So the chain has no forks, however many processes write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection, RowMapping, Select, Text, bindparam, insert, or_, select, type_coerce, update

from scheduler.domain.access import Role
from scheduler.domain.audit import GENESIS, AuditEntry, AuditHead, AuditLine, AuditOutcome, chained, detail_text
from scheduler.domain.snapshot import Page
from scheduler.ports.audit import AuditFilter
from scheduler.store.base import SqlBase
from scheduler.store.plain import cursor_seq, parse_time
from scheduler.store.rows import audit, audit_head

BATCH = 1000
_HEAD = select(audit_head).where(audit_head.c.id == 1)
_HEAD_LOCKED = _HEAD.with_for_update()
_ADD = insert(audit)
_MOVE_HEAD = update(audit_head).where(audit_head.c.id == 1).values(seq=bindparam("to_seq"), hash=bindparam("to_hash"))
_UNREADABLE = "detail that is no JSON object: "


class SqlAudit(SqlBase):
    """Who did what."""

    def together(self) -> AbstractContextManager[None]:
        """See ``AuditStore``."""
        return self._db.together()

    def add_audit(self, entries: Sequence[AuditEntry]) -> list[AuditLine]:
        """Chain the entries to the trail, in one transaction."""
        lines: list[AuditLine] = []
        with self._db.write(whole=True) as connection:
            head = self._head_locked(connection)
            at = self._now(connection)
            seq, previous = head.seq, head.hash
            for entry in entries:
                line = chained(seq + 1, at, entry, previous)
                seq, previous = line.seq, line.hash
                lines.append(line)
            if lines:
                connection.execute(_ADD, [_values(line) for line in lines])
                connection.execute(_MOVE_HEAD, {"to_seq": seq, "to_hash": previous})
        return lines

    @property
    def _audit_columns(self) -> Select[Any]:
        """All columns; SQLite's time as it stands there, since somebody may have written nonsense."""
        raw = type_coerce(audit.c.at, Text).label("at")
        return select(*[raw if column.name == "at" and self._db.is_sqlite else column for column in audit.c])

    def _head_locked(self, connection: Connection) -> AuditHead:
        row = connection.execute(_HEAD_LOCKED).mappings().first()
        if row is None:
            first = self._insert(audit_head).values(id=1, seq=0, hash=GENESIS)
            connection.execute(first.on_conflict_do_nothing(index_elements=[audit_head.c.id]))
            row = connection.execute(_HEAD_LOCKED).mappings().one()
        return AuditHead(row["seq"], row["hash"])

    def audit_lines(self, *, wanted: AuditFilter, limit: int, cursor: str | None = None) -> Page[AuditLine]:
        """Lines by pages, newest first."""
        query = self._audit_columns.order_by(audit.c.seq.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(audit.c.seq < cursor_seq(cursor))
        if wanted.actor:
            query = query.where(audit.c.actor == wanted.actor)
        if wanted.command:
            group = audit.c.command.startswith(f"{wanted.command}.", autoescape=True)
            query = query.where(or_(audit.c.command == wanted.command, group))
        if wanted.target:
            query = query.where(audit.c.target.startswith(wanted.target, autoescape=True))
        with self._db.read() as connection:
            found = [_line(row) for row in connection.execute(query).mappings()]
        more = len(found) > limit
        return Page(tuple(found[:limit]), str(found[limit - 1].seq) if more else None)

    def audit_chain(self) -> Iterator[AuditLine]:
        """All lines, oldest first, a batch at a time."""
        after = None
        while True:
            query = self._audit_columns.order_by(audit.c.seq).limit(BATCH)
            if after is not None:
                query = query.where(audit.c.seq > after)
            with self._db.read() as connection:
                batch = [_line(row) for row in connection.execute(query).mappings()]
            yield from batch
            if len(batch) < BATCH:
                return
            after = batch[-1].seq

    def audit_head(self) -> AuditHead | None:
        """The newest line as kept beside the table."""
        with self._db.read() as connection:
            row = connection.execute(_HEAD).mappings().first()
        return None if row is None else AuditHead(row["seq"], row["hash"])


def _values(line: AuditLine) -> dict[str, Any]:
    entry = line.entry
    return {
        "seq": line.seq,
        "at": line.at,
        "actor": entry.actor,
        "role": entry.role.value,
        "via": entry.via,
        "origin": entry.origin,
        "command": entry.command,
        "target": entry.target,
        "outcome": entry.outcome.value,
        "message": entry.message,
        "detail": detail_text(entry.detail),
        "previous": line.previous,
        "hash": line.hash,
    }


def _line(row: RowMapping) -> AuditLine:
    """The line as it stands; what somebody has made unreadable is shown, in a way that its hash cannot fit."""
    spoilt = [
        f"{name}: {row[name]!r}"
        for name, words in (("role", Role), ("outcome", AuditOutcome))
        if row[name] not in set(words)
    ]
    try:
        detail = json.loads(row["detail"])
    except ValueError:
        detail = None
    if not isinstance(detail, dict) or detail_text(cast("dict[str, Any]", detail)) != row["detail"]:
        detail = {_UNREADABLE: row["detail"]}
    try:
        at = parse_time(row["at"]) if isinstance(row["at"], str) else row["at"]
    except ValueError:
        spoilt.append(f"at: {row['at']!r}")
        at = datetime.min.replace(tzinfo=UTC)
    entry = AuditEntry(
        actor=row["actor"],
        role=_word(Role, row["role"], Role.VIEWER),
        via=row["via"],
        origin=row["origin"],
        command=row["command"],
        target=row["target"],
        outcome=_word(AuditOutcome, row["outcome"], AuditOutcome.FAILED),
        message=" ".join([row["message"], *spoilt]) if spoilt else row["message"],
        detail=cast("dict[str, Any]", detail),
    )
    return AuditLine(row["seq"], at, entry, row["previous"], row["hash"])


def _word(words: Any, value: str, otherwise: Any) -> Any:
    return words(value) if value in set(words) else otherwise
