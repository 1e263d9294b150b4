"""The list of jobs: its window over pages, its filter, orders, views and marks."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from console_world import NOW, FakeOperations, job, make_app, screen_text, snapshot
from hypothesis import given, settings
from hypothesis import strategies as st
from test_console_app import SMALL, shows, until
from textual import events

from console.tui.joblist import pages
from console.tui.joblist.pages import Query, order_key, read
from console.tui.joblist.window import JobWindow
from console.tui.savedviews import SavedViews
from console.tui.screens.help import HelpScreen
from console.tui.widgets.filterbar import completed, hint
from console.tui.widgets.jobtable import JobTable
from scheduler.domain.filter import Field, JobSort
from scheduler.domain.job import Job, JobStatus, Priority

ZONE = "Asia/Kolkata"


def many(count: int, first: int = 10_000) -> tuple[Job, ...]:
    """Jobs with growing ``seq``, every third failed."""
    statuses = (JobStatus.QUEUED, JobStatus.FAILED, JobStatus.COMPLETED)
    priorities = tuple(Priority)
    return tuple(
        replace(
            job(n, statuses[n % 3], priority=priorities[n % 2], progress=0.0, stage=None, retry_at=None),
            seq=n,
            created_at=NOW - timedelta(seconds=first + count - n),
        )
        for n in range(first, first + count)
    )


class World:
    """A window and the operations it reads from."""

    def __init__(self, jobs: tuple[Job, ...], query: Query | None = None, height: int = 10) -> None:
        self.operations = FakeOperations(snapshot(jobs=jobs))
        self.window = JobWindow(query)
        self.window.resize(height)
        self.window.take(read(self.operations, self.window.first()))

    def settle(self) -> None:
        """Read what is wanted until nothing is."""
        last = None
        while (load := self.window.wanted()) is not None and load != last:
            assert self.window.take(read(self.operations, load))
            last = load

    def serve(self, jobs: tuple[Job, ...]) -> None:
        self.operations.serve(snapshot(jobs=jobs))
        assert self.window.take(read(self.operations, self.window.again()))
        self.settle()

    def listed(self) -> list[Job]:
        """All jobs in the window's order."""
        return sorted(self.operations.current.jobs, key=lambda one: order_key(one, self.window.query.sort))


@pytest.mark.parametrize("sort", list(JobSort))
def test_walking_through_the_list_meets_every_job_in_its_order(sort: JobSort) -> None:
    world = World(many(300), Query(sort=sort))
    seen: list[Job] = []
    while True:
        assert world.window.selected is not None
        seen.append(world.window.selected)
        if not world.window.move(1):
            break
        world.settle()
    assert seen == world.listed()
    assert world.window.cursor == 299
    back = [world.window.selected]
    while world.window.move(-1):
        world.settle()
        back.append(world.window.selected)
    assert back == seen[::-1]
    assert len(world.window.rows) < 300 or sort is JobSort.PRIORITY


def test_the_end_is_reached_at_once_and_counted_from_there() -> None:
    world = World(many(5000))
    world.window.take(read(world.operations, world.window.last()))
    world.settle()
    assert world.window.selected == world.listed()[-1]
    assert world.window.cursor == 4999
    assert len(world.window.rows) < 100
    world.window.take(read(world.operations, world.window.first()))
    assert world.window.selected == world.listed()[0]


def test_the_cursor_and_its_line_stay_while_jobs_come_in_above() -> None:
    jobs = many(400)
    world = World(jobs)
    for _ in range(100):
        world.window.move(1)
        world.settle()
    chosen, line = world.window.selected, world.window.cursor - world.window.top
    world.serve((*jobs, *many(37, 20_000)))
    assert world.window.selected == chosen
    assert world.window.cursor - world.window.top == line
    assert world.window.cursor == 137
    world.serve((*jobs, *many(900, 20_000)))
    assert world.window.selected == chosen
    assert world.window.cursor == 1000


