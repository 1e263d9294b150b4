"""Services, Logs and Audit over a real installation, driven by keys and mouse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from console_world import screen_text
from screens_world import OPERATOR, VIEWER, Installation
from textual.events import MouseScrollUp
from textual.pilot import Pilot

from console.text import has_words
from console.tui.screens.logs import LogList, LogsScreen
from scheduler.domain.job import Priority

SIZES = [(60, 20), (80, 24), (120, 40), (200, 60)]


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


async def shows(pilot: Pilot[None], text: str) -> str:
    """Wait until a text is on the screen; all that is."""
    seen = ""
    for _ in range(300):
        await pilot.pause(0.02)
        seen = screen_text(pilot.app)
        if text in seen:
            return seen
    raise AssertionError(f"{text!r} never came:\n{seen}")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("key", "text"), [("4", "Services"), ("7", "Logs"), ("8", "Audit")])
async def test_every_screen_opens_empty_and_at_every_size(
    here: Installation, size: tuple[int, int], key: str, text: str
) -> None:
    async with here.app().run_test(size=size) as pilot:
        await pilot.press(key)
        await shows(pilot, text)
        await pilot.press("down", "up", "G", "g", "escape")
        await shows(pilot, text)


async def test_services_tell_percentiles_and_what_changed(here: Installation) -> None:
    here.probes()
    async with here.app().run_test(size=(100, 40)) as pilot:
        await pilot.press("4")
        seen = await shows(pilot, "what changed")
        assert "40 probes over 9 min 45 s, 4 failed" in seen
        assert re.search(r"21 Nov 02:30|02:30 +90.0% +40 +27 ms +44 ms +45 ms +45 ms", seen)
        assert "98.57% of 280 probes answered in 2 hours" in seen
        assert "up → ✖ down" in seen
        assert "connection refused" in seen
        await pilot.press("down")
        await shows(pilot, "no probe is kept yet")


async def test_probe_now_by_key_is_done_told_and_audited(here: Installation) -> None:
    async with here.app().run_test(size=(100, 40)) as pilot:
        await pilot.press("4", "p")
        await shows(pilot, "probed: manim")
        assert here.probed == 1
        await pilot.press("8")
        await shows(pilot, "service.probe")
    line = here.operations.audit(limit=1).items[0].entry
    assert (line.actor, line.via, line.command) == ("ann", "tui", "service.probe")


async def test_a_viewer_may_look_but_not_probe(here: Installation) -> None:
    async with here.app(VIEWER).run_test(size=(100, 40)) as pilot:
        await pilot.press("4", "p")
        await shows(pilot, "needs the role operator")
    assert here.probed == 0


async def test_logs_follow_the_newest_call_until_the_reader_goes_up(here: Installation) -> None:
    here.calls(60)
    async with here.app().run_test(size=(80, 24)) as pilot:
        await pilot.press("7")
        await shows(pilot, "following")
        rows = pilot.app.screen.query_one(LogList)
        assert rows.selected is not None
        assert rows.selected.attempt.id.endswith(f"{59:012x}")
        await pilot.press("up", "up")
        await shows(pilot, "held")
        held = rows.scroll_offset.y
        here.clock.advance(5)
        here.calls(10)
        await shows(pilot, "70 calls · held, 10 new below")
        assert rows.scroll_offset.y == held
        await pilot.press("G")
        await shows(pilot, "following")
        assert rows.scroll_offset.y > held


async def test_the_mouse_wheel_holds_the_log_too(here: Installation) -> None:
    here.calls(60)
    async with here.app().run_test(size=(80, 24)) as pilot:
        await pilot.press("7")
        await shows(pilot, "following")
        rows = pilot.app.screen.query_one(LogList)
        rows.post_message(
            MouseScrollUp(rows, x=1, y=1, delta_x=0, delta_y=-1, button=0, shift=False, meta=False, ctrl=False)
        )
        await shows(pilot, "held")


async def test_the_log_is_filtered_wrapped_and_leads_to_the_job(here: Installation) -> None:
    here.calls(30, error="a long story " * 12 + "with an end")
    async with here.app().run_test(size=(80, 24)) as pilot:
        await pilot.press("7")
        assert "with an end" not in await shows(pilot, "following")
        await pilot.press("slash", *"manim -espeak", "enter")
        seen = await shows(pilot, "10 calls")
        assert "espeak" not in seen.split("\n", 2)[2]
        await pilot.press("w")
        await shows(pilot, "with an end")
        await pilot.press("escape")
        await shows(pilot, "wrapped")
        await pilot.press("enter")
        await shows(pilot, "daily_ca")
        assert not isinstance(pilot.app.screen, LogsScreen)


async def test_hostile_words_in_an_error_do_no_harm(here: Installation) -> None:
    here.calls(3, error="\x1b]0;owned\x07\x1b[2J[bold red]x[/]\u202eevil")
    async with here.app().run_test(size=(120, 24)) as pilot:
        await pilot.press("7")
        seen = await shows(pilot, "TIMEOUT")
        assert "\x1b" not in seen
        assert "[bold red]x[/]" in seen
        assert "owned" not in seen


async def test_the_trail_shows_who_did_what_and_how_it_ended(here: Installation) -> None:
    job = here.job()
    here.operations.set_priority(job.id, Priority.LOW, actor=OPERATOR)
    here.operations.cancel(job.id, actor=OPERATOR)
    with pytest.raises(Exception, match="role"):
        here.operations.cancel(job.id, actor=VIEWER)
    async with here.app().run_test(size=(120, 40)) as pilot:
        await pilot.press("8")
        seen = await shows(pilot, "job.cancel")
        assert "refused" in seen
        assert "host/pts/1" in seen
        await pilot.press("down", "down")
        await shows(pilot, "job.priority")
        await pilot.press("slash", *"bob", "enter")
        seen = await shows(pilot, "filter 'bob': 1")
        assert "job.priority" not in seen
        await pilot.press("v")
        await shows(pilot, "the chain holds: 3 lines")


async def test_a_click_selects_a_row_and_its_details_follow(here: Installation) -> None:
    job = here.job()
    here.operations.set_priority(job.id, Priority.LOW, actor=OPERATOR)
    here.operations.cancel(job.id, actor=OPERATOR)
    async with here.app().run_test(size=(120, 40)) as pilot:
        await pilot.press("8")
        await shows(pilot, "job.cancel")
        await pilot.click("#rows", offset=(10, 1))
        await shows(pilot, "what     job.priority")


@pytest.mark.parametrize(
    ("text", "found"),
    [("", True), ("Manim", True), ("manim timeout", True), ("manim -timeout", False), ("espeak", False), ("-", False)],
)
def test_words_are_looked_for_in_any_order_and_case(text: str, found: bool) -> None:
    assert has_words(["manim-api".replace("-", " "), "TIMEOUT"], text) is found
