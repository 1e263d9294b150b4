"""Where briefs come from, put together: payload, folder, table, feeds."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from config.settings import ScheduleSettings, Settings
from integrations.content.chain import BriefChain, DaySource
from integrations.content.source import BriefFolder
from scheduler.ports.content import BriefSource

JOB_TYPE = "daily_ca"


def brief_source(settings: Settings, *, ask: bool = True) -> BriefSource:
    """The source of daily briefs.

    Args:
        settings: folder, table, feeds.
        ask: False: nothing is asked over the network; what would be found there counts as unavailable.
    """
    content = settings.content
    folder = BriefFolder(settings.briefs_dir, content.stale_days)
    remote: list[DaySource] = []
    if content.postgrest.url is not None:
        from integrations.content.postgrest import PostgrestBriefs  # noqa: PLC0415 - HTTP costs commands 0.1 s

        remote.append(PostgrestBriefs(content.postgrest))
    if content.feeds:
        from integrations.content.feeds.memory import FeedMemory  # noqa: PLC0415 - see above
        from integrations.content.feeds.source import FeedBriefs  # noqa: PLC0415 - see above

        remote.append(
            FeedBriefs(
                content.feeds,
                FeedMemory(settings.home / "feeds"),
                zone=schedule_zone(settings),
                hours=content.feed_hours,
                most=content.feed_headlines,
                repeat_days=content.repeat_days,
                told=folder.headlines,
            )
        )
    return BriefChain(folder, remote, ask=ask) if remote else folder


def schedule_zone(settings: Settings) -> ZoneInfo:
    """The time zone in which a run date begins and ends: that of the first enabled schedule of daily briefs."""
    daily = (one for one in settings.schedules.values() if one.enabled and one.job_type == JOB_TYPE)
    return ZoneInfo(next(daily, ScheduleSettings()).timezone)
