"""Waits that a question from outside cuts short."""

from __future__ import annotations

import asyncio

from integrations.kit.nudge import look, nudge, waiting

LONG_S = 600.0


async def test_who_waits_under_a_key_looks_when_it_is_asked_and_who_asked_hears_when_it_has() -> None:
    looks: list[str] = []
    seen = asyncio.Event()

    async def work(name: str, keys: tuple[str, ...], looking: asyncio.Event) -> None:
        with waiting(keys) as wait:
            while True:
                await wait.rest(LONG_S)
                looks.append(name)
                seen.set()
                await looking.wait()

    first, second = asyncio.Event(), asyncio.Event()
    works = [
        asyncio.create_task(work("first", ("remote-1", "job-1"), first)),
        asyncio.create_task(work("second", ("job-2",), second)),
    ]
    await asyncio.sleep(0)
    asked = asyncio.create_task(look("job-1"))
    await asyncio.wait_for(seen.wait(), 10)
    assert not asked.done(), "the look is not over"
    late = asyncio.create_task(look("remote-1"))
    await asyncio.sleep(0)
    first.set()
    assert await asyncio.wait_for(asked, 10)
    assert await asyncio.wait_for(late, 10)
    assert looks == ["first", "first"], "who asked in the middle of a look gets one of its own"
    seen.clear()
    assert nudge("job-2")
    await asyncio.wait_for(seen.wait(), 10)
    unheard = asyncio.create_task(look("job-2"))
    await asyncio.sleep(0)
    for one in works:
        one.cancel()
    await asyncio.gather(*works, return_exceptions=True)
    assert await asyncio.wait_for(unheard, 10), "who asked is not left waiting when the work ends"
    assert not nudge("job-1")
    assert not await look("job-2")


async def test_a_rest_ends_by_itself_and_is_deaf_as_long_as_the_service_wants_to_be_left_alone() -> None:
    loop = asyncio.get_running_loop()
    with waiting(("x",)) as wait:
        await wait.rest(0.0)
        nudge("x")
        began = loop.time()
        await wait.rest(LONG_S, deaf_s=0.05)
        assert loop.time() - began >= 0.05
