"""Makes a day's brief of feeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, date, datetime, tzinfo

import structlog

from config.settings import FeedSettings
from integrations.content.feeds.compose import compose, window_of
from integrations.content.feeds.entries import Entry, read_entries
from integrations.content.feeds.memory import FeedMemory, Kept
from integrations.content.inline import brief_of_object
from integrations.content.problems import BriefError
from integrations.kit.sync_http import NOT_MODIFIED, get
from scheduler.domain.codec import brief_to_json
from scheduler.domain.content import Headline
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.ports.content import ResolvedBrief

log = structlog.get_logger("predawn.feeds")

MAX_FEED = 2 * 2**20
"""Bytes of a feed."""
FEED_TIMEOUT_S = 10.0
AT_ONCE = 8
"""Feeds that are asked side by side."""
ACCEPT = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1"


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class FeedBriefs:
    """Feeds as a source of briefs. Synchronous; each feed is asked once, with its last version's marks.

    Args:
        feeds: in the order in which their entries take turns.
        memory: documents, first appearances, and what was told.
        zone: the schedule's time zone.
        hours: length of the window.
        most: headlines of a brief at most.
        repeat_days: days back that nothing is told again from.
        told: headlines of other briefs of those days (the folder's).
        now: the time of day.
        timeout_s: seconds for one feed.
    """

    def __init__(
        self,
        feeds: Sequence[FeedSettings],
        memory: FeedMemory,
        *,
        zone: tzinfo,
        hours: float,
        most: int,
        repeat_days: int,
        told: Callable[[date, int], Sequence[Headline]] = lambda _day, _days: (),
        now: Callable[[], datetime] = utc_now,
        timeout_s: float = FEED_TIMEOUT_S,
    ) -> None:
        self._feeds = tuple(feeds)
        self._memory = memory
        self._zone = zone
        self._hours = hours
        self._most = most
        self._repeat_days = repeat_days
        self._told = told
        self._now = now
        self._timeout_s = timeout_s

    def brief_of(self, run_date: date) -> ResolvedBrief | None:
        """The brief of a day; None when the feeds have nothing (new) to tell.

        A feed that fails is left out as long as the others have something.

        Raises:
            StageFailure: UNAVAILABLE, to be tried again: a feed failed and the others have nothing.
        """
        now = self._now()
        read: list[tuple[Entry, ...]] = []
        failures: list[StageFailure] = []
        with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="feed") as pool:
            # Each thread in a context like ours: what is fetched belongs to the job that asks.
            reading = [pool.submit(copy_context().run, self._read, feed) for feed in self._feeds]
            for feed, found in zip(self._feeds, [one.result() for one in reading], strict=True):
                if isinstance(found, StageFailure):
                    log.warning("feed left out", feed=feed.name, kind=found.kind.value, error=found.message)
                    failures.append(found)
                else:
                    read.append(self._memory.dated(feed.url, found, now))
        brief = compose(
            read,
            run_date=run_date,
            window=window_of(run_date, zone=self._zone, now=now, hours=self._hours),
            told=[*self._told(run_date, self._repeat_days), *self._memory.told(run_date, self._repeat_days)],
            most=self._most,
        )
        if brief is None:
            if failures:
                raise _unavailable(failures, len(self._feeds))
            return None
        try:
            checked = brief_of_object(brief_to_json(brief), origin="feeds")
        except BriefError as error:
            raise StageFailure.unavailable(f"the feeds make no good brief: {error}") from error
        self._memory.tell(run_date, checked.headlines)
        names = dict.fromkeys(headline.source.rpartition(", ")[0] for headline in checked.headlines)
        return ResolvedBrief(checked, stale=False, origin=f"feeds: {', '.join(names)}")

    def _read(self, feed: FeedSettings) -> tuple[Entry, ...] | StageFailure:
        try:
            return self._entries(feed)
        except StageFailure as failure:
            return failure

    def _entries(self, feed: FeedSettings) -> tuple[Entry, ...]:
        kept = self._memory.document(feed.url)
        marks: dict[str, str] = {}
        if kept is not None and kept.etag:
            marks["If-None-Match"] = kept.etag
        if kept is not None and kept.last_modified:
            marks["If-Modified-Since"] = kept.last_modified
        reply = get(
            feed.url,
            service=f"feed {feed.name}",
            timeout_s=self._timeout_s,
            limit=MAX_FEED,
            headers={"Accept": ACCEPT, **marks},
        )
        if reply.status == NOT_MODIFIED and kept is not None:
            return read_entries(kept.body, feed=feed.name, content_type=kept.content_type)
        if failure := reply.failure():
            raise failure
        content_type = reply.headers.get("content-type", "")
        entries = read_entries(reply.body, feed=feed.name, content_type=content_type)
        marked = Kept(reply.body, content_type, reply.headers.get("etag"), reply.headers.get("last-modified"))
        self._memory.keep(feed.url, marked)
        return entries


def _unavailable(failures: Sequence[StageFailure], feeds: int) -> StageFailure:
    """All of them as one: whatever is wrong with a feed, it is not the job's input, and may be right in a moment."""
    waits = [failure.retry_after_s for failure in failures if failure.retry_after_s is not None]
    return StageFailure(
        f"{len(failures)} of {feeds} feeds failed and the others have nothing: "
        + "; ".join(failure.message for failure in failures[:5]),
        kind=FailureClass.UNAVAILABLE,
        retryable=True,
        retry_after_s=max(waits, default=None),
    )
