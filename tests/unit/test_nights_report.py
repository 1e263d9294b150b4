from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.settings import ReportSettings, Settings
from console.bootstrap.reading import make_operations
from scheduler.domain.job import JobResult
from scheduler.domain.night import Night, NightOutcome
from scheduler.domain.render import RenderStatus
from scheduler.domain.report import DailyReport
from scheduler.nights.recorder import record_nights
from scheduler.nights.report import FORMATS, headline, night_words, report_json
from scheduler.nights.reporter import Reporter
from scheduler.ports.store import StoreUnavailableError
from scheduler.schedules.definitions import report_definition, schedule_definitions
from scheduler.schedules.timer import fire_due
from scheduler.testing import FakeClock, MemoryStore

ZONE = ZoneInfo("Asia/Kolkata")


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def night(outcome: NightOutcome = NightOutcome.ON_TIME, **more: object) -> Night:
    base = Night(
        "nightly", date(2026, 11, 21), "Asia/Kolkata", local(21, 3), local(21, 6), outcome,
        ready_at=local(21, 3, 8), degraded=False,
    )  # fmt: skip
    return replace(base, **more)  # pyright: ignore[reportArgumentType] - by name


class Morning:
    """An installation on a fake clock in which nights pass."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder)
        self.clock = FakeClock(local(20, 12))
        self.store = MemoryStore(self.clock)
        self.store.sync_schedules(schedule_definitions(self.settings), now=self.clock.now())
        self.operations = make_operations(self.settings, self.store)
        self.operations._clock = self.clock  # pyright: ignore[reportPrivateUsage] - the morning is not today
        self.told: list[DailyReport] = []
        self.reporter = Reporter(
            self.operations.report,
            report_definition(self.settings),
            self.settings.reports_dir,
            self.clock,
            written=self.told.append,
        )

    def at(self, moment: datetime) -> None:
        self.clock.advance((moment - self.clock.now()).total_seconds())

    def make_video(self, began: datetime, ready: datetime) -> None:
        self.at(began)
        fire_due(self.store, self.clock.now())
        (lease,) = self.store.claim("w", limit=1, lease_s=86_400)
        render = self.store.start_render(lease, correlation_id="c")
        assert render is not None
        self.at(ready)
        self.store.finish_render(render.id, RenderStatus.COMPLETED, video_url="file:///v.mp4")
        self.store.complete(lease, JobResult("file:///v.mp4", None, 60.0, degraded=False))
        record_nights(self.store, self.clock.now())


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    return Morning(tmp_path)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (night(), "ready 03:08 IST, 2 h 52 min before the deadline (full)"),
        (night(degraded=True), "ready 03:08 IST, 2 h 52 min before the deadline (degraded)"),
        (
            night(degraded=True, upgraded_at=local(21, 4)),
            "ready 03:08 IST, 2 h 52 min before the deadline (degraded, full since 04:00)",
        ),
        (night(NightOutcome.LATE, ready_at=local(21, 6, 5)), "ready 06:05 IST, 5 min AFTER the deadline (full)"),
        (night(NightOutcome.MISSED, ready_at=None, note="503"), "MISSED, due 06:00 IST: 503"),
        (night(NightOutcome.SKIPPED, ready_at=None, note="holiday"), "skipped (holiday)"),
        (night(NightOutcome.OPEN, ready_at=None), "not ready yet, due 06:00 IST"),
    ],
)
def test_a_night_in_words(told: Night, words: str) -> None:
    assert night_words(told) == words


async def test_the_report_is_written_once_at_a_quarter_past_six_in_all_formats(morning: Morning) -> None:
    morning.make_video(local(21, 3), local(21, 3, 8))
    morning.at(local(21, 6, 14))
    await morning.reporter.look()
    assert not morning.settings.reports_dir.exists()
    morning.at(local(21, 6, 15))
    await morning.reporter.look()
    await morning.reporter.look()
    assert len(morning.told) == 1
    folder = morning.settings.reports_dir
    assert sorted(path.name for path in folder.iterdir()) == ["2026-11-21.json", "2026-11-21.md", "2026-11-21.txt"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    text = (folder / "2026-11-21.txt").read_text(encoding="utf-8")
    assert text.startswith("predawn, Sat 21 Nov 2026: ready 03:08 IST, 2 h 52 min before the deadline (full)\n")
    assert "7 days: 100.0% (1 of 1), n = 1 is too small to judge" in text
    told = json.loads((folder / "2026-11-21.json").read_text(encoding="utf-8"))
    assert told["nights"][0]["outcome"] == "on time"
    assert told["nights"][0]["margin_s"] == 2 * 3600 + 52 * 60
    assert told["verdict"] == "READY"
    assert (folder / "2026-11-21.md").read_text(encoding="utf-8").startswith("# predawn, Sat 21 Nov 2026: ready")


async def test_a_daemon_that_comes_back_by_noon_still_writes_it_and_one_that_comes_later_does_not(
    morning: Morning,
) -> None:
    morning.at(local(21, 18, 16))
    await morning.reporter.look()
    assert morning.told == []
    morning.at(local(22, 11))
    await morning.reporter.look()
    assert [report.day for report in morning.told] == [date(2026, 11, 22)]


async def test_a_database_in_trouble_is_tried_again(morning: Morning) -> None:
    morning.at(local(21, 6, 15))

    def away(_day: date) -> DailyReport:
        raise StoreUnavailableError("away")

    broken = Reporter(away, report_definition(morning.settings), morning.settings.reports_dir, morning.clock)
    await broken.look()
    assert broken.due_day() == date(2026, 11, 21)
    await morning.reporter.look()
    assert len(morning.told) == 1


async def test_a_stand_by_writes_nothing(morning: Morning) -> None:
    morning.at(local(21, 6, 15))
    idle = Reporter(
        morning.operations.report,
        report_definition(morning.settings),
        morning.settings.reports_dir,
        morning.clock,
        leads=lambda: False,
    )
    await idle.look()
    assert not morning.settings.reports_dir.exists()


def test_the_report_has_a_schedule_of_its_own_in_the_deadlines_zone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, report=ReportSettings(at=time(7, 30)))
    definition = report_definition(settings)
    assert (definition.cron, definition.timezone) == ("30 7 * * *", "Asia/Kolkata")


def test_markup_in_what_others_wrote_is_shown_as_it_stands(morning: Morning) -> None:
    report = morning.operations.report()
    bad = replace(report, nights=(night(NightOutcome.MISSED, ready_at=None, note="<b>*x* [y](z)\nnext"),))
    assert "\\<b\\>\\*x\\* \\[y\\](z) next" in FORMATS["md"](bad)
    assert headline(bad) in report_json(bad)["headline"]


def test_a_day_without_a_night_says_so(morning: Morning) -> None:
    old = morning.operations.report(date(2026, 11, 20) - timedelta(days=40))
    assert headline(old).endswith("no video was due")
