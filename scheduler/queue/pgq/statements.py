"""What we add to pgqueuer's tables: how jobs become its rows ("tickets"). Pure: names in, SQL out.

A ticket's number is made of the job's ``seq`` and ``attempt``. So a job gets one ticket for each time it is queued,
however many hand it over; and pgqueuer's order (priority, then number) is the store's order, first in first out.

Triggers keep the two in step, in the transaction that changes the job: a job is queued if and only if it has a ticket
that waits, and processing if and only if it has one that is held. So a worker may claim a job without asking for its
ticket first, pgqueuer's limit still counts it, and the end of a job costs no transaction of its own for the ticket.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from scheduler.domain.job import JobStatus, Priority

ENTRYPOINT = "predawn"
"""The one entrypoint: what kind of job it is, the worker sees when it has claimed it."""
ATTEMPTS = 1024
"""Tickets a job can have had before its numbers repeat; the old ones are long gone then."""
HEAD = 500
"""Jobs at the head of the queue that a sweep looks at: many more than can run at once."""

NOBODY = "00000000-0000-0000-0000-000000000000"
"""Who holds the ticket of a claimed job: it lives by the job's lease and never goes stale (heartbeat infinity)."""

_QUEUED = f"'{JobStatus.QUEUED}'"
_PROCESSING = f"'{JobStatus.PROCESSING}'"
_URGENCY = " ".join(f"WHEN '{word}' THEN {len(Priority) - 1 - word.rank}" for word in Priority)


@dataclass(frozen=True, slots=True)
class Names:
    """The objects of one installation, all behind one prefix.

    Attributes:
        prefix: checked in the settings: ``[a-z_][a-z0-9_]*``.
    """

    prefix: str

    @property
    def tickets(self) -> str:
        """The queue of pgqueuer."""
        return f"{self.prefix}pgqueuer"

    @property
    def log(self) -> str:
        """The log of pgqueuer."""
        return f"{self.prefix}pgqueuer_log"

    @property
    def statistics(self) -> str:
        """The statistics of pgqueuer."""
        return f"{self.prefix}pgqueuer_statistics"

    @property
    def schedules(self) -> str:
        """The schedules of pgqueuer, which stay empty: schedules are ours."""
        return f"{self.prefix}pgqueuer_schedules"

    @property
    def tables(self) -> tuple[str, ...]:
        """All of pgqueuer's tables."""
        return (self.tickets, self.log, self.statistics, self.schedules)

    @property
    def on_insert(self) -> str:
        """Trigger and function that hand over what is inserted."""
        return f"{self.prefix}hand_over_new"

    @property
    def on_update(self) -> str:
        """Trigger and function that let tickets follow their jobs: claimed, ended, queued again, jumping."""
        return f"{self.prefix}hand_over_again"


def _number(row: str, attempt: str = "") -> str:
    return f"({row}.seq * {ATTEMPTS} + ({attempt or f'{row}.attempt'}) % {ATTEMPTS})"


def _held_number(row: str) -> str:
    """The ticket of a job that is processing: the one it was queued under, before the claim counted its attempt."""
    return _number(row, f"{row}.attempt + {ATTEMPTS - 1}")


def _columns(row: str) -> str:
    urgency = f"CASE {row}.priority {_URGENCY} ELSE 1 END"
    return f"{_number(row)}, {urgency}, '{ENTRYPOINT}', convert_to({row}.id::text, 'UTF8'), 'queued'"


_INTO = "(id, priority, entrypoint, payload, status)"


def trigger_statements(names: Names, schema: str) -> tuple[str, ...]:
    """The DDL of the triggers on ``jobs``.

    They run with the rights of their maker (SECURITY DEFINER), so that an application that may insert into ``jobs``
    needs no rights on the tickets. Whatever goes wrong in them is a warning: an insert never fails for the engine's
    sake, the sweeper hands the job over.

    Args:
        names: the objects' names.
        schema: where ``jobs`` and the tickets are, quoted.
    """

    def function(name: str, body: str) -> str:
        return (
            f"CREATE OR REPLACE FUNCTION {schema}.{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = {schema}, pg_temp AS $predawn$\nBEGIN\n    {body}\n    RETURN NULL;\n"
            "EXCEPTION WHEN OTHERS THEN\n"
            "    RAISE WARNING 'predawn: a job was not handed to the engine (%); the sweeper will do it', SQLERRM;\n"
            "    RETURN NULL;\nEND $predawn$"
        )

    fresh = f"""INSERT INTO {names.tickets} {_INTO} SELECT {_columns("fresh")} FROM fresh
    WHERE fresh.status = {_QUEUED} ORDER BY fresh.seq ON CONFLICT (id) DO NOTHING;"""  # noqa: S608 - checked names
    claimed = f"FROM was JOIN now USING (seq) WHERE was.status = {_QUEUED} AND now.status = {_PROCESSING}"
    left = (
        f"FROM was JOIN now USING (seq) WHERE was.status IN ({_QUEUED}, {_PROCESSING}) "
        f"AND now.status NOT IN (was.status, {_PROCESSING})"
    )
    queued = (
        f"FROM was JOIN now USING (seq) WHERE now.status = {_QUEUED} "
        "AND (was.status, was.priority) IS DISTINCT FROM (now.status, now.priority)"
    )
    # Each step only where it has something to do: a DELETE or INSERT of no rows would wake every worker.
    follow = f"""IF EXISTS (SELECT {claimed}) THEN
        UPDATE {names.tickets} SET status = 'picked', queue_manager_id = '{NOBODY}', heartbeat = 'infinity',
            updated = now() WHERE status = 'queued' AND id IN (SELECT {_number("was")} {claimed});
    END IF;
    IF EXISTS (SELECT {left}) THEN
        DELETE FROM {names.tickets} WHERE id IN (
            SELECT CASE was.status WHEN {_PROCESSING} THEN {_held_number("was")} ELSE {_number("was")} END {left});
    END IF;
    IF EXISTS (SELECT {queued}) THEN
        INSERT INTO {names.tickets} AS ticket {_INTO} SELECT {_columns("now")} {queued} ORDER BY now.seq
        ON CONFLICT (id) DO UPDATE SET priority = EXCLUDED.priority WHERE ticket.status = 'queued';
    END IF;"""  # noqa: S608 - checked names
    return (
        function(names.on_insert, fresh),
        f"DROP TRIGGER IF EXISTS {names.on_insert} ON {schema}.jobs",
        f"""CREATE TRIGGER {names.on_insert} AFTER INSERT ON {schema}.jobs REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION {schema}.{names.on_insert}()""",
        function(names.on_update, follow),
        f"DROP TRIGGER IF EXISTS {names.on_update} ON {schema}.jobs",
        f"""CREATE TRIGGER {names.on_update} AFTER UPDATE ON {schema}.jobs REFERENCING OLD TABLE AS was NEW TABLE AS now
        FOR EACH STATEMENT EXECUTE FUNCTION {schema}.{names.on_update}()""",
    )


