"""Alerts in the SQL store: a change of state and what is to be said of it are one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, insert, literal_column, or_, select, update

from scheduler.domain.alert import Alert, AlertEvent, AlertState, Mute, Rule, Severity, alert_detail, alert_from
from scheduler.domain.outbox import LIVE, DeliveryState
from scheduler.domain.snapshot import Page
from scheduler.ports.alert_store import AlertNotFoundError, AlertPlan, Fold
from scheduler.store.alert_decisions import FOLDED, summary_of
from scheduler.store.alert_rows import alert_events, alert_mutes, alert_presses, alerts, outbox
from scheduler.store.base import SqlBase
from scheduler.store.outbox_store import put
from scheduler.store.plain import cursor_seq
from scheduler.store.sqltypes import db_time

_OPEN = alerts.c.state != literal_column("'resolved'")
_LIVE = or_(*(outbox.c.state == literal_column(f"'{state.value}'") for state in sorted(LIVE)))
_QUEUED = outbox.c.state == literal_column("'queued'")
_NEVER_SAID = {DeliveryState.QUEUED.value, DeliveryState.SUPERSEDED.value, DeliveryState.DEAD.value}


class _LostError(Exception):
    """Another process was faster: the transaction is rolled back."""


class SqlAlerts(SqlBase):
    """See ``scheduler.ports.alert_store.AlertStore``."""

    def watched_alerts(self, *, resolved_within_s: float) -> list[Alert]:
        """The unresolved alerts and those resolved within so many seconds, oldest first."""
        with self._db.read() as connection:
            since = self._now(connection) - timedelta(seconds=resolved_within_s)
            query = select(alerts).where(or_(_OPEN, alerts.c.resolved_at >= since)).order_by(alerts.c.seq)
            return [alert_of(row) for row in connection.execute(query).mappings()]

    def apply_alerts(self, plan: AlertPlan) -> bool:
        """Write a plan in one transaction. False: another process was faster; nothing was done."""
        try:
            with self._db.write() as connection:
                for alert in plan.alerts:
                    self._write_alert(connection, alert)
                for alert in plan.dropped:
                    self._drop_alert(connection, alert)
                if plan.events:
                    connection.execute(insert(alert_events), [_event_values(event) for event in plan.events])
                put(connection, self._db, plan.deliveries)
                for fold in plan.folds:
                    self._fold(connection, fold)
        except _LostError:
            return False
        return True

    def _write_alert(self, connection: Connection, alert: Alert) -> None:
        values = {
            "fingerprint": alert.fingerprint,
            "state": alert.state.value,
            "severity": alert.severity.value,
            "rule": alert.rule.value,
            "version": alert.version + 1,
            "updated_at": alert.updated_at,
            "fired_at": alert.fired_at,
            "resolved_at": alert.resolved_at,
            "detail": alert_detail(alert),
        }
        if alert.version == 0:
            # The index on open fingerprints is partial: any conflict means that somebody else has made the alert.
            fresh = self._insert(alerts).values(id=alert.id, **values).on_conflict_do_nothing()
            changed = len(connection.execute(fresh.returning(alerts.c.id)).all())
        else:
            mine = and_(alerts.c.id == alert.id, alerts.c.version == alert.version)
            changed = connection.execute(update(alerts).where(mine).values(values)).rowcount
        if changed != 1:
            raise _LostError

    def _drop_alert(self, connection: Connection, alert: Alert) -> None:
        gone = delete(alerts).where(alerts.c.id == alert.id, alerts.c.version == alert.version)
        if connection.execute(gone).rowcount != 1:
            raise _LostError

    def _fold(self, connection: Connection, fold: Fold) -> None:
        mine = and_(outbox.c.channel == fold.channel, outbox.c.subject == fold.alert_id)
        states = set(connection.execute(select(outbox.c.state).where(mine).distinct()).scalars())
        if states - _NEVER_SAID:
            put(connection, self._db, fold.otherwise)
            return
        connection.execute(
            update(outbox)
            .where(mine, _QUEUED)
            .values(state=DeliveryState.SUPERSEDED.value, ended_at=self._now(connection), error=FOLDED)
        )
        waiting = select(outbox.c.payload).where(
            outbox.c.channel == fold.channel, outbox.c.subject == "summary", outbox.c.kind == "summary", _QUEUED
        )
        put(connection, self._db, [summary_of(fold, connection.execute(waiting).scalar())])

    def alert(self, alert_id: str) -> Alert:
        """The alert with this id or unique prefix."""
        where = and_(alerts.c.id >= alert_id, alerts.c.id < alert_id + "\U0010ffff")
        rows: Sequence[RowMapping] = []
        if alert_id:
            with self._db.read() as connection:
                rows = connection.execute(select(alerts).where(where).order_by(alerts.c.id).limit(2)).mappings().all()
        if not rows or (len(rows) > 1 and rows[0]["id"] != alert_id):
            raise AlertNotFoundError(
                f"{alert_id} is the beginning of several alerts" if rows else f"no alert {alert_id}"
            )
        return alert_of(rows[0])

    def alerts(self, *, states: Sequence[AlertState] = (), limit: int = 50, cursor: str | None = None) -> Page[Alert]:
        """Alerts by pages, newest first; those that never fired only when asked for by state."""
        query = select(alerts).order_by(alerts.c.seq.desc()).limit(limit + 1)
        if states:
            query = query.where(alerts.c.state.in_([state.value for state in states]))
        else:
            query = query.where(alerts.c.fired_at.is_not(None))
        if cursor is not None:
            query = query.where(alerts.c.seq < cursor_seq(cursor))
        with self._db.read() as connection:
            found = [alert_of(row) for row in connection.execute(query).mappings()]
        items = tuple(found[:limit])
        return Page(items, str(items[-1].seq) if len(found) > limit and items else None)

    def alert_events(self, alert_id: str) -> list[AlertEvent]:
        """What happened to an alert, oldest first."""
        query = select(alert_events).where(alert_events.c.alert_id == alert_id).order_by(alert_events.c.seq)
        with self._db.read() as connection:
            return [
                AlertEvent(row["alert_id"], row["at"], row["kind"], row["text"], row["actor"])
                for row in connection.execute(query).mappings()
            ]

    def stuck_alerts(self, channel: str, *, older_than_s: float) -> frozenset[str]:
        """Alerts of which something waits for the channel for longer, or was refused by it for good."""
        later = outbox.alias("later")
        refused = and_(
            outbox.c.state == DeliveryState.DEAD.value,
            ~select(later.c.seq)
            .where(
                later.c.subject == outbox.c.subject,
                later.c.channel == outbox.c.channel,
                later.c.seq > outbox.c.seq,
                later.c.state == DeliveryState.SENT.value,
            )
            .exists(),
            select(alerts.c.id).where(alerts.c.id == outbox.c.alert_id, _OPEN).exists(),
        )
        with self._db.read() as connection:
            cut = self._now(connection) - timedelta(seconds=older_than_s)
            query = select(outbox.c.alert_id).where(
                outbox.c.channel == channel,
                outbox.c.alert_id.is_not(None),
                or_(and_(_LIVE, outbox.c.waiting_since <= cut), refused),
            )
            return frozenset(str(found) for found in connection.execute(query).scalars())

    def mutes(self) -> list[Mute]:
        """The mutes that have not ended."""
        query = select(alert_mutes).where(alert_mutes.c.until > db_time()).order_by(alert_mutes.c.fingerprint)
        with self._db.read() as connection:
            return [Mute(**row) for row in connection.execute(query, self._at()).mappings()]

    def set_mute(self, fingerprint: str, *, actor: str, for_s: float) -> Mute:
        """Keep a fingerprint quiet from now on; a mute that is there is replaced."""
        with self._db.write() as connection:
            now = self._now(connection)
            mute = Mute(fingerprint, now + timedelta(seconds=for_s), actor, now)
            values: dict[str, Any] = {"until": mute.until, "actor": actor, "since": now}
            connection.execute(
                self._insert(alert_mutes)
                .values(fingerprint=fingerprint, **values)
                .on_conflict_do_update(index_elements=[alert_mutes.c.fingerprint], set_=values)
            )
            return mute

    def unmute(self, fingerprint: str) -> bool:
        """End a mute. False: there was none."""
        with self._db.write() as connection:
            now = self._now(connection)
            mine = and_(alert_mutes.c.fingerprint == fingerprint, alert_mutes.c.until > now)
            there = connection.execute(delete(alert_mutes).where(mine)).rowcount
            return there == 1

    def press(self, alert_id: str, action: str, action_ts: str, *, actor: str) -> bool:
        """Note that a button was pressed. False: this press is known already."""
        with self._db.write() as connection:
            fresh = (
                self._insert(alert_presses)
                .values(alert_id=alert_id, action=action, action_ts=action_ts, at=self._now(connection), actor=actor)
                .on_conflict_do_nothing()
            )
            return connection.execute(fresh.returning(alert_presses.c.alert_id)).first() is not None

    def pressed(self, alert_id: str, action: str, action_ts: str, outcome: str) -> None:
        """Note what became of a press."""
        mine = and_(
            alert_presses.c.alert_id == alert_id,
            alert_presses.c.action == action,
            alert_presses.c.action_ts == action_ts,
        )
        with self._db.write() as connection:
            connection.execute(update(alert_presses).where(mine).values(outcome=outcome))


def _event_values(event: AlertEvent) -> dict[str, Any]:
    return {
        "alert_id": event.alert_id,
        "at": event.at,
        "kind": event.kind,
        "actor": event.actor,
        "text": event.text,
    }


def alert_of(row: RowMapping) -> Alert:
    """An alert of its row."""
    columns = {
        "id": row["id"],
        "seq": row["seq"],
        "fingerprint": row["fingerprint"],
        "state": AlertState(row["state"]),
        "severity": Severity(row["severity"]),
        "rule": Rule(row["rule"]),
        "version": row["version"],
        "updated_at": row["updated_at"],
        "fired_at": row["fired_at"],
        "resolved_at": row["resolved_at"],
    }
    return alert_from(columns, row["detail"])
