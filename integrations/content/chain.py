"""Where a job's brief is looked for: its payload, the folder, the table, the feeds, at last a brief of yesterday."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Protocol

import structlog

from integrations.content.source import BriefFolder
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.ports.content import ResolvedBrief

log = structlog.get_logger("predawn.briefs")

PATIENCE = 3
"""Looks for a day that may fail before a brief of an earlier day is taken instead."""


class DaySource(Protocol):
    """A source that knows briefs by their day. Synchronous."""

    def brief_of(self, run_date: date) -> ResolvedBrief | None:
        """The brief of a day; None when it has none.

        Raises:
            StageFailure: it could not be asked, or what it has is no good.
        """
        ...


class BriefChain:
    """Several sources as one (``scheduler.ports.content.BriefSource``).

    A source further away is asked only when the nearer ones have nothing of the day itself. One that fails does not
    keep the next from being asked. When none has a brief and one failed, the look fails and can be tried again; after
    ``PATIENCE`` failed looks for a day a brief of an earlier day (``content.stale_days``) is taken, if there is one.

    Args:
        folder: payload and folder.
        remote: the rest, in order.
        ask: False: the remote ones are not asked (a check before a job is queued must not wait for them).
    """

    def __init__(self, folder: BriefFolder, remote: Sequence[DaySource], *, ask: bool = True) -> None:
        self._folder = folder
        self._remote = tuple(remote)
        self._ask = ask
        self._failed: Counter[date] = Counter()
        self._lock = threading.Lock()

    def resolve(self, payload: Mapping[str, Any], run_date: date | None) -> ResolvedBrief:
        """The brief of a job.

        Raises:
            StageFailure: INVALID_INPUT: there is none, or it is no good; UNAVAILABLE: a source could not be asked.
        """
        if not self._remote or run_date is None or not self._folder.is_open(payload):
            return self._folder.resolve(payload, run_date)
        if (found := self._folder.of_the_day(run_date)) is not None:
            return found
        if not self._ask:
            raise StageFailure.unavailable(f"the brief of {run_date} is looked for when the job runs")
        failures: list[StageFailure] = []
        for source in self._remote:
            try:
                found = source.brief_of(run_date)
            except StageFailure as failure:
                if failure.kind is FailureClass.INVALID_INPUT:
                    raise
                log.warning("a source of briefs failed", date=run_date.isoformat(), error=failure.message)
                failures.append(failure)
            else:
                if found is not None:
                    self._forget(run_date)
                    return found
        if failures and not self._out_of_patience(run_date):
            raise _as_one(failures)
        return self._last_resort(payload, run_date, failures)

    def _last_resort(
        self, payload: Mapping[str, Any], run_date: date, failures: Sequence[StageFailure]
    ) -> ResolvedBrief:
        """A brief of an earlier day."""
        try:
            found = self._folder.resolve(payload, run_date)
        except StageFailure as failure:
            if failures:
                raise _as_one(failures) from failure
            asked = len(self._remote)
            raise StageFailure.invalid_input(
                f"{failure.message}; the {asked} further source{'s have' if asked > 1 else ' has'} none either"
            ) from failure
        self._forget(run_date)
        if not failures:
            return found
        return replace(found, origin=f"{found.origin} (after: {failures[0].message})")

    def _out_of_patience(self, run_date: date) -> bool:
        with self._lock:
            self._failed[run_date] += 1
            return self._failed[run_date] > PATIENCE

    def _forget(self, run_date: date) -> None:
        with self._lock:
            self._failed.pop(run_date, None)


def _as_one(failures: Sequence[StageFailure]) -> StageFailure:
    """Failed sources as one failure: never the input's fault, always worth another look."""
    waits = [failure.retry_after_s for failure in failures if failure.retry_after_s is not None]
    return StageFailure(
        "no brief: " + "; ".join(failure.message for failure in failures),
        kind=FailureClass.UNAVAILABLE,
        retryable=True,
        retry_after_s=max(waits, default=None),
        details={"causes": [failure.kind.value for failure in failures]},
    )
