"""Nothing lost, nothing published twice, never more than ten at once: while workers are killed, frozen and cut off.

The short form runs with the other tests; ``make chaos`` runs the long one (2,000 jobs of 3 stages on each database).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psycopg
import pytest
from chaos_world import CAP, Chaos, Outcome, Scale

LONG = os.environ.get("PREDAWN_TEST_CHAOS") == "long"
# A worker on PostgreSQL takes longer to come up: faults as close together as on SQLite would let none ever work.
# The times are there to end a run that hangs, not to judge how fast it is: a busy machine may take ten times as long.
SQLITE = Scale(2000, 3, 130, 0.35, 1800) if LONG else Scale(250, 3, 8, 1.0, 300)
POSTGRESQL = Scale(2000, 3, 130, 1.2, 1800) if LONG else Scale(250, 3, 8, 1.0, 300)
SEED = int(os.environ.get("PREDAWN_TEST_SEED", "7"))


def keeps_the_promise(outcome: Outcome, title: str) -> None:
    print(outcome.table(title))
    assert outcome.lost == 0
    assert outcome.failed == 0, outcome.errors
    assert outcome.unfinished == 0
    assert outcome.completed == outcome.scale.jobs
    assert outcome.published_twice == 0
    assert outcome.unpublished == 0
    assert outcome.kept_twice == 0
    assert outcome.most_processing <= CAP
    assert sum(outcome.faults.values()) >= (100 if LONG else 3)


@pytest.mark.timeout(SQLITE.within_s + 60)
def test_sqlite_keeps_the_promise(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'predawn.db'}"
    keeps_the_promise(Chaos(url, tmp_path, SQLITE, cut=None, seed=SEED).run(), "SQLite")


@pytest.mark.timeout(POSTGRESQL.within_s + 60)
def test_postgresql_keeps_the_promise(tmp_path: Path, postgresql: str) -> None:
    def cut() -> None:
        """End every connection but ours."""
        statement = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        with contextlib.suppress(psycopg.Error), psycopg.connect(postgresql, autocommit=True) as connection:
            connection.execute(statement)

    keeps_the_promise(Chaos(postgresql, tmp_path, POSTGRESQL, cut=cut, seed=SEED + 1).run(), "PostgreSQL")
