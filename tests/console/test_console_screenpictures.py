"""Pictures of services, metrics, logs, audit and the past, over a real installation under a clock that stands still."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest
from console_pictures import SIZES, pictures
from screens_world import OPERATOR, Installation
from syrupy.assertion import SnapshotAssertion
from test_console_metrics import some_nights
from test_console_past import Night
from test_console_screens import shows

SCREENS: dict[str, tuple[Sequence[str], str]] = {
    "services": (("4",), "what changed"),
    "metrics": (("5",), "How many took how long"),
    "logs": (("7",), "following"),
    "audit": (("8",), "schedule.pause"),
}
"""Keys that lead to each, and words that stand there then."""


@pytest.fixture(autouse=True)
def _the_same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids count up, so that pictures of two runs are the same."""
    numbers = count(1)
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=next(numbers) << 96))


def busy(folder: Path) -> Installation:
    here = Installation(folder)
    here.probes()
    here.store.save_nights(some_nights())
    operations = here.operations
    operations.run_schedule("nightly", actor=OPERATOR)
    operations.pause_schedule("nightly", paused=True, actor=OPERATOR)
    return here


@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_looks_as_it_did(name: str, snapshot: SnapshotAssertion, tmp_path: Path) -> None:
    keys, words = SCREENS[name]
    here = busy(tmp_path)
    here.calls(8)
    app = here.app()
    async with app.run_test(size=SIZES[0]) as pilot:
        await shows(pilot, "03:12:30")
        await pilot.press(*keys)
        await shows(pilot, words)
        async for kept, seen in pictures(app, pilot):
            assert seen == snapshot(name=kept)


async def test_the_past_looks_like_the_past(snapshot: SnapshotAssertion, tmp_path: Path) -> None:
    night = Night(tmp_path)
    try:
        app = night.here.app()
        async with app.run_test(size=SIZES[0]) as pilot:
            await shows(pilot, "03:12:30")
            await pilot.press("4", "at", *"-9m", "enter")
            await shows(pilot, "PAST 03:03:30")
            async for kept, seen in pictures(app, pilot):
                assert seen == snapshot(name=kept)
    finally:
        night.close()
