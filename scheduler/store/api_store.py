"""Tokens, names of jobs, webhooks that were taken, looks, and the log of attempts as a tail, in the SQL store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, bindparam, delete, select, update

from scheduler.domain.access import Role
from scheduler.domain.render import Attempt
from scheduler.domain.token import Token
from scheduler.ports.api_store import MOST_LOOKS, Logged
from scheduler.store.base import SqlBase
from scheduler.store.mapping import attempt_of
from scheduler.store.rows import api_tokens, job_names, remote_looks, render_logs, webhooks_seen
from scheduler.store.sqltypes import db_time

_REVOKE = update(api_tokens).where(api_tokens.c.name == bindparam("b_name"), api_tokens.c.revoked_at.is_(None))


class SqlApi(SqlBase):
    """What the HTTP API keeps."""

    def add_token(self, token: Token) -> bool:
        """Keep a token; a revoked one of its name makes room. False: one that still counts has the name."""
        with self._db.write() as connection:
            connection.execute(
                delete(api_tokens).where(api_tokens.c.name == token.name, api_tokens.c.revoked_at.is_not(None))
            )
            statement = self._insert(api_tokens).values(
                id=token.id,
                name=token.name,
                role=token.role.value,
                hash=token.hash,
                created_at=token.created_at,
                created_by=token.created_by,
                expires_at=token.expires_at,
                revoked_at=token.revoked_at,
            )
            kept = statement.on_conflict_do_nothing().returning(api_tokens.c.id)
            return connection.execute(kept).first() is not None

    def tokens(self) -> list[Token]:
        """All tokens, by name."""
        with self._db.read() as connection:
            return [_token(row) for row in connection.execute(select(api_tokens).order_by("name")).mappings()]

    def get_token(self, token_id: str) -> Token | None:
        """The token with this id."""
        with self._db.read() as connection:
            row = connection.execute(select(api_tokens).where(api_tokens.c.id == token_id)).mappings().first()
        return None if row is None else _token(row)

    def revoke_token(self, name: str) -> bool:
        """Let a token count no more."""
        with self._db.write() as connection:
            revoked = connection.execute(_REVOKE.values(revoked_at=db_time()), self._at() | {"b_name": name})
            return revoked.rowcount == 1

    def take_webhook(self, webhook_id: str, *, forget_after_s: float) -> bool:
        """Note that a webhook was taken; what is older than ``forget_after_s`` is forgotten."""
        with self._db.write() as connection:
            connection.execute(delete(webhooks_seen).where(webhooks_seen.c.at < db_time()), self._at(-forget_after_s))
            insert = self._insert(webhooks_seen).values(id=bindparam("b_id"), at=db_time()).on_conflict_do_nothing()
            taken = connection.execute(insert.returning(webhooks_seen.c.id), self._at() | {"b_id": webhook_id})
            return taken.first() is not None

    def name_job(self, name: str, job_id: str) -> None:
        """Let a job be found by this name; one that had it before has it no more."""
        insert = self._insert(job_names).values(name=name, job_id=job_id)
        with self._db.write() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"job_id": job_id}))

    def job_named(self, name: str) -> str | None:
        """The id of the job with this name."""
        with self._db.read() as connection:
            return connection.execute(select(job_names.c.job_id).where(job_names.c.name == name)).scalar()

    def ask_look(self, look_id: str, *, fresh_s: float, forget_after_s: float) -> None:
        """Ask for a look, unless one is asked for already or was taken a moment ago."""
        parameters = self._at() | {"b_id": look_id, "b_fresh": self._db.shift_s - fresh_s}
        with self._db.write() as connection:
            connection.execute(
                delete(remote_looks).where(remote_looks.c.asked_at < db_time()), self._at(-forget_after_s)
            )
            insert = self._insert(remote_looks).values(id=bindparam("b_id"), asked_at=db_time())
            again = insert.on_conflict_do_update(
                index_elements=["id"],
                set_={"asked_at": db_time(), "looked_at": None},
                where=remote_looks.c.looked_at < db_time("b_fresh"),
            )
            connection.execute(again, parameters)

    def looks_asked(self, *, forget_after_s: float) -> list[str]:
        """The ids that were asked for and are not looked at yet."""
        query = select(remote_looks.c.id).where(
            remote_looks.c.looked_at.is_(None), remote_looks.c.asked_at >= db_time()
        )
        with self._db.read() as connection:
            found = connection.execute(query.order_by("asked_at", "id").limit(MOST_LOOKS), self._at(-forget_after_s))
            return list(found.scalars())

    def put_look(self, look_id: str) -> None:
        """Note that what was asked for was looked at."""
        asked = update(remote_looks).where(remote_looks.c.id == look_id, remote_looks.c.looked_at.is_(None))
        with self._db.write() as connection:
            connection.execute(asked.values(looked_at=db_time()), self._at())

    def was_looked(self, look_id: str) -> bool:
        """Whether nobody waits for a look under this id any more."""
        query = select(remote_looks.c.id).where(remote_looks.c.id == look_id, remote_looks.c.looked_at.is_(None))
        with self._db.read() as connection:
            return connection.execute(query).first() is None

    def render_log(self, *, after: int | None, limit: int) -> list[Logged]:
        """Attempts in the order they were started."""
        query = select(render_logs)
        if after is None:
            query = query.order_by(render_logs.c.seq.desc()).limit(1)
        else:
            query = query.where(render_logs.c.seq > after).order_by(render_logs.c.seq).limit(limit)
        with self._db.read() as connection:
            return [Logged(row["seq"], attempt_of(row)) for row in connection.execute(query).mappings()]

    def logged(self, attempt_ids: Sequence[str]) -> list[Attempt]:
        """These attempts as they are now."""
        query = select(render_logs).where(render_logs.c.id.in_(attempt_ids)).order_by(render_logs.c.seq)
        with self._db.read() as connection:
            return [attempt_of(row) for row in connection.execute(query).mappings()]


def _token(row: RowMapping) -> Token:
    values: dict[str, Any] = {**row, "role": Role(row["role"])}
    return Token(**values)
