"""Leadership in the SQL store: a row with a time to live and a number that grows with each new holder."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Text, bindparam, case, or_, select, update

from scheduler.domain.leader import Leader
from scheduler.store.base import SqlBase
from scheduler.store.rows import leaders
from scheduler.store.sqltypes import db_time

_MINE = leaders.c.holder == bindparam("b_holder", type_=Text)
_TAKE = (
    update(leaders)
    .where(leaders.c.role == bindparam("b_role"), or_(_MINE, leaders.c.expires_at <= db_time()))
    .values(
        fence=case((_MINE, leaders.c.fence), else_=leaders.c.fence + 1),
        since=case((_MINE, leaders.c.since), else_=db_time()),
        holder=bindparam("b_holder", type_=Text),
        expires_at=db_time("lease_shift"),
    )
    .returning(*leaders.c)
)
_FIRST_FENCE = 1


class SqlLeaders(SqlBase):
    """Who may do what only one should do."""

    def lead(self, role: str, holder: str, *, ttl_s: float) -> Leader | None:
        """Take or keep a role for ``ttl_s`` seconds. None: someone else has it."""
        parameters: dict[str, Any] = self._at() | {
            "b_role": role,
            "b_holder": holder,
            "lease_shift": self._db.shift_s + ttl_s,
        }
        first = (
            self._insert(leaders)
            .values(
                role=bindparam("b_role"),
                holder=bindparam("b_holder"),
                fence=bindparam("b_fence", type_=BigInteger),
                since=db_time(),
                expires_at=db_time("lease_shift"),
            )
            .on_conflict_do_nothing(index_elements=[leaders.c.role])
            .returning(*leaders.c)
        )
        with self._db.write() as connection:
            row = connection.execute(_TAKE, parameters).mappings().first()
            if row is None:
                row = connection.execute(first, parameters | {"b_fence": _FIRST_FENCE}).mappings().first()
        return None if row is None else Leader(**row)

    def leader(self, role: str) -> Leader | None:
        """Who has a role now; None: nobody, or its time is up."""
        query = select(leaders).where(leaders.c.role == role, leaders.c.expires_at > db_time())
        with self._db.read() as connection:
            row = connection.execute(query, self._at()).mappings().first()
        return None if row is None else Leader(**row)

    def resign(self, role: str, holder: str) -> bool:
        """Give a role up, or take it from a holder that is known to be dead. False: it had it no more."""
        statement = update(leaders).where(leaders.c.role == role, leaders.c.holder == holder)
        with self._db.write() as connection:
            return connection.execute(statement.values(expires_at=db_time()), self._at()).rowcount == 1
