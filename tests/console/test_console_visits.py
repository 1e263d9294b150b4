"""The brief on attach, the export of a view, and skipping a date."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from console_world import screen_text
from screens_world import OPERATOR, VIEWER, Installation
from test_console_past import Night
from test_console_screens import shows
from textual import events
from textual.pilot import Pilot

from console.bootstrap.web import command_of
from console.tui.export import KINDS, ExportError, check, write
from scheduler.brief import morning_brief, new_failures
from scheduler.domain.access import Role
from scheduler.domain.failure import FailureRecord
from scheduler.domain.fingerprint import FailureGroup, fingerprint
from scheduler.domain.recording import MarkKind
from scheduler.domain.render import Attempt
from scheduler.ports.operations import Actor

BOB = Actor("bob", "cli", Role.OPERATOR)


async def test_who_comes_back_is_told_what_has_happened(tmp_path: Path) -> None:
    night = Night(tmp_path)
    try:
        here = night.here
        here.clock.step(-700)
        here.store.seen("ann")
        here.clock.step(700)
        here.operations.pause_schedule("nightly", paused=True, actor=BOB)
        async with here.app().run_test(size=(100, 40)) as pilot:
            seen = await shows(pilot, "Since you left")
            assert "manim falls back to static-cards" in seen
            assert "TIMEOUT manim by manim-api" in seen
            assert "schedule.pause nightly" in seen
            assert "job.priority" not in seen  # ann's own
            await pilot.press("escape")
            await shows(pilot, "1 Tonight")
            assert here.store.last_seen("ann") == here.clock.now()
            await pilot.press("B")
            await shows(pilot, "Since you left")
    finally:
        night.close()


async def test_who_was_not_away_or_was_never_here_is_not_bothered(tmp_path: Path) -> None:
    here = Installation(tmp_path)
    async with here.app().run_test(size=(100, 40)) as pilot:
        await shows(pilot, "live")
        for _ in range(100):
            await pilot.pause(0.02)
            if here.store.last_seen("ann") is not None:
                break
        assert here.store.last_seen("ann") is not None
        assert "Since you left" not in screen_text(pilot.app)


def test_only_failures_that_are_new_are_told(tmp_path: Path) -> None:
    here = Installation(tmp_path)
    here.calls(3)
    here.clock.advance(3600)
    since = here.clock.now()
    here.clock.advance(60)
    here.calls(3)
    here.clock.advance(60)
    assert new_failures(here.operations.recent_attempts(), since) == ()
    [new] = new_failures(here.operations.recent_attempts(), since - timedelta(hours=2))
    assert (new.kind, new.stage, new.provider, new.count) == ("TIMEOUT", "manim", "manim-api", 2)
    known = here.operations.recent_attempts()[-3:]
    assert [one.count for one in new_failures(known, since)] == [1]
    assert new_failures(known, since, [failure_group(known[-1], since - timedelta(days=3))]) == ()
    brief = morning_brief(here.operations, since=since, now=here.clock.now(), reader="ann")
    assert not brief.recorded
    assert not brief


def test_the_brief_reads_marks_commands_and_leaves_out_the_readers_own(tmp_path: Path) -> None:
    night = Night(tmp_path)
    try:
        operations = night.here.operations
        brief = morning_brief(operations, since=night.now - timedelta(seconds=599), now=night.now, reader="ann")
        assert [mark.kind for mark in brief.marks if mark.kind is MarkKind.FALLBACK] == [MarkKind.FALLBACK]
        assert brief.commands == ()
        everyone = morning_brief(operations, since=night.now - timedelta(seconds=599), now=night.now, reader="")
        assert [line.entry.command for line in everyone.commands] == ["job.priority"]
    finally:
        night.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_view_is_written_as_text_json_and_svg(tmp_path: Path, kind: str) -> None:
    here = Installation(tmp_path)
    here.probes()
    target = tmp_path / f"view{kind}"
    async with here.app().run_test(size=(100, 40)) as pilot:
        await pilot.press("4")
        await shows(pilot, "what changed")
        await pilot.press("E")
        await shows(pilot, "Write this view into a file")
        await retype(pilot, str(target))
        await pilot.press("enter")
        await shows(pilot, "written: ")
    text = target.read_text()
    assert target.stat().st_mode & 0o777 == 0o600
    match kind:
        case ".txt":
            assert "what changed" in text
        case ".json":
            document = json.loads(text)
            assert document["snapshot"]["services"][0]["service"] == "manim"
            assert any("what changed" in line for line in document["lines"])
        case _:
            assert text.lstrip().startswith("<svg")


async def retype(pilot: Pilot[None], text: str) -> None:
    """Put another text into the line that is being typed, pasted."""
    await pilot.press("end", "ctrl+u")
    pilot.app.post_message(events.Paste(text))
    await pilot.pause()


def test_an_export_never_overwrites_and_says_what_is_wrong(tmp_path: Path) -> None:
    there = tmp_path / "a.txt"
    there.write_text("mine")
    assert check(str(there)) == f"{there} is there already: another name"
    assert check(str(tmp_path / "none" / "a.txt")) == f"there is no folder {tmp_path / 'none'}"
    assert check("a.doc") == "the name must end in .txt, .json, .svg"
    assert check(str(tmp_path / "b.svg")) is None
    with pytest.raises(ExportError, match="cannot be written"):
        write(str(there), "theirs")
    assert there.read_text() == "mine"


async def test_a_date_is_skipped_and_owed_again_by_key(tmp_path: Path) -> None:
    here = Installation(tmp_path)
    async with here.app().run_test(size=(100, 40)) as pilot:
        await pilot.press("3")
        await shows(pilot, "missed")  # the nights of the schedule
        await pilot.press("s")
        await shows(pilot, "Skip which date?")
        await retype(pilot, "tomorrow")
        await pilot.press("enter")
        await shows(pilot, "is no date")
        await retype(pilot, "2026-11-25")
        await pilot.press("enter")
        await shows(pilot, "Skip this date?")
        await pilot.press("right", "enter")
        await shows(pilot, "skips Wed 25 Nov")
        assert [str(day) for day in here.operations.schedules()[0].skip_dates] == ["2026-11-25"]
        await pilot.press("s")
        await shows(pilot, "Skip which date?")
        await retype(pilot, "2026-11-25")
        await pilot.press("enter")
        await shows(pilot, "Owe this date again?")
        await pilot.click("#confirm")
        await shows(pilot, "owes Wed 25 Nov again")
    assert here.operations.schedules()[0].skip_dates == ()
    commands = [line.entry.command for line in here.operations.audit().items]
    assert commands == ["schedule.unskip", "schedule.skip"]


async def test_a_viewer_is_told_before_being_asked_twice(tmp_path: Path) -> None:
    here = Installation(tmp_path)
    async with here.app(VIEWER).run_test(size=(100, 40)) as pilot:
        await pilot.press("3", "s")
        await shows(pilot, "Skip which date?")
        await pilot.press("enter")
        await shows(pilot, "needs the role operator")


def test_the_browser_runs_this_very_console_and_hides_the_databases_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREDAWN_DATABASE_URL", "")
    command = command_of(
        config_file=tmp_path / "a b.toml", home=tmp_path, database_url="postgresql://ann:secret@db/predawn"
    )
    assert command.endswith("console")
    assert f"'{tmp_path}/a b.toml'" in command
    assert "secret" not in command


assert OPERATOR


def failure_group(call: Attempt, first_at: datetime) -> FailureGroup:
    """The same failure, as the renders of earlier nights had it."""
    assert call.error_class is not None
    message = call.error_message or ""
    record = FailureRecord("r", call.error_class, message, call.stage, call.provider, retryable=True)
    mark, provider = fingerprint(record), call.provider
    return FailureGroup(mark, call.error_class, call.stage, provider, message, 4, first_at, call.started_at, "j")