def test_the_next_job_takes_the_place_of_one_that_has_gone() -> None:
    jobs = many(60)
    world = World(jobs)
    world.window.move(20)
    gone = world.window.selected
    assert gone is not None
    following = world.listed()[21]
    world.serve(tuple(one for one in jobs if one != gone))
    assert world.window.selected == following


def test_a_list_that_becomes_empty_and_fills_again() -> None:
    world = World(many(30))
    world.window.move(5)
    world.serve(())
    assert world.window.selected is None
    assert world.window.number == 0
    world.serve(many(3))
    assert world.window.selected == world.listed()[0]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_happens_the_cursor_is_on_the_job_it_was_on(data: st.DataObject) -> None:
    jobs = {one.seq: one for one in many(120)}
    world = World(tuple(jobs.values()), height=data.draw(st.integers(1, 20), "height"))
    fresh = 20_000
    for _ in range(data.draw(st.integers(1, 12), "steps")):
        match data.draw(st.sampled_from(["move", "add", "drop", "scroll", "resize"])):
            case "move":
                world.window.move(data.draw(st.integers(-15, 15)))
            case "scroll":
                world.window.scroll(data.draw(st.integers(-15, 15)))
            case "resize":
                world.window.resize(data.draw(st.integers(1, 20)))
            case "add":
                added = data.draw(st.integers(1, 60))
                jobs |= {one.seq: one for one in many(added, fresh)}
                fresh += added
            case _:
                for seq in data.draw(st.lists(st.sampled_from(sorted(jobs)), max_size=20)):
                    jobs.pop(seq, None)
        world.settle()
        before = world.window.selected
        world.serve(tuple(jobs.values()))
        after, window = world.window.selected, world.window
        if before is not None and before.seq in jobs:
            assert after == before
        assert (after is None) is (not jobs)
        assert window.top <= window.cursor < window.top + window.height
        in_sight = [window.row(n) for n in range(window.top, min(window.top + window.height, window.number))]
        assert None not in in_sight
        if window.start == 0 or window.at_end:
            listed = world.listed()
            assert in_sight == listed[window.top : window.top + window.height]


@pytest.mark.parametrize(
    ("text", "problem", "place", "offered"),
    [
        ("", None, 0, ()),
        ("status:failed", None, 0, ("failed",)),
        ("status:faild", "unknown status 'faild', did you mean 'failed'?", 7, ()),
        ("sta", None, 0, ("status:", )),
        ("type:d", None, 0, ("daily_ca", "doubt")),
        ('error:"timed', "the quote that opens here does not end", 6, ()),
    ],
)  # fmt: skip
def test_a_filter_is_hinted_at_while_it_is_typed(
    text: str, problem: str | None, place: int, offered: tuple[str, ...]
) -> None:
    known = {field: ["daily_ca", "doubt"] for field in hint_fields()}
    said = hint(text, len(text), now=NOW, timezone=ZONE, known=known)
    assert (said.problem, said.place) == (problem, place)
    assert said.offered[: len(offered)] == offered


def hint_fields() -> list[Field]:
    return [Field.TYPE]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("sta", "status:"),
        ("status:fa", "status:failed "),
        ("s", "status:"),
        ("nothing:", "nothing:"),
        ("pri", "priority:"),
    ],
)
def test_tab_takes_what_may_follow(text: str, after: str) -> None:
    assert completed(text, len(text))[0].startswith(after.rstrip()) or completed(text, len(text))[0] == after


async def test_the_list_follows_the_filter_as_it_is_typed_and_escape_puts_it_back() -> None:
    operations = FakeOperations(snapshot(jobs=many(300)))
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(app, "300 jobs  row 1", "newest first")
        await pilot.press("slash", *"status:fa")
        await shows(app, "tab failed", "unknown status")
        assert "300 jobs" in screen_text(app), "a filter that cannot be read leaves the list"
        await pilot.press("tab")
        await shows(app, "filter status:failed  100 jobs")
        await pilot.press("enter")
        await until(lambda: isinstance(app.focused, JobTable), "the list has the keys again")
        await pilot.press("slash", *"x", "escape")
        await shows(app, "filter status:failed  100 jobs")
        await pilot.press("escape")
        await shows(app, "300 jobs  row 1")


