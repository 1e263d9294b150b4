"""Every action of the table does what it says, by its key and by mouse: one without a line here fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from console_world import DEADLINE, screen_text
from test_console_alerts import ALERT
from test_console_past import Night
from textual._compositor import LayoutUpdate
from textual.pilot import Pilot

from console.tui.actions import ACTIONS, BY_ID, Action
from console.tui.app import PredawnApp
from console.tui.registry import SCREENS
from console.tui.screens.base import Dialog
from console.tui.widgets.rows import RowList
from console.tui.widgets.text import TextView
from scheduler.domain.job import JobSpec
from scheduler.ports.alert_store import AlertPlan

SIZE = (116, 30)


@dataclass(frozen=True)
class Does:
    """What an action is seen to do.

    Attributes:
        shows: words that stand there afterwards, and did not before.
        on: the screen it is tried on.
        before: keys that lead to where it can be done.
        gone: words that do not stand there any more.
        seen: what else can be seen of it.
    """

    shows: str = ""
    on: str = "tonight"
    before: tuple[str, ...] = ()
    gone: str = ""
    seen: Callable[[PredawnApp], bool] | None = None


def cursor(app: PredawnApp) -> int:
    """Which row of the list in sight is under the cursor."""
    return cast("RowList[Any]", app.screen.query_one("#rows"))._index  # pyright: ignore[reportPrivateUsage] - seen by colour alone


def scrolled(app: PredawnApp) -> int:
    return app.screen.query_one(TextView).scroll_offset.y


PAST = "PAST 03:"
DOES: dict[str, Does] = {
    **{f"screen.{one.mode}": Does(seen=lambda app, mode=one.mode: app.current_mode == mode) for one in SCREENS},
    "screen.tonight": Does(on="jobs", seen=lambda app: app.current_mode == "tonight"),
    "job.open": Does("Attempts (", on="jobs"),
    "job.cancel": Does("Stop this job?", on="jobs"),
    "job.retry": Does("retry: job", on="jobs"),
    "job.raise": Does("Raise the priority of this job?", on="jobs"),
    "job.lower": Does("Lower the priority of this job?", on="jobs"),
    "job.rerender": Does("re-render: job", on="jobs"),
    "type.pause": Does("Pause this job type?", on="jobs"),
    "detail.copy": Does("has no result to copy", on="jobs", before=("enter",)),
    "detail.copy-id": Does("the id is copied", on="jobs", before=("enter",)),
    "detail.raw": Does('"topic": "sums"', on="jobs", before=("enter",)),
    "marks.toggle": Does("1 marked", on="jobs"),
    "marks.all": Does("all 3 marked", on="jobs"),
    "jobs.filter": Does(seen=lambda app: app.focused is not None and app.focused.id == "filter-text", on="jobs"),
    "jobs.sort": Does("oldest first", on="jobs"),
    "jobs.views": Does("─ Views ─", on="jobs"),
    "schedule.run": Does("Run this schedule now?", on="schedule"),
    "schedule.skip": Does("Skip which date?", on="schedule"),
    "schedule.pause": Does("Pause this schedule?", on="schedule"),
    "service.probe": Does("probed: ", on="services"),
    "service.maintenance": Does("Take manim out", on="services"),
    "service.maintenance-end": Does("is not under maintenance", on="services"),
    "alert.ack": Does("acknowledged, no repeats", on="alerts"),
    "alert.mute": Does("Mute: manim is down", on="alerts"),
    "alert.unmute": Does("it was not muted", on="alerts"),
    "alert.test": Does("Send a test?", on="alerts"),
    "log.filter": Does("Filter the log", on="logs"),
    "log.wrap": Does("wrapped", on="logs"),
    "log.follow": Does("held", on="logs"),
    "audit.filter": Does("Filter the trail", on="audit"),
    "audit.verify": Does("the chain holds", on="audit"),
    "metrics.days": Does("last 90 days", on="metrics"),
    "list.down": Does(on="services", before=("home",), seen=lambda app: cursor(app) == 1),
    "list.up": Does(on="services", before=("end",), seen=lambda app: cursor(app) == 1),
    "list.page-down": Does(on="services", before=("home",), seen=lambda app: cursor(app) > 0),
    "list.page-up": Does(on="services", before=("end",), seen=lambda app: cursor(app) == 0),
    "list.first": Does(on="services", before=("end",), seen=lambda app: cursor(app) == 0),
    "list.last": Does(on="services", before=("home",), seen=lambda app: cursor(app) == 2),
    "text.down": Does(before=("question_mark",), seen=lambda app: scrolled(app) > 0),
    "text.up": Does(before=("question_mark", "end", "up", "up"), seen=lambda app: scrolled(app) > 0),
    "text.page-down": Does(before=("question_mark",), seen=lambda app: scrolled(app) > 1),
    "text.page-up": Does(before=("question_mark", "end"), seen=lambda app: scrolled(app) > 0),
    "text.first": Does(before=("question_mark", "end"), seen=lambda app: scrolled(app) == 0),
    "text.last": Does(before=("question_mark",), seen=lambda app: scrolled(app) > 2),
    "app.back": Does(before=("u",), gone="there is nothing to undo"),
    "app.help": Does("Everywhere"),
    "app.palette": Does("Commands"),
    "app.undo": Does("there is nothing to undo"),
    "app.arm": Does("nothing has to be armed"),
    "app.theme": Does("theme light"),
    "app.redraw": Does(seen=lambda app: any(isinstance(one, LayoutUpdate) for one in SENT)),
    "app.brief": Does("Since you left"),
    "app.export": Does("Write this view into a file"),
    "app.quit": Does(seen=lambda app: app._exit),  # pyright: ignore[reportPrivateUsage] - it ends after the test
    "past.back": Does("PAST 03:12:20"),
    "past.forward": Does("PAST 03:12:20", before=("left_square_bracket", "left_square_bracket")),
    "past.far-back": Does("PAST 03:07:30"),
    "past.far-forward": Does(gone=PAST, before=("left_square_bracket",)),
    "past.event-before": Does(PAST),
    "past.event-after": Does("nothing worth a look is recorded after", before=("left_square_bracket",)),
    "past.jump": Does("Look back"),
}
"""What each is seen to do. Commands ask: that the question comes is what is tried here; what they do, elsewhere."""

BY_MOUSE_ALONE = {"list", "text"}
"""Scopes that the palette does not offer: rows are clicked, texts are scrolled with the wheel."""
SENT: list[Any] = []


def test_every_action_of_the_table_is_tried() -> None:
    assert {one.id for one in ACTIONS} == set(DOES)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("night")
    made = Night(folder)
    made.here.store.enqueue(
        JobSpec("daily_ca", payload={"topic": "sums"}, idempotency_key="one more", deadline_at=DEADLINE)
    )
    assert made.here.store.apply_alerts(AlertPlan(alerts=(ALERT,)))
    yield made
    made.close()


async def until(app: PredawnApp, pilot: Pilot[None], does: Does, name: str) -> None:
    seen = ""
    for _ in range(300):
        seen = screen_text(app)
        if (
            (not does.shows or does.shows in seen)
            and (not does.gone or does.gone not in seen)
            and (does.seen is None or does.seen(app))
        ):
            return
        await pilot.pause(0.02)
    raise AssertionError(f"{name}: {does} was not seen:\n{seen}")


async def ready(app: PredawnApp, pilot: Pilot[None], does: Does) -> None:
    """To where it can be done; what it will show does not stand there yet."""
    SENT.clear()
    while len(app.screen_stack) > 1 or app.notice is not None or app.scrub.past is not None:
        await pilot.press("escape")
    await pilot.press("escape")
    await pilot.press(next(one.key for one in SCREENS if one.mode == does.on))
    await until(app, pilot, Does(seen=lambda app: app.current_mode == does.on and not app.screen.is_modal), "ready")
    for key in does.before:
        await pilot.press(key)
        await pilot.pause(0.05)
    if does.gone:
        await until(app, pilot, Does(does.gone), "ready")
    assert not does.shows or does.shows not in screen_text(app)


def spy(app: PredawnApp) -> None:
    """Keep what is sent to the terminal."""
    sent = app._display  # pyright: ignore[reportPrivateUsage] - what is sent is seen nowhere else

    def display(screen: Any, renderable: Any) -> None:
        SENT.append(renderable)
        sent(screen, renderable)

    app._display = display  # pyright: ignore[reportPrivateUsage] - as above


MODES = [one.mode for one in SCREENS]


def tried_on(mode: str) -> list[Action]:
    """The actions tried on a screen; the one that ends the console comes last."""
    return [one for one in ACTIONS if DOES[one.id].on == mode and one.id != "app.quit"] + (
        [BY_ID["app.quit"]] if mode == "tonight" else []
    )


@pytest.mark.parametrize("mode", MODES)
async def test_every_action_does_by_its_key_what_it_says(mode: str, night: Night) -> None:
    app = night.here.app()
    async with app.run_test(size=SIZE) as pilot:
        await until(app, pilot, Does("03:12:30"), "start")
        spy(app)
        for action in tried_on(mode):
            does = DOES[action.id]
            await ready(app, pilot, does)
            await pilot.press(action.key.split(",")[0])
            await until(app, pilot, does, action.id)


@pytest.mark.parametrize("mode", MODES)
async def test_every_action_does_by_mouse_what_it_says(mode: str, night: Night) -> None:
    app = night.here.app()
    async with app.run_test(size=SIZE) as pilot:
        await until(app, pilot, Does("03:12:30"), "start")
        spy(app)
        for action in tried_on(mode):
            if action.scope in BY_MOUSE_ALONE and action.id != "job.open":
                continue
            does = DOES[action.id]
            await ready(app, pilot, does)
            await press(app, pilot, action)
            await until(app, pilot, does, action.id)


async def press(app: PredawnApp, pilot: Pilot[None], action: Action) -> None:
    """By mouse alone: the tab, the row, the footer, the notice, or the palette's row."""
    await until(app, pilot, Does(": commands"), action.id)
    lines = screen_text(app).splitlines()
    if action.id.startswith("screen."):
        await pilot.click("#tabs", offset=(lines[0].index(f" {action.key}") + 1, 0))
    elif action.id == "job.open":
        await pilot.click("#job-table", offset=(20, 0), times=2)
    elif action.id == "app.back":
        await pilot.click("#notice")
    else:
        await pilot.click("#keys", offset=(lines[-1].index("commands") + 1, 0))
        if action.id != "app.palette":
            await choose(app, pilot, action)


