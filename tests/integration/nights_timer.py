"""A process that starts runs on a clock that goes fast: ``python nights_timer.py URL BEGIN END SPEED CRON ZONE GATE``.

It does what a daemon's timer does at each look, without a leader: correctness does not rest on it. It begins when the
file GATE is there, so that two of them look at the same time, and prints how many jobs it made.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from scheduler.domain.schedule import ScheduleDefinition
from scheduler.logs import quiet
from scheduler.schedules.timer import fire_due
from scheduler.store import open_store


def main(url: str, begin: str, end: str, speed: str, cron: str, zone: str, gate: str) -> None:  # noqa: PLR0917 - argv
    definition = ScheduleDefinition("often", "doubt", cron, zone, catch_up_s=7 * 86_400.0)
    first, last = datetime.fromisoformat(begin), datetime.fromisoformat(end)
    quiet()
    store = open_store(url, synchronous="NORMAL")
    store.sync_schedules([definition], now=first)
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    while not Path(gate).exists():
        time.sleep(0.005)
    began, made, now = time.monotonic(), 0, first
    while now < last:
        now = min(first + timedelta(seconds=(time.monotonic() - began) * float(speed)), last)
        made += len(fire_due(store, now))
    store.close()
    print(made, flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
