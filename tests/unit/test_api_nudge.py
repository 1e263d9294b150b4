"""Waits that a message from outside cuts short."""

from __future__ import annotations

import asyncio

from integrations.kit.nudge import nudge, rest


async def test_who_waits_under_a_key_goes_on_when_it_is_nudged() -> None:
    waits = [asyncio.create_task(rest(600, ("remote-1", "job-1"))), asyncio.create_task(rest(600, ("job-2",)))]
    await asyncio.sleep(0)
    assert nudge("job-1")
    await asyncio.wait_for(waits[0], 10)
    assert not waits[1].done()
    assert not nudge("remote-1"), "nobody waits there any more"
    waits[1].cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    assert not nudge("job-2")


async def test_nobody_knows_an_unknown_job_and_a_rest_ends_by_itself() -> None:
    assert not nudge("nothing")
    await rest(0.0, ("x",))