@pytest.mark.parametrize("leaving", ["enter", "escape"])
async def test_keys_typed_quickly_after_the_filter_are_for_the_list(leaving: str) -> None:
    app = make_app(FakeOperations(snapshot(jobs=many(300))))
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(app, "300 jobs  row 1")
        await pilot.press("slash", *"status:queued")
        await shows(app, "filter status:queued  100 jobs")
        for key, character in ((leaving, None), ("question_mark", "?")):
            app.post_message(events.Key(key, character))  # at once, as a quick hand over a slow line sends them
        await until(lambda: isinstance(app.screen, HelpScreen), "the key after it was heard")


async def test_the_order_changes_by_key() -> None:
    jobs = many(300)
    app = make_app(FakeOperations(snapshot(jobs=jobs)))
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(
            app, "newest first", f"▸ {'●'} completed" if jobs[-1].status is JobStatus.COMPLETED else jobs[-1].id[:8]
        )
        await pilot.press("o")
        await shows(app, "oldest first", jobs[0].id[:8])
        await pilot.press("G")
        await shows(app, "row 300", jobs[-1].id[:8])
        await pilot.press("o")
        await shows(app, "as they will be claimed")


async def test_marks_stay_while_the_list_changes_and_escape_takes_them_away() -> None:
    operations = FakeOperations(snapshot(jobs=many(50)))
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(app, "50 jobs")
        await pilot.press("space", "space", "down", "space")
        await shows(app, "3 marked", "■")
        operations.serve(snapshot(jobs=(*many(50), *many(5, 30_000))))
        await shows(app, "55 jobs", "3 marked")
        await pilot.press("slash", *"status:completed", "enter")
        await shows(app, "3 marked", "filter status:completed")
        await pilot.press("escape")
        await until(lambda: "marked" not in screen_text(app), "the marks go first")
        await pilot.press("asterisk")
        await shows(app, "all 18 marked")


async def test_the_mouse_wheel_scrolls_and_a_click_selects() -> None:
    app = make_app(FakeOperations(snapshot(jobs=many(200))))
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(app, "200 jobs  row 1")
        table = app.screen.query_one(JobTable)
        table._wheel(_Wheel(), 3)  # pyright: ignore[reportPrivateUsage, reportArgumentType] - Pilot has no wheel
        await shows(app, "row 4")
        await pilot.click(JobTable, offset=(5, 2))
        await shows(app, "row 6")


class _Wheel:
    def stop(self) -> None: ...

    def prevent_default(self) -> None: ...


async def test_views_are_chosen_kept_and_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "views.json"
    app = make_app(FakeOperations(snapshot(jobs=many(90))), views=SavedViews(path, {"mine": "priority:high"}))
    async with app.run_test(size=SMALL) as pilot:
        await shows(app, "ON TRACK")
        await pilot.press("2")
        await shows(app, "90 jobs")
        await pilot.press("v")
        await shows(app, "Views", "failed", "status:failed", "mine", "priority:high")
        await pilot.press("down", "enter")
        await shows(app, "filter status:failed  30 jobs")
        await pilot.press("v", "s", *"bad ones", "enter")
        await shows(app, "bad ones", "yours")
        await pilot.press("escape")
    assert SavedViews(path).views()[-1].filter == "status:failed"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_kept_views_outlive_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "views.json"
    path.write_text("{not json")
    views = SavedViews(path)
    assert [one.name for one in views.views()][:2] == ["all", "failed"]
    views.keep("again", "type:doubt")
    views.drop("failed")
    assert views.views()[-1].name == "again"
    with pytest.raises(ValueError, match="1 to 40 characters"):
        views.keep("", "x")


async def test_a_list_too_long_to_be_counted_at_once_gets_its_exact_number_a_little_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "CAP", 5)
    operations = FakeOperations(snapshot(jobs=many(60)))
    app = make_app(operations)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("2", "slash", *"status:failed", "enter")
        await shows(app, "filter status:failed", "20 jobs")