async def choose(app: PredawnApp, pilot: Pilot[None], action: Action) -> None:
    """In the palette: the wheel until the row is in sight, and a second click on it."""
    await until(app, pilot, Does("Commands"), action.id)
    screen = app.screen
    assert isinstance(screen, Dialog)
    found = cast("RowList[Action]", screen.query_one("#found"))
    row = [one.id for one in found._items].index(action.id)  # pyright: ignore[reportPrivateUsage] - which row is it
    while row >= found.scroll_offset.y + found.size.height:
        found.scroll_down(animate=False, immediate=True)
    await pilot.click(found, offset=(5, row - found.scroll_offset.y), times=2)


async def test_lists_and_texts_move_by_mouse(night: Night) -> None:
    app = night.here.app()
    async with app.run_test(size=(100, 20)) as pilot:
        await until(app, pilot, Does("03:12:30"), "start")
        await pilot.press("4")
        await until(app, pilot, Does("orchestrator"), "services")
        await pilot.click("#rows", offset=(9, 2))
        await until(app, pilot, Does(seen=lambda app: cursor(app) == 2), "a click on a row")
        await pilot.click("#keys", offset=(screen_text(app).splitlines()[-1].index("help") + 1, 0))
        await until(app, pilot, Does("Everywhere"), "help")
        await pilot.click(offset=(2, 12))
        await until(app, pilot, Does(gone="Everywhere"), "a click beside the box closes it")
