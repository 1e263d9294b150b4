"""Reading jobs around a place, forwards and backwards, by keyset. Runs on a reading thread."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from scheduler.domain.filter import Count, JobSort
from scheduler.domain.job import Job
from scheduler.ports.operations import Operations

CAP = 10_000
"""A filtered list is counted so far at once; the exact number comes later."""

Key = tuple[int, int]
"""Where a job stands in an order: comparing keys compares places."""


@dataclass(frozen=True, slots=True)
class Query:
    """What the list shows."""

    filter: str = ""
    sort: JobSort = JobSort.NEWEST


def order_key(job: Job, sort: JobSort) -> Key:
    """Where a job stands: the smaller comes first. Pure."""
    match sort:
        case JobSort.NEWEST:
            return (0, -job.seq)
        case JobSort.OLDEST:
            return (0, job.seq)
        case JobSort.PRIORITY:
            return (job.priority.rank, job.seq)


def cursor_behind(key: Key, sort: JobSort) -> str:
    """The cursor of ``Operations.jobs`` behind which the next page begins just after ``key``. Pure."""
    rank, seq = key
    return f"{rank}.{seq}" if sort is JobSort.PRIORITY else str(abs(seq))


def _cursor_at(key: Key, sort: JobSort) -> str:
    """The same so that the page begins with ``key`` itself."""
    rank, seq = key
    return cursor_behind((rank, seq - 1), sort)


_REVERSE = {JobSort.NEWEST: JobSort.OLDEST, JobSort.OLDEST: JobSort.NEWEST}


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be read.

    Attributes:
        key: around this place; None: from an end of the list.
        from_end: from the last row backwards (``key`` None).
        before: rows before ``key``.
        after: rows from ``key`` on, it counted; or all rows from an end.
        index: where ``key`` was believed to be.
    """

    query: Query
    key: Key | None = None
    from_end: bool = False
    before: int = 0
    after: int = 100
    index: int = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read: rows one after another.

    Attributes:
        at_top: nothing comes before the first.
        at_end: nothing comes after the last.
        total: how many the list has.
        split: how many of the rows stand before the key that was asked for.
    """

    load: Load
    rows: tuple[Job, ...]
    at_top: bool
    at_end: bool
    total: Count
    split: int = 0


def read(operations: Operations, load: Load) -> Loaded:
    """Read it.

    Raises:
        InvalidError: the filter cannot be read.
    """
    query = load.query
    if query.sort is JobSort.PRIORITY or (load.key is None and not load.from_end):
        # Nothing reads this order backwards: its list always begins at the top.
        page = operations.jobs(filter=query.filter, sort=query.sort, limit=load.before + load.after)
        rows, at_top, at_end = page.items, True, page.next_cursor is None
    elif load.key is None:
        page = operations.jobs(filter=query.filter, sort=_REVERSE[query.sort], limit=load.after)
        rows, at_top, at_end = page.items[::-1], page.next_cursor is None, True
    else:
        ahead = operations.jobs(
            filter=query.filter, sort=query.sort, limit=load.after, cursor=_cursor_at(load.key, query.sort)
        )
        reverse = _REVERSE[query.sort]
        back = operations.jobs(
            filter=query.filter, sort=reverse, limit=load.before, cursor=cursor_behind(load.key, reverse)
        )
        rows = (*back.items[::-1], *ahead.items)
        at_top, at_end = back.next_cursor is None, ahead.next_cursor is None
    split = 0 if load.key is None else bisect_left([order_key(job, query.sort) for job in rows], load.key)
    return Loaded(load, rows, at_top, at_end, _total(operations, query.filter), split)


def _total(operations: Operations, text: str) -> Count:
    if text.strip():
        return operations.count_jobs(filter=text, cap=CAP)
    return Count(sum(operations.depth().by_status.values()))
