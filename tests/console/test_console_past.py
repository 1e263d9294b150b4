"""Looking back: every screen shows that moment, it is clearly the past, and nothing can be done there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from console_world import DEADLINE, NOW, RUN_DATE, ZONE, screen_text
from screens_world import OPERATOR, Installation
from test_console_metrics import some_nights
from test_console_screens import shows

from console.tui.app import PredawnApp
from scheduler.domain.deadline import Verdict
from scheduler.domain.job import JobSpec, Priority
from scheduler.domain.night import Night as NightRecord
from scheduler.domain.night import NightOutcome
from scheduler.domain.recording import Mark, MarkKind
from scheduler.domain.render import AttemptStatus
from scheduler.nights.operations import night_as_of
from scheduler.ports.operations import InvalidError, NotFoundError
from scheduler.recording.marks import marks_between
from scheduler.recording.reader import RecordingReader
from scheduler.recording.state import state_of
from scheduler.recording.writer import RecordingWriter
from scheduler.replay import PastOperations


class Night:
    """An installation whose last ten minutes are recorded: at first nothing, then a job, then calls."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "recording.db"
        self.reader = RecordingReader(self.path)
        self.here = Installation(folder, recording=self.reader)
        self.here.clock.step(-600)
        self.writer = RecordingWriter(self.path)
        self.last = self.keep()
        self.pass_(120)
        self.job = self.here.store.enqueue(
            JobSpec("daily_ca", idempotency_key="daily_ca:2026-11-21", deadline_at=DEADLINE)
        ).job
        self.keep()
        self.pass_(120)
        self.here.calls(3, job=self.job)
        self.keep(Mark(self.now, MarkKind.FALLBACK, "manim falls back to static-cards"))
        self.pass_(360)
        self.here.operations.set_priority(self.here.job("other").id, Priority.LOW, actor=OPERATOR)

    @property
    def now(self):
        return self.here.clock.now()

    def pass_(self, seconds: float) -> None:
        self.here.clock.advance(seconds)

    def keep(self, *more: Mark) -> object:
        snapshot = self.here.operations.snapshot()
        marks = (*marks_between(getattr(self, "last", None), snapshot), *more)
        self.writer.write(self.now, state_of(snapshot, self.writer.state), marks)
        self.last = snapshot
        return snapshot

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    night = Night(tmp_path)
    assert night.now == NOW
    yield night
    night.close()


async def test_it_looks_back_step_by_step_and_comes_back(night: Night) -> None:
    async with night.here.app().run_test(size=(100, 30)) as pilot:
        await shows(pilot, "1 Tonight")
        await pilot.press("left_square_bracket")
        seen = await shows(pilot, "PAST 03:12:20 IST, 10s ago")
        assert "live" not in seen
        assert "03:12:20" in seen.split("\n")[0]  # the clock stands at that moment too
        await pilot.press("left_parenthesis", "right_square_bracket")
        await shows(pilot, "PAST 03:07:30")
        await pilot.press("right_parenthesis")
        for _ in range(200):
            await pilot.pause(0.02)
            if "PAST" not in screen_text(pilot.app):
                break
        assert "PAST" not in screen_text(pilot.app)


async def test_every_screen_shows_that_moment(night: Night) -> None:
    async with night.here.app().run_test(size=(100, 30)) as pilot:
        await shows(pilot, night.job.id[:8])
        await pilot.press("at", *"-9m", "enter")
        seen = await shows(pilot, "PAST 03:03:30")
        assert night.job.id[:8] not in seen
        for key in "2345678":
            await pilot.press(key)
            await shows(pilot, "PAST 03:03:30")
        await pilot.press("8")
        await shows(pilot, "nobody has done anything yet")
        await pilot.press("7")
        await shows(pilot, "0 calls")
        await pilot.press("escape")
        await shows(pilot, "3 calls")
        await pilot.press("8")
        await shows(pilot, "job.priority")


async def test_events_are_gone_through_and_chosen_from_a_list(night: Night) -> None:
    async with night.here.app().run_test(size=(100, 30)) as pilot:
        await shows(pilot, "1 Tonight")
        await pilot.press("left_curly_bracket")
        await shows(pilot, "PAST 03:06:30")
        await pilot.press("left_curly_bracket")
        await shows(pilot, "PAST 03:04:30")
        await pilot.press("right_curly_bracket")
        await shows(pilot, "PAST 03:06:30")
        await pilot.press("at")
        seen = await shows(pilot, "manim falls back to static-cards")
        assert "Look back" in seen
        await pilot.press(*"falls", "enter")
        await shows(pilot, "PAST 03:06:30")


