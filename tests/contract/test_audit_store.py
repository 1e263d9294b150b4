"""The audit trail over every store: chained, read by pages, and every kind of tampering found."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from subprocess import Popen

import pytest
from store_world import World

from scheduler.domain.access import Role
from scheduler.domain.audit import GENESIS, AuditEntry, AuditOutcome, AuditVerdict, find_break
from scheduler.ports.audit import AuditFilter

EVERY = AuditFilter()
WRITER = """
import sys
from scheduler.domain.access import Role
from scheduler.domain.audit import AuditEntry, AuditOutcome
from scheduler.store import open_store
store = open_store(sys.argv[1], busy_timeout_s=60, migrate=False)
for number in range(int(sys.argv[3])):
    store.add_audit([AuditEntry(sys.argv[2], Role.ADMIN, "cli", "host", "job.cancel", str(number), AuditOutcome.DONE)])
store.close()
"""


def entry(number: int = 1, actor: str = "ann", command: str = "job.cancel", **values: object) -> AuditEntry:
    return AuditEntry(
        actor,
        Role.OPERATOR,
        "cli",
        "box pts/1",
        command,
        f"job-{number}",
        AuditOutcome.DONE,
        "",
        {"n": number, **values},
    )


def verdict(world: World) -> AuditVerdict:
    return find_break(world.store.audit_chain(), world.store.audit_head())


def test_lines_are_chained_from_one_on(world: World) -> None:
    first, second = world.store.add_audit([entry(1), entry(2, text="ब्रीफ ☀")])
    (third,) = world.another().add_audit([entry(3)])
    assert [first.seq, second.seq, third.seq] == [1, 2, 3]
    assert [first.previous, second.previous, third.previous] == [GENESIS, first.hash, second.hash]
    assert list(world.store.audit_chain()) == [first, second, third]
    assert verdict(world) == AuditVerdict(3)


def test_no_trail_holds(world: World) -> None:
    assert world.store.audit_head() is None
    assert verdict(world) == AuditVerdict(0)


def test_lines_come_by_pages_newest_first(world: World) -> None:
    world.store.add_audit([entry(number) for number in range(5)])
    first = world.store.audit_lines(wanted=EVERY, limit=2)
    rest = world.store.audit_lines(wanted=EVERY, limit=3, cursor=first.next_cursor)
    assert [line.entry.target for line in (*first.items, *rest.items)] == ["job-4", "job-3", "job-2", "job-1", "job-0"]
    assert rest.next_cursor is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AuditFilter(actor="bob"), ["job-2"]),
        (AuditFilter(command="job"), ["job-2", "job-1"]),
        (AuditFilter(command="job.retry"), ["job-2"]),
        (AuditFilter(command="jo"), []),
        (AuditFilter(target="job-1"), ["job-1"]),
        (AuditFilter(target="job_1"), []),
        (AuditFilter(actor="ann", command="token"), ["job-3"]),
    ],
)
def test_lines_are_found(world: World, wanted: AuditFilter, found: list[str]) -> None:
    world.store.add_audit([entry(1), entry(2, "bob", "job.retry"), entry(3, "ann", "token.add")])
    assert [line.entry.target for line in world.store.audit_lines(wanted=wanted, limit=10).items] == found


def test_what_is_no_cursor_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="cursor"):
        world.store.audit_lines(wanted=EVERY, limit=1, cursor="x")


@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        ("UPDATE audit SET actor = 'eve' WHERE seq = 3", 3),
        ("UPDATE audit SET outcome = 'refused' WHERE seq = 2", 2),
        ("UPDATE audit SET role = 'king' WHERE seq = 2", 2),
        ("UPDATE audit SET detail = '{}' WHERE seq = 4", 4),
        ("UPDATE audit SET detail = 'no json' WHERE seq = 4", 4),
        ("UPDATE audit SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 1", 1),
        ("UPDATE audit SET hash = previous WHERE seq = 5", 5),
        ("DELETE FROM audit WHERE seq = 3", 4),
        ("DELETE FROM audit WHERE seq = 1", 2),
        ("DELETE FROM audit WHERE seq >= 4", 4),
        ("DELETE FROM audit", 1),
        ("DELETE FROM audit_head", 6),
        ("UPDATE audit SET seq = 7 WHERE seq = 5", 7),
    ],
)
def test_tampering_is_found_at_its_line(sql_world: World, tamper: str, broken: int) -> None:
    sql_world.store.add_audit([entry(number) for number in range(1, 6)])
    assert verdict(sql_world).holds
    sql_world.sql(tamper)
    found = verdict(sql_world)
    assert found.broken_seq == broken
    assert found.problem


def test_a_line_put_in_between_is_found(sql_world: World) -> None:
    sql_world.store.add_audit([entry(number) for number in range(1, 4)])
    sql_world.sql("UPDATE audit SET seq = seq + 100 WHERE seq = 3")
    rest = "role, via, origin, command, target, outcome, message, detail, hash, hash"
    sql_world.sql(f"INSERT INTO audit SELECT 3, at, 'eve', {rest} FROM audit WHERE seq = 2")  # noqa: S608 - a constant
    sql_world.sql("UPDATE audit SET seq = 4 WHERE seq = 103")
    assert verdict(sql_world).broken_seq == 3


def test_nonsense_for_a_time_is_found_not_stumbled_over(sqlite_world: World) -> None:
    sqlite_world.store.add_audit([entry(1), entry(2)])
    sqlite_world.sql("UPDATE audit SET at = 'yesterday' WHERE seq = 2")
    assert verdict(sqlite_world).broken_seq == 2
    assert len(sqlite_world.store.audit_lines(wanted=EVERY, limit=5).items) == 2


def test_threads_that_write_at_once_make_one_chain(world: World) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(world.store.add_audit, [[entry(number)] for number in range(40)]))
    assert verdict(world) == AuditVerdict(40)


def test_processes_that_write_at_once_make_one_chain(sql_world: World) -> None:
    assert sql_world.store.audit_head() is None  # migrated
    assert sql_world.url is not None
    writers = [Popen([sys.executable, "-c", WRITER, sql_world.url, name, "25"]) for name in ("ann", "bob")]
    assert [writer.wait(100) for writer in writers] == [0, 0]
    assert verdict(sql_world) == AuditVerdict(50)
    for name in ("ann", "bob"):
        page = sql_world.store.audit_lines(wanted=AuditFilter(actor=name), limit=50)
        assert [int(line.entry.target) for line in page.items] == list(range(24, -1, -1))
