"""The child processes of ``benchmarks.queue``: ``python -m benchmarks._queue_child ENGINE URL ROLE …``.

Times are ``CLOCK_MONOTONIC`` in nanoseconds, which processes of one machine share.

Roles:
    begin COUNT: make the tables, then as fill.
    fill FIRST COUNT: enqueue jobs one after another, each in a commit of its own; prints ``{begun, ended}``.
    drip FIRST COUNT SEED: enqueue single jobs at random gaps of 100 to 300 ms; prints ``[[n, before, after], …]``.
    work: a worker. For each number of jobs that comes on standard input it waits until as many were begun and none is
        left, and prints ``{starts: [[n, at], …], done}``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import sys
import threading
import time

from benchmarks._queue_engines import KINDS, Engine

LOOK_S = 0.005
"""Seconds between looks at how many jobs were begun."""
ASK_S = 0.001
"""Seconds between questions to the database, once all were begun."""
GAPS_S = (0.1, 0.3)


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def _fill(engine: Engine, first: int, count: int) -> None:
    async with engine.producing() as put:
        begun = time.monotonic_ns()
        for n in range(first, first + count):
            await put(n)
        ended = time.monotonic_ns()
    _say({"begun": begun, "ended": ended})


async def _drip(engine: Engine, first: int, count: int, seed: int) -> None:
    rng, said = random.Random(seed), list[tuple[int, int, int]]()
    async with engine.producing() as put:
        for n in range(first, first + count):
            await asyncio.sleep(rng.uniform(*GAPS_S))
            before = time.monotonic_ns()
            await put(n)
            said.append((n, before, time.monotonic_ns()))
    _say(said)


def _answer(engine: Engine, starts: list[tuple[int, int]]) -> None:
    left = engine.watch()
    for line in sys.stdin:
        wanted = int(line)
        while len(starts) < wanted:
            time.sleep(LOOK_S)
        while left():
            time.sleep(ASK_S)
        _say({"starts": starts[:wanted], "done": time.monotonic_ns()})
        del starts[:wanted]
    os._exit(0)  # nothing is to be saved: the database is thrown away


def _work(engine: Engine) -> None:
    starts: list[tuple[int, int]] = []
    threading.Thread(target=_answer, args=(engine, starts), daemon=True).start()
    engine.serve(lambda n: starts.append((n, time.monotonic_ns())))


def main(arguments: list[str]) -> None:
    """Play one role."""
    logging.basicConfig(level=logging.WARNING)
    name, url, role, *numbers = arguments
    engine = KINDS[name].make(url)
    match role, [int(number) for number in numbers]:
        case "begin", [count]:
            engine.prepare()
            asyncio.run(_fill(engine, 0, count))
        case "fill", [first, count]:
            asyncio.run(_fill(engine, first, count))
        case "drip", [first, count, seed]:
            asyncio.run(_drip(engine, first, count, seed))
        case "work", []:
            _work(engine)
        case _:
            raise SystemExit(f"no such role: {role} {numbers}")


if __name__ == "__main__":
    main(sys.argv[1:])