def version_of(statements: tuple[str, ...]) -> str:
    """A short word for these statements, kept as the triggers' comment: the same means that nothing is to be done."""
    return "predawn " + hashlib.sha256("\n".join(statements).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Sweep:
    """The sweeper's statements: jobs at the head of the queue that have no ticket.

    Of a type that is paused or full nothing is handed over, of one with little room no more than fits: their tickets
    would be refused. Both take two parameters: $1 the concurrency of types without a row, $2 the cap over all types.

    Attributes:
        find: whether there are any (``found``), and tickets that are held for jobs which nobody processes (``stray``:
            the triggers were off). Asked first: an INSERT of no rows would wake every worker.
        hand_over: gives them tickets, one row for each; one sweeper at a time.
        drop: deletes the stray tickets, which would count for ever; takes no parameters.
    """

    find: str
    hand_over: str
    drop: str


def sweep_statements(names: Names, lock_key: int) -> Sweep:
    """The sweeper's statements."""
    fitting = f"""
        WITH busy AS (SELECT job_type, count(*) AS jobs FROM jobs WHERE status = {_PROCESSING} GROUP BY job_type),
        closed AS (
            SELECT job_type FROM job_queue_config AS config LEFT JOIN busy USING (job_type)
            WHERE config.paused OR config.concurrency <= coalesce(busy.jobs, 0)
        ),
        head AS (
            SELECT jobs.seq, jobs.attempt, jobs.id, jobs.priority, jobs.priority_rank, jobs.job_type FROM jobs
            WHERE jobs.status = {_QUEUED} AND jobs.job_type NOT IN (SELECT job_type FROM closed)
            ORDER BY jobs.priority_rank, jobs.seq LIMIT {HEAD}
        ),
        counted AS (
            SELECT head.*, coalesce(config.concurrency, $1::bigint) AS allowed, coalesce(busy.jobs, 0) AS running,
                   row_number() OVER (PARTITION BY job_type ORDER BY head.priority_rank, head.seq) AS nth
            FROM head LEFT JOIN job_queue_config AS config USING (job_type) LEFT JOIN busy USING (job_type)
        ),
        fitting AS (
            SELECT * FROM counted WHERE (allowed >= $2::bigint OR nth <= allowed - running)
              AND NOT EXISTS (SELECT FROM {names.tickets} AS ticket WHERE ticket.id = {_number("counted")})
        )"""  # noqa: S608 - names are checked, the rest are constants
    stray = f"""FROM {names.tickets} AS ticket WHERE ticket.queue_manager_id = '{NOBODY}' AND NOT EXISTS (
            SELECT FROM jobs WHERE jobs.status = {_PROCESSING} AND {_held_number("jobs")} = ticket.id)"""
    return Sweep(
        find=f"{fitting} SELECT EXISTS (SELECT FROM fitting) AS found, EXISTS (SELECT {stray}) AS stray",  # noqa: S608 - checked names
        drop=f"DELETE {stray}",
        hand_over=f"""{fitting}, guard AS MATERIALIZED (SELECT pg_try_advisory_xact_lock({lock_key}) AS mine)
        INSERT INTO {names.tickets} {_INTO} SELECT {_columns("fitting")} FROM fitting
        WHERE (SELECT mine FROM guard) ORDER BY fitting.priority_rank, fitting.seq
        ON CONFLICT (id) DO NOTHING RETURNING id""",  # noqa: S608 - checked names
    )


def prune_statement(names: Names) -> str:
    """Drop what pgqueuer logged more than a day ago: what became of jobs stands in our tables."""
    return f"DELETE FROM {names.log} WHERE created < now() - interval '1 day'"  # noqa: S608 - names are checked


def trigger_state_statement() -> str:
    """How a trigger stands: whether it is enabled, and its comment. Parameters: table, trigger."""
    return (
        "SELECT t.tgenabled <> 'D' AS enabled, coalesce(obj_description(t.oid, 'pg_trigger'), '') AS version "
        "FROM pg_trigger AS t WHERE t.tgrelid = to_regclass($1::text) AND t.tgname = $2::text AND NOT t.tgisinternal"
    )


def close_to_web_roles(names: Names) -> str:
    """On Supabase, whose web roles may do everything in new tables: not in the engine's."""
    tables = ", ".join(names.tables)
    return f"""DO $predawn$ DECLARE web name; BEGIN
        FOR web IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
            EXECUTE format('REVOKE ALL ON {tables} FROM %I', web);
        END LOOP;
    END $predawn$"""  # noqa: S608 - checked names
