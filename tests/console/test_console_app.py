"""The console through Pilot: what stands on the screen, and what the keys do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from console_world import (
    ACTOR,
    NOW,
    FakeClock,
    FakeOperations,
    Options,
    daemon,
    done_stages,
    job,
    make_app,
    ready,
    running_stages,
    screen_text,
    services,
    snapshot,
    tonight,
)
from textual.widgets import Button

from console.tui.app import PredawnApp
from console.tui.screens.confirm import ConfirmScreen
from console.tui.screens.detail import DetailScreen
from console.tui.widgets.text import TextView
from scheduler.domain.deadline import Verdict
from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import JobStatus
from scheduler.ports.operations import InvalidError

SMALL, WIDE, TINY = (80, 24), (160, 48), (60, 20)
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[31m[bold red]evil[/]\u202egnp.exe\x9b31m\x00[@click=app.quit]x[/]"


async def until(condition: Callable[[], bool], what: str = "") -> None:
    """Wait until something is so; fail when it is not so within five seconds."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"it never came: {what}")


async def shows(app: PredawnApp, *words: str) -> str:
    """Wait until all of ``words`` stand on the screen; the screen's text."""
    missing: list[str] = list(words)
    for _ in range(500):
        drawn = screen_text(app)
        missing = [word for word in words if word not in drawn]
        if not missing:
            return drawn
        await asyncio.sleep(0.01)
    raise AssertionError(f"{missing} not in\n{screen_text(app)}")


async def test_the_verdict_on_the_first_screen_follows_the_night() -> None:
    operations = FakeOperations()
    app = make_app(operations)
    nights = [
        (tonight(), ["● ON TRACK", "P50 03:13", "P90 03:14", "slack 2 h 45 min"]),
        (tonight(Verdict.AT_RISK, slack_s=-240.0), ["▲ AT RISK", "late by 4 min"]),
        (tonight(Verdict.MISSED), ["✖ MISSED"]),
        (ready(), ["✔ READY", "2 h 47 min before the deadline", "/var/lib/predawn/published/"]),
        (tonight(Verdict.IDLE, deadline_at=None, stages=(), job=None, prediction=None, slack_s=None), ["○ IDLE"]),
    ]
    async with app.run_test(size=SMALL):
        for night, words in nights:
            operations.serve(snapshot(night))
            await shows(app, *words)


@pytest.mark.parametrize("size", [SMALL, WIDE, TINY])
async def test_the_important_things_show_at_every_size(size: tuple[int, int]) -> None:
    app = make_app(FakeOperations())
    async with app.run_test(size=size):
        stages = [stage.stage.value for stage in running_stages()]
        names = [one.service for one in services()]
        await shows(app, "ON TRACK", "06:00 IST", "P90", "03:12:30", "daemon", "help", *stages, *names)
        await shows(app, ":5000", ":5001", ":8103", "5 queued", "1 processing", "00000001")


async def test_wide_terminals_get_two_columns_and_what_is_next() -> None:
    app = make_app(FakeOperations())
    async with app.run_test(size=WIDE):
        drawn = await shows(app, "Next", "Sun 22 Nov 03:00", "┃ deadline")
        assert any("Stages" in line and "Services" in line for line in drawn.splitlines())


async def test_the_layout_follows_the_terminal() -> None:
    app = make_app(FakeOperations())
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.resize_terminal(*WIDE)
        await shows(app, "Next", "┃ deadline")
        await pilot.resize_terminal(*TINY)
        drawn = await shows(app, "ON TRACK", "orchestrator")
        assert "Next" not in drawn


async def test_stages_follow_the_snapshots() -> None:
    operations = FakeOperations()
    app = make_app(operations)
    async with app.run_test(size=SMALL):
        await shows(app, "manim      running  static-cards", "revideo    waiting")
        operations.serve(snapshot(tonight(stages=done_stages())))
        await shows(app, "manim      done     static-cards     ▼", "revideo    done     revideo-api", "upload     done")


