"""Pictures of the screens at three sizes, in two themes and without colour, under a clock that stands still."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from console_pictures import SIZES, pictures
from console_world import FakeOperations, make_app
from syrupy.assertion import SnapshotAssertion
from test_console_app import shows

SCREENS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "tonight": ((), ("ON TRACK", "5 queued")),
    "jobs": (("2", "down", "space", "space"), ("31 jobs", "2 marked")),
    "detail": (("2", "enter"), ("Attempts (8)",)),
    "confirm": (("c",), ("Stop this job?", "THIS IS TONIGHT'S JOB")),
    "help": (("question_mark",), ("Everywhere",)),
    "palette": (("colon",), ("Commands",)),
}
"""Keys that lead to each, and words that stand there then."""


@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_looks_as_it_did(name: str, snapshot: SnapshotAssertion) -> None:
    keys, words = SCREENS[name]
    app = make_app(FakeOperations())
    async with app.run_test(size=SIZES[0]) as pilot:
        await shows(app, "03:12:30")
        await pilot.press(*keys)
        await shows(app, *words)
        async for kept, seen in pictures(app, pilot):
            assert seen == snapshot(name=kept)
