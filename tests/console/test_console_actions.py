"""Commands on one job and on many: who may, what is asked and told, undoing, and what it means for tonight."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from console_world import (
    ACTOR,
    DEADLINE,
    NOW,
    ZONE,
    FakeClock,
    FakeOperations,
    Options,
    job,
    make_app,
    screen_text,
    snapshot,
)
from test_console_app import SMALL, shows, until
from test_console_joblist import many
from textual.widgets import Button, Input

from console.tui.effect import change_of, effect_of_jobs
from console.tui.jobactions import JOB_ACTIONS, refusal, stepped
from console.tui.screens.bulk import BulkScreen
from scheduler.domain.access import Role
from scheduler.domain.deadline import Prediction
from scheduler.domain.job import Job, JobStatus, Priority
from scheduler.domain.whatif import Foretold
from scheduler.ports.operations import Actor, InvalidError


def queued(count: int, **more: object) -> tuple[Job, ...]:
    return tuple(replace(one, status=JobStatus.QUEUED, **more) for one in many(count))


@pytest.mark.parametrize("key", ["c", "r", "R", "plus", "minus"])
async def test_a_viewer_is_told_and_not_asked(key: str) -> None:
    operations = FakeOperations(snapshot(jobs=queued(3)))
    app = make_app(operations, actor=Actor("eve", "tui", Role.VIEWER))
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(app, "3 jobs")
        await pilot.press(key)
        await shows(app, "needs the role operator, you are viewer")
        assert operations.commands == []


async def test_what_takes_something_away_is_armed_first_where_the_config_wants_it() -> None:
    clock = FakeClock()
    operations = FakeOperations(snapshot(jobs=queued(3)))
    app = make_app(operations, clock=clock, settings=Options(arm=True))
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(app, "3 jobs")
        await pilot.press("c")
        await shows(app, "arm it first with !")
        await pilot.press("exclamation_mark")
        await shows(app, "armed for 30 seconds", "armed 30s")
        await pilot.press("c")
        await shows(app, "Stop this job?")
        await pilot.press("escape")
        clock.move(31)
        await pilot.press("c")
        await shows(app, "arm it first with !")


async def test_the_priority_goes_up_and_down_and_is_undone() -> None:
    operations = FakeOperations(snapshot(jobs=queued(1, priority=Priority.NORMAL)))
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(app, "1 job")
        await pilot.press("plus")
        await shows(app, "Raise the priority of this job?", "normal becomes high", "Tonight's finish stays")
        await pilot.press("right", "enter")
        await shows(app, "has high priority", "u undoes it")
        await pilot.press("u")
        await shows(app, "has normal priority")
        assert [one[0] for one in operations.commands] == ["priority", "priority"]
        await pilot.press("u")
        await shows(app, "there is nothing to undo")


async def test_an_undo_comes_too_late_after_a_minute() -> None:
    clock = FakeClock()
    operations = FakeOperations(snapshot(jobs=queued(1, priority=Priority.NORMAL)))
    app = make_app(operations, clock=clock)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2", "minus")
        await shows(app, "Lower the priority of this job?")
        await pilot.press("right", "enter")
        await shows(app, "u undoes it")
        clock.move(61)
        await pilot.press("u")
        await shows(app, "there is nothing to undo")
        assert len(operations.commands) == 1


async def test_marked_jobs_are_asked_for_together_with_who_can_be_and_who_not() -> None:
    jobs = many(12)  # queued, failed and completed in turn
    operations = FakeOperations(snapshot(jobs=jobs))
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(app, "12 jobs")
        await pilot.press(*["space"] * 6)
        await shows(app, "6 marked")
        await pilot.press("r")
        await shows(app, "Retry 2 jobs?", "2 can be, 4 cannot (completed, queued)", "Tonight's finish")
        assert isinstance(app.focused, Button)
        assert app.focused.id == "cancel"
        await pilot.press("enter")
        await until(lambda: not isinstance(app.screen, BulkScreen), "cancel closes it")
        assert operations.commands == []
        await pilot.press("r")
        await shows(app, "Retry 2 jobs?")
        await pilot.press("right", "enter")
        await shows(app, "2 of 2", "done", "is queued again")
        assert {(name, actor) for name, _, actor in operations.commands} == {("retry", ACTOR)}
        await pilot.press("enter")
        await shows(app, "2 of 2 done")


async def test_above_twenty_the_number_is_typed_and_the_ids_are_frozen() -> None:
    jobs = queued(30)
    operations = FakeOperations(snapshot(jobs=jobs))
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(app, "30 jobs")
        await pilot.press("asterisk", "c")
        await shows(app, "Stop 30 jobs?", "type 30 to go on")
        assert app.screen.query_one("#confirm", Button).disabled
        operations.serve(snapshot(jobs=(*jobs, *(replace(one, status=JobStatus.QUEUED) for one in many(5, 30_000)))))
        app.screen.query_one(Input).focus()
        await pilot.press(*"31", "enter")
        assert app.screen.query_one("#confirm", Button).disabled
        await pilot.press("backspace", *"0", "enter", "enter")
        await shows(app, "30 of 30", "done")
        assert {target for _, target, _ in operations.commands} == {one.id for one in jobs}
        await pilot.press("enter", "u")
        await shows(app, "30 of 30 taken back")
        assert [name for name, _, _ in operations.commands].count("retry") == 30


async def test_what_is_refused_is_told_of_each() -> None:
    operations = FakeOperations(snapshot(jobs=queued(3)), refuses=InvalidError("it has ended meanwhile"))
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(app, "3 jobs")
        await pilot.press("asterisk", "c")
        await shows(app, "Stop 3 jobs?")
        await pilot.click("#confirm")
        await shows(app, "3 refused", "✖ it has ended meanwhile")
        await pilot.press("escape")
        await shows(app, "✖ 0 of 3 done, 3 refused")


async def test_when_none_can_be_nothing_is_asked() -> None:
    app = make_app(FakeOperations(snapshot(jobs=queued(3))))
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(app, "3 jobs")
        await pilot.press("asterisk", "r")
        await shows(app, "none of the 3 jobs can be")
        assert "retry" not in [one for one in screen_text(app).split() if one == "Retry"]


MINE = job(1, JobStatus.QUEUED, progress=0.0, stage=None)
P90 = NOW + timedelta(minutes=30)


def foretold(minutes: float | None) -> Foretold:
    """P90 in half an hour, and so many minutes later with the change."""
    if minutes is None:
        return Foretold(deadline_at=DEADLINE, timezone=ZONE)
    after = P90 + timedelta(minutes=minutes)
    return Foretold(Prediction(NOW, P90), Prediction(NOW, after), DEADLINE, ZONE)


@pytest.mark.parametrize(
    ("action", "jobs", "told", "says"),
    [
        ("cancel", (MINE,), foretold(0), "THIS IS TONIGHT'S JOB: without it there will be no video at the deadline."),
        ("retry", (MINE,), foretold(0), "goes on from the stages that are kept"),
        ("lower", (MINE,), foretold(20), "This is tonight's job. Tonight's finish: P90 03:42 -> 04:02, 20 min later."),
        ("cancel", queued(3), foretold(0.5), "Tonight's finish stays: P90 03:42."),
        ("cancel", queued(3), foretold(-30), "P90 03:42 -> 03:12, 30 min earlier."),
        ("raise", queued(3), foretold(170), "2 h 50 min later. That is AFTER the deadline."),
        ("cancel", queued(3), foretold(None), "Tonight's finish is not touched"),
    ],
)
def test_the_effect_on_tonight_is_told_before(action: str, jobs: tuple[Job, ...], told: Foretold, says: str) -> None:
    assert says in (effect_of_jobs(action, jobs, MINE, told, NOW) or "")


def test_without_a_deadline_nothing_is_said_of_tonight() -> None:
    assert effect_of_jobs("cancel", queued(1), None, Foretold(), NOW) is None


@pytest.mark.parametrize(
    ("action", "jobs", "queue", "priority"),
    [
        ("cancel", queued(3, priority=Priority.HIGH), [("queued", "high", -3)], None),
        ("cancel", (job(7),), [("processing", "high", -1)], None),
        ("cancel", (job(7, JobStatus.FAILED),), [], None),
        ("retry", (job(7, JobStatus.FAILED),), [("queued", "high", 1)], None),
        (
            "lower",
            (*queued(2, priority=Priority.HIGH), MINE),
            [("queued", "high", -2), ("queued", "normal", 2)],
            Priority.NORMAL,
        ),
        ("raise", queued(2, priority=Priority.HIGH), [], None),
    ],
)
def test_what_a_command_changes_about_the_queue_is_asked_of_the_predictor(
    action: str, jobs: tuple[Job, ...], queue: list[tuple[str, str, int]], priority: Priority | None
) -> None:
    change = change_of(action, jobs, MINE)
    assert [(part.status.value, part.priority.value, part.count) for part in change.queue] == queue
    assert change.priority is priority


def test_every_action_says_what_it_does_to_a_job_it_can_be_done_to() -> None:
    for name, action in JOB_ACTIONS.items():
        for status in JobStatus:
            one = job(5, status, priority=Priority.NORMAL, retry_at=NOW)
            if refusal(name, one) is None:
                assert action.effect(one)
            else:
                assert status not in action.sources or name == "cancel"
    assert stepped(Priority.HIGH, -1) is None
    assert stepped(Priority.LOW, 1) is None