async def test_running_times_and_the_clock_move_without_a_snapshot() -> None:
    clock = FakeClock()
    operations = FakeOperations()
    app = make_app(operations, clock=clock)
    async with app.run_test(size=SMALL):
        await shows(app, "03:12:30", "1m34s")
        taken = operations.snapshots_taken
        clock.move(2)
        await shows(app, "03:12:32", "1m36s")
        assert operations.snapshots_taken == taken


async def test_looks_do_not_overlap_and_snapshots_are_taken_only_when_something_was_written() -> None:
    operations = FakeOperations()
    app = make_app(operations)
    async with app.run_test(size=SMALL):
        await until(lambda: operations.looks > 10, "ten looks")
        assert operations.snapshots_taken == 1
        operations.serve(snapshot(ready()))
        await shows(app, "READY")
        assert operations.snapshots_taken == 2
        assert not operations.overlapped


async def test_a_slow_database_holds_up_neither_screen_nor_keys() -> None:
    operations = FakeOperations()
    operations.hold()
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "reading the database")
        await pilot.press("2")
        await until(lambda: app.current_mode == "jobs", "screen 2")
        operations.release()
        await shows(app, "00000001")


async def test_a_database_error_is_told_with_the_age_of_the_data_and_recovered_from() -> None:
    clock = FakeClock()
    operations = FakeOperations()
    app = make_app(operations, clock=clock)
    async with app.run_test(size=SMALL):
        await shows(app, "ON TRACK", "● live")
        operations.broken = RuntimeError("database is locked\x1b[2J")
        clock.move(48)
        await shows(app, "✖ database: database is locked", "showing 03:12:30", "data 48s old", "ON TRACK")
        operations.broken = None
        drawn = await shows(app, "● live")
        assert "database is locked" not in drawn


async def test_a_database_that_is_not_there_at_the_start_is_waited_for() -> None:
    operations = FakeOperations(broken=OSError("unable to open database file"))
    app = make_app(operations)
    async with app.run_test(size=SMALL):
        await shows(app, "unable to open database file", "nothing to show yet")
        operations.broken = None
        await shows(app, "ON TRACK")


async def test_the_confirm_dialog_opens_on_cancel_and_escape_changes_nothing() -> None:
    operations = FakeOperations()
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "00000001")
        await pilot.press("c")
        await shows(app, "Stop this job?", "00000001 · daily_ca · processing · 43 %", "within 2 seconds")
        assert isinstance(app.focused, Button)
        assert app.focused.id == "cancel"
        await pilot.press("escape")
        await until(lambda: not isinstance(app.screen, ConfirmScreen), "the dialog closes")
        await pilot.press("c")
        await shows(app, "Stop this job?")
        await pilot.press("enter")  # on Cancel
        await until(lambda: not isinstance(app.screen, ConfirmScreen), "the dialog closes")
        assert operations.commands == []


@pytest.mark.parametrize(
    ("status", "key", "command", "says"),
    [
        (JobStatus.PROCESSING, "c", "cancel", "was asked to stop"),
        (JobStatus.FAILED, "r", "retry", "is queued again"),
        (JobStatus.COMPLETED, "R", "rerender", "to be made anew"),
    ],
)
async def test_confirming_does_it_in_the_readers_name(status: JobStatus, key: str, command: str, says: str) -> None:
    operations = FakeOperations(snapshot(jobs=[job(status=status)]))
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "00000001")
        await pilot.press(key)
        await shows(app, "this job?")
        await pilot.press("right", "enter")
        await shows(app, says)
        assert operations.commands == [(command, job().id, ACTOR)]


async def test_what_cannot_be_done_is_said_without_asking() -> None:
    operations = FakeOperations(snapshot(jobs=[job(status=JobStatus.COMPLETED)]))
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "00000001")
        await pilot.press("c")
        await shows(app, "✖ stop: job 00000001 is completed; it must be")
        await pilot.press("escape")
        await until(lambda: "it must be" not in screen_text(app), "escape puts the notice away")


