"""The promise: as long as the last resorts do what they usually do, a video is out before the deadline, whatever fails.

Random pipelines in virtual time: the event loop jumps from one timer to the next, so minutes of hanging services,
time-outs and back-off pass in milliseconds, and stages that run side by side really do.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline_scene import Maker, Scene

from scheduler.domain.deadline import path_to_end
from scheduler.domain.failure import StageFailure
from scheduler.domain.job import QueueConfig
from scheduler.domain.render import StageName
from scheduler.pipeline.stages import Policy
from scheduler.ports.provider import Call
from scheduler.testing import FakeClock, MemoryStore

START = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
FAULTS = ("fine", "hangs", "refuses", "fails late", "fails at random")


class JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer it moves the time to it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everything waits for something that no timer brings")
        self.now_s += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is its selector's."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


class LoopClock:
    """The time of day on a virtual loop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        return self._loop.time()


async def on_the_loop(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def behaviour(fault: str, seconds: float) -> Callable[[Call], Awaitable[None]]:
    async def play(_call: Call) -> None:
        match fault:
            case "hangs":
                await asyncio.Event().wait()
            case "refuses":
                raise StageFailure.unavailable("connection refused")
            case "fails late":
                await asyncio.sleep(seconds)
                raise StageFailure.api_error("503", status=503)
            case "fails at random":
                await asyncio.sleep(seconds / 3)
                raise ValueError("nobody foresaw this")
            case _:
                await asyncio.sleep(seconds * 0.99)

    return play


Chain = list[tuple[str, float]]
a_call = st.tuples(st.sampled_from(FAULTS), st.sampled_from((1.0, 3.0, 10.0, 30.0)))
a_chain = st.tuples(st.lists(a_call, max_size=2), st.sampled_from((1.0, 3.0, 10.0, 30.0))).map(
    lambda drawn: [*drawn[0], ("fine", drawn[1])]
)


async def late_by(loop: VirtualLoop, folder: Path, chains: dict[StageName, Chain], spare: float) -> float:
    clock = LoopClock(loop)
    store = MemoryStore(FakeClock(START))
    store.put_queue_config(QueueConfig("daily_ca", timeout_s=0))
    scene = Scene(store, folder, clock)
    scene.blocking, scene.sleep = on_the_loop, asyncio.sleep
    for stage, chain in chains.items():
        makers = [Maker(f"{stage.value}-{n}", plays=[behaviour(*call)] * 50) for n, call in enumerate(chain)]
        scene.chain(stage, *makers)
        scene.policies[stage] = Policy(timeout_s=100)
        scene.estimates |= {maker.name: (call[1], call[1]) for maker, call in zip(makers, chain, strict=True)}
    last_resorts_s = path_to_end({stage: chain[-1][1] for stage, chain in chains.items()})
    deadline_s = last_resorts_s * spare
    await scene.render(deadline_in_s=deadline_s)
    return loop.time() - deadline_s


@settings(
    max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    chains=st.fixed_dictionaries(dict.fromkeys(StageName, a_chain)),
    spare=st.sampled_from((1.0, 1.2, 2.0, 5.0)),
)
def test_if_the_last_resorts_fit_before_the_deadline_a_video_is_out_before_the_deadline(
    chains: dict[StageName, Chain], spare: float
) -> None:
    loop = VirtualLoop()
    try:
        with TemporaryDirectory() as folder:
            late_s = loop.run_until_complete(late_by(loop, Path(folder), chains, spare))
    finally:
        loop.close()

    assert late_s <= 0
