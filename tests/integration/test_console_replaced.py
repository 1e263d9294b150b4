"""A database that is taken away or replaced while somebody looks at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scheduler.domain.job import JobSpec
from scheduler.ports.store import StoreUnavailableError
from scheduler.store import open_store


def filled(path: Path, count: int) -> Path:
    store = open_store(f"sqlite:///{path}")
    store.enqueue_many([JobSpec("doubt", {"n": n}) for n in range(count)])
    store.close()
    return path


def test_a_replaced_database_is_read_anew(tmp_path: Path) -> None:
    path = filled(tmp_path / "predawn.db", 3)
    other = filled(tmp_path / "other.db", 5)
    store = open_store(f"sqlite:///{path}", follow_file=True)
    store.data_version()
    assert len(store.list().items) == 3
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"predawn.db{suffix}").unlink(missing_ok=True)
    other.replace(path)
    store.data_version()
    assert len(store.list().items) == 5
    store.close()


def test_a_database_that_is_gone_is_told_of_and_waited_for(tmp_path: Path) -> None:
    path = filled(tmp_path / "predawn.db", 3)
    store = open_store(f"sqlite:///{path}", follow_file=True)
    store.data_version()
    away = path.rename(tmp_path / "away.db")
    with pytest.raises(StoreUnavailableError, match=r"is gone; put it back, or restore a backup"):
        store.data_version()
    away.rename(path)
    store.data_version()
    assert len(store.list().items) == 3
    store.close()