async def test_a_refused_command_is_told() -> None:
    operations = FakeOperations(refuses=InvalidError("job 00000001 has ended meanwhile"))
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "00000001")
        await pilot.press("c")
        await shows(app, "Stop this job?")
        await pilot.press("right", "enter")
        await shows(app, "✖ job 00000001 has ended meanwhile")


async def test_the_cursor_stays_on_its_job_while_jobs_come_and_go() -> None:
    first = snapshot()
    operations = FakeOperations(first)
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "00000001")
        await pilot.press("2")
        await shows(app, "▸ ◐ processing 00000001")
        await pilot.press("down", "j")
        await shows(app, "▸ ▲ failed     00000065")
        operations.serve(snapshot(jobs=[job(7777, JobStatus.QUEUED), *first.jobs]))
        await shows(app, "00001e61", "▸ ▲ failed     00000065")
        operations.serve(snapshot(jobs=[one for one in first.jobs if not one.id.startswith("00000065")]))
        await until(lambda: "00000065" not in screen_text(app), "the job goes")
        assert screen_text(app).count("▸") == 1
        await pilot.press("G")
        await shows(app, f"▸ ✖ failed     {first.jobs[-1].id[:8]}")
        await pilot.press("g")
        await shows(app, "▸ ◐ processing 00000001")


async def test_the_detail_shows_attempts_and_scrolls_to_the_end_of_a_long_payload() -> None:
    long = {"brief": {"text": "words and " * 2000}, "z": "THE VERY END"}
    operations = FakeOperations(snapshot(jobs=[job(payload=long)]))
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "00000001")
        await pilot.press("2", "enter")
        drawn = await shows(
            app, "daily_ca  00000001-aaaa", "Attempts (8)", "manim-api      ✖ failed    30s  4x     ·╍╍"
        )
        assert "THE VERY END" not in drawn
        await pilot.press("pagedown")
        await shows(app, "try 4", "UNAVAILABLE: connection refused")
        await pilot.press("end")
        await shows(app, "THE VERY END")
        await pilot.press("home")
        await shows(app, "Attempts (8)")
        await pilot.press("escape")
        await until(lambda: not isinstance(app.screen, DetailScreen), "back to the list")


async def test_the_detail_follows_its_job_and_keeps_its_place() -> None:
    payload = {"text": "line " * 2000}
    operations = FakeOperations(snapshot(jobs=[job(payload=payload)]))
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "00000001")
        await pilot.press("enter")
        await shows(app, "Attempts")
        await pilot.press("pagedown", "pagedown")
        top = app.screen.query_one(TextView).scroll_offset.y
        assert top > 0
        error = JobError("no answer", FailureClass.TIMEOUT, NOW)
        operations.serve(snapshot(jobs=[job(status=JobStatus.FAILED, payload=payload, error=error)]))
        await shows(app, "✖ failed")
        assert app.screen.query_one(TextView).scroll_offset.y == top


async def test_a_job_that_is_gone_is_said_to_be_gone() -> None:
    operations = FakeOperations()
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "00000001")
        await pilot.press("enter")
        await shows(app, "Attempts")
        operations.serve(snapshot(jobs=[]))
        await shows(app, "no job 00000001")