async def test_nothing_can_be_done_in_the_past(night: Night) -> None:
    async with night.here.app().run_test(size=(100, 30)) as pilot:
        await shows(pilot, night.job.id[:8])
        await pilot.press("left_square_bracket")
        await shows(pilot, "PAST")
        await pilot.press("3", "r")
        await shows(pilot, "you are looking at the past")
        await pilot.press("escape", "escape")
        await pilot.press("r")
        await shows(pilot, "Run this schedule now?")


async def test_before_the_recording_there_is_nothing_and_the_present_stays(night: Night) -> None:
    async with night.here.app().run_test(size=(100, 30)) as pilot:
        await shows(pilot, "1 Tonight")
        await pilot.press("at", *"-3d", "enter")
        seen = await shows(pilot, "nothing is recorded at")
        assert "PAST" not in seen


async def test_a_console_without_a_recording_says_so(tmp_path: Path) -> None:
    async with Installation(tmp_path).app().run_test(size=(100, 30)) as pilot:
        await shows(pilot, "1 Tonight")
        await pilot.press("left_square_bracket")
        await shows(pilot, "nothing is recorded here")


def test_operations_of_the_past_tell_calls_as_they_stood_and_refuse_commands(night: Night) -> None:
    operations = night.here.operations
    began = operations.recent_attempts()[0].started_at
    middle = PastOperations(operations, operations.replay(began + timedelta(milliseconds=700)))
    [running] = middle.recent_attempts()
    assert running.status is AttemptStatus.STARTED
    assert running.duration_ms is None
    assert middle.job(night.job.id).attempts == (running,)
    early = PastOperations(operations, operations.replay(NOW - timedelta(seconds=590)))
    assert early.jobs().items == ()
    assert early.audit().items == ()
    with pytest.raises(NotFoundError, match="did not exist yet"):
        early.job(night.job.id)
    with pytest.raises(InvalidError, match="past cannot be changed"):
        early.cancel(night.job.id, actor=OPERATOR)
    assert operations.snapshot().tonight.verdict is Verdict.AT_RISK


def test_the_past_is_filtered_by_the_same_language(night: Night) -> None:
    operations = night.here.operations
    past = PastOperations(operations, operations.replay(NOW - timedelta(seconds=300)))
    assert [job.id for job in past.jobs(filter="type:daily_ca").items] == [night.job.id]
    assert past.count_jobs(filter="type:doubt").number == 0
    with pytest.raises(InvalidError, match="filter"):
        past.jobs(filter="status:nothing")


assert PredawnApp


def test_figures_nights_and_what_is_due_are_those_of_the_moment(night: Night) -> None:
    here = night.here
    here.store.save_nights(some_nights())
    here.operations.pause_schedule("nightly", paused=True, actor=OPERATOR)
    here.operations.skip_date("nightly", RUN_DATE + timedelta(days=1), actor=OPERATOR)
    then = PastOperations(here.operations, here.operations.replay(NOW - timedelta(minutes=9)))
    assert not any(one.skipped for one in then.upcoming(count=3))
    assert all(one.skipped for one in here.operations.upcoming(count=3))
    today = here.operations.sla(days=7)
    past = then.sla(days=7)
    assert past.at == then.moment
    assert past.stages == ()
    assert [one.stage for one in today.stages] == ["tts"]
    assert past.nights[0].run_date == RUN_DATE - timedelta(days=1)  # the newest one had not begun
    assert {one.days: one.n for one in past.windows}[7] == 6
    assert then.failure_groups() == ()
    assert then.service_history("manim").transitions == ()


@pytest.mark.parametrize(
    ("hours", "outcome"),
    [(-4, None), (-1, NightOutcome.OPEN), (2, NightOutcome.MISSED), (5, NightOutcome.LATE)],
)
def test_a_night_is_told_as_it_stood(hours: float, outcome: NightOutcome | None) -> None:
    begun = NOW - timedelta(hours=3)
    due, out = NOW + timedelta(hours=1), NOW + timedelta(hours=4)
    late = NightRecord("nightly", RUN_DATE, ZONE, begun, due, NightOutcome.LATE, ready_at=out, degraded=False)
    seen = night_as_of(late, NOW + timedelta(hours=hours))
    assert (None if seen is None else seen.outcome) is outcome
