"""Several ends and a claim in one transaction: what makes a queue of small jobs fast where a commit is dear.

Each end keeps its own fence and its own answer; one that comes too late does not disturb the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never, cast

from sqlalchemy import BigInteger, Boolean, Connection, Float, Integer, Text, literal_column

from scheduler.domain.callback import ending
from scheduler.domain.job import COMPLETE, JobStatus, Lease
from scheduler.domain.settlement import CancelFinished, Completed, Failed, Released, Settlement
from scheduler.store.base import BY_SEQ, moves
from scheduler.store.batch import batch, batch_rows
from scheduler.store.leases import SqlLeases
from scheduler.store.rows import jobs
from scheduler.store.sqltypes import JsonSet, db_time


def _complete(*, is_sqlite: bool) -> Any:
    rows = batch(
        {
            "seq": BigInteger(),
            "owner": Text(),
            "attempt": Integer(),
            "video_url": Text(),
            "thumbnail_url": Text(),
            "duration": Float(),
            "degraded": Boolean(),
        },
        is_sqlite=is_sqlite,
    )
    result: list[Any] = [
        part
        for name in ("video_url", "thumbnail_url", "duration")
        for part in cast("tuple[Any, Any]", (literal_column(f"'{name}'"), rows.c[name]))
    ]
    return (
        moves(COMPLETE, BY_SEQ)
        .where(
            jobs.c.seq == rows.c["seq"],
            jobs.c.lease_owner == rows.c["owner"],
            jobs.c.attempt == rows.c["attempt"],
        )
        .values(
            completed_at=db_time(),
            error_message=None,
            reason=None,
            progress=1.0,
            stage=None,
            degraded=rows.c["degraded"],
            payload=JsonSet(jobs.c.payload, *result),
        )
        .returning(jobs.c.seq)
    )


_COMPLETE_SQLITE = _complete(is_sqlite=True)
_COMPLETE_POSTGRESQL = _complete(is_sqlite=False)


class SqlSettle(SqlLeases):
    """The workers' side of the queue, several leases at a time."""

    def settle_and_claim(
        self,
        settlements: Sequence[Settlement],
        owner: str,
        *,
        limit: int,
        lease_s: float,
        cap: int = 10,
        only: Sequence[str] | None = None,
    ) -> tuple[list[bool], list[Lease]]:
        """End several leases and claim up to ``limit`` jobs, in one transaction; ``limit=0`` claims nothing.

        Returns:
            For each settlement whether its lease still held (False: nothing of it was written), and the new leases.
        """
        with self._db.write() as connection:
            answers = self._settle(connection, settlements)
            leases = self._claim(connection, owner, limit, lease_s, cap, only=only) if limit > 0 else []
            return answers, leases

    def _settle(self, connection: Connection, settlements: Sequence[Settlement]) -> list[bool]:
        answers = [False] * len(settlements)
        # A lease ends once: whatever comes for it a second time in the same call is late.
        first = {
            (one.lease.job.id, one.lease.owner, one.lease.attempt): n for n, one in reversed([*enumerate(settlements)])
        }
        places = set(first.values())
        completed: dict[int, int] = {}
        others: list[int] = []
        for place, one in enumerate(settlements):
            if place not in places:
                continue
            if isinstance(one, Completed) and one.lease.job.seq not in completed:
                completed[one.lease.job.seq] = place
            else:
                others.append(place)
        for seq in self._complete_all(connection, [settlements[place] for place in completed.values()]):
            answers[completed[seq]] = True
            one = settlements[completed[seq]]
            if isinstance(one, Completed):
                self._tell(connection, ending(one.lease.job, JobStatus.COMPLETED, result=one.result))
        for place in others:
            answers[place] = self._settle_one(connection, settlements[place])
        return answers

    def _complete_all(self, connection: Connection, completed: Sequence[Settlement]) -> list[int]:
        rows = [
            {
                "seq": one.lease.job.seq,
                "owner": one.lease.owner,
                "attempt": one.lease.attempt,
                "video_url": one.result.video_url,
                "thumbnail_url": one.result.thumbnail_url,
                "duration": one.result.duration,
                "degraded": one.result.degraded,
            }
            for one in completed
            if isinstance(one, Completed)
        ]
        if not rows:
            return []
        statement = _COMPLETE_SQLITE if self._db.is_sqlite else _COMPLETE_POSTGRESQL
        return list(connection.execute(statement, self._at() | batch_rows(rows)).scalars())

    def _settle_one(self, connection: Connection, one: Settlement) -> bool:
        match one:
            case Completed(lease, result):
                return self._complete(connection, lease, result)
            case Failed(lease, error, retryable):
                return self._fail(connection, lease, error, retryable=retryable)
            case Released(lease, reason, interrupted):
                return self._release(connection, lease, reason, interrupted=interrupted)
            case CancelFinished(lease):
                return self._finish_cancel(connection, lease)
            case _:
                assert_never(one)