async def test_hostile_text_is_only_text() -> None:
    error = JobError(HOSTILE, FailureClass.UNKNOWN, NOW, stage=HOSTILE, provider=HOSTILE, stack=HOSTILE)
    bad = job(
        1, JobStatus.FAILED, job_type=HOSTILE, error=error, reason=HOSTILE, lease_owner=HOSTILE,
        payload={HOSTILE: [HOSTILE], "video_url": HOSTILE},
    )  # fmt: skip
    sick = tuple(
        replace(one, service=HOSTILE, last_probe=replace(one.last_probe, error=HOSTILE) if one.last_probe else None)
        for one in services()
    )
    stages = tuple(replace(one, provider=HOSTILE) for one in running_stages())
    night = tonight(note=HOSTILE, stages=stages, job=bad)
    app = make_app(FakeOperations(snapshot(night, jobs=[bad], services=sick)), notice=HOSTILE)
    async with app.run_test(size=WIDE) as pilot:
        seen = [await shows(app, "[bold red]evil[/]")]
        for key in ("2", "enter", "end", "escape", "r", "escape", "3"):
            await pilot.press(key)
            await pilot.pause()
            seen.append(screen_text(app))
        drawn = "".join(seen)
        assert not {one for one in drawn if ord(one) < 32 and one != "\n"}
        assert not set(drawn) & set("\x7f\x9b\u202e")
        assert "[@click=app.quit]x[/]" in drawn


async def test_schedules_can_be_run_paused_and_resumed() -> None:
    operations = FakeOperations()
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("3")
        await shows(app, "● active  nightly", "◐ paused  weekly", "06:00 IST", "skipped")
        for keys, asks, says in (
            (("r",), "Run this schedule now?", "is queued"),
            (("p",), "Pause this schedule?", "schedule nightly is paused"),
            (("down", "p"), "Resume this schedule?", "schedule weekly is active again"),
        ):
            await pilot.press(*keys)
            await shows(app, asks)
            await pilot.press("right", "enter")
            await shows(app, says)
        assert [one[:2] for one in operations.commands] == [
            ("run", "nightly"),
            ("pause", "nightly"),
            ("resume", "weekly"),
        ]
        assert {one[2] for one in operations.commands} == {ACTOR}


async def test_help_comes_from_the_keys_and_closes() -> None:
    app = make_app(FakeOperations())
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("question_mark")
        await shows(app, "Everywhere", "Find a command by name", "esc closes")
        await pilot.press("escape")
        await until(lambda: "esc closes" not in screen_text(app), "help closes")


async def test_the_palette_finds_and_runs_our_commands() -> None:
    operations = FakeOperations()
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "00000001")
        await pilot.press("colon")
        await shows(app, "Commands", "Cancel the job")
        await pilot.press(*"schedule")
        await shows(app, "▸ Schedule     3")
        await pilot.press("enter")
        await until(lambda: app.current_mode == "schedule", "the palette goes to the screen")
        await pilot.press("1", "ctrl+p")
        await pilot.press(*"cancel")
        await shows(app, "▸ Cancel")
        await pilot.press("enter")
        await shows(app, "Stop this job?")


async def test_announcements_come_from_any_thread() -> None:
    app = make_app(FakeOperations())
    app.announce("said before the start")
    async with app.run_test(size=SMALL):
        await shows(app, "✔ said before the start")
        await asyncio.to_thread(app.announce, "video ready: /srv/video.mp4")
        await shows(app, "✔ video ready: /srv/video.mp4")


async def test_a_dead_daemon_is_told() -> None:
    app = make_app(FakeOperations(snapshot(daemon=daemon(alive=False))))
    async with app.run_test(size=SMALL):
        await shows(app, "✖ daemon dead 7m", "ON TRACK")


async def test_ascii_signs_draw_no_box_and_no_dot() -> None:
    app = make_app(FakeOperations(), settings=Options(ascii=True))
    async with app.run_test(size=SMALL) as pilot:
        drawn = await shows(app, "* ON TRACK", "x manim")
        assert drawn.isascii(), sorted({one for one in drawn if not one.isascii()})
        await pilot.press("c")
        assert (await shows(app, "Stop this job?")).replace("·", "").isascii()


async def test_q_ends_the_console() -> None:
    app = make_app(FakeOperations())
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("q")
        await until(lambda: not app.is_running, "the app ends")
    assert app.return_code == 0
