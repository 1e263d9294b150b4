"""The recorder: a part of the daemon that looks every second and writes what has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from scheduler.domain.alert import Alert
from scheduler.domain.recording import Mark, MarkKind
from scheduler.domain.snapshot import Snapshot
from scheduler.ports.clock import Clock
from scheduler.ports.recording import RecordingError
from scheduler.ports.store import StoreError
from scheduler.recording.marks import alert_marks, marks_between
from scheduler.recording.state import state_of
from scheduler.recording.writer import Opening, RecordingInUseError, RecordingWriter, gap_mark

log = structlog.get_logger("predawn.recorder")

LOOK_S = 1.0
RESNAP_S = 5.0
"""Predictions and liveness move with time alone: a snapshot is taken again after this many seconds without a write."""
ALIVE_S = 5.0
REOPEN_S = 30.0
"""Seconds until a recording that could not be opened or written is tried again."""


class Recorder:
    """Records what the console shows.

    Args:
        open_writer: opens the recording; called again after an error.
        version: changes whenever anyone has written to the database; cheap.
        look: takes a snapshot.
        alerts: what fires or is acknowledged; None: alerts are not recorded.
        clock: the time of day.
        blocking: runs a call off the event loop.
    """

    def __init__(
        self,
        open_writer: Opening,
        *,
        version: Callable[[], int],
        look: Callable[[], Snapshot],
        clock: Clock,
        alerts: Callable[[], Sequence[Alert]] | None = None,
        every_s: float = LOOK_S,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._open = open_writer
        self._version = version
        self._look = look
        self._alerts = alerts
        self._open_alerts: Sequence[Alert] | None = None
        self._clock = clock
        self._every_s = every_s
        self._blocking = blocking
        self._writer: RecordingWriter | None = None
        self._not_before = float("-inf")
        self._seen: int | None = None
        self._looked_at = float("-inf")
        self._alive_at = float("-inf")
        self._last: Snapshot | None = None
        self._unreadable = False
        self._told = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Record until ``stop`` is set; no error of recording ends it."""
        try:
            while not stop.is_set():
                await self._blocking(self.once)
                try:
                    await asyncio.wait_for(stop.wait(), self._every_s)
                except TimeoutError:
                    continue
        finally:
            await self._blocking(self._finish)

    def once(self) -> None:
        """One look. Blocks; never raises what a database or a disk raise."""
        try:
            self._once()
        except RecordingError as error:
            self._tell(str(error), quiet=isinstance(error, RecordingInUseError))
            self._give_up_for_now()
        except Exception:
            # A fault of the black box is no reason to stop what it watches.
            log.exception("not recorded")
            self._give_up_for_now()

    def _give_up_for_now(self) -> None:
        self.close()
        self._not_before = self._clock.monotonic() + REOPEN_S

    def _finish(self) -> None:
        """A last look: what ended a moment ago is in the recording too."""
        self._seen = None
        if self._writer is not None:
            self.once()
        self.close()

    def close(self) -> None:
        """Let go of the recording."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _once(self) -> None:
        tick = self._clock.monotonic()
        if self._writer is None:
            if tick < self._not_before:
                return
            self._writer = self._open()
            self._told, self._last, self._seen = "", None, None
            self._writer.mark(gap_mark(self._writer, self._clock.now()))
        try:
            version = self._version()
            if version != self._seen or tick - self._looked_at >= RESNAP_S:
                snapshot = self._look()
                self._seen, self._looked_at = version, tick
                self._keep(self._writer, snapshot)
        except StoreError as error:
            self._could_not_look(self._writer, error)
            return
        if tick - self._alive_at >= ALIVE_S:
            self._writer.alive(self._clock.now())
            self._alive_at = tick

    def _keep(self, writer: RecordingWriter, snapshot: Snapshot) -> None:
        marks = [*marks_between(self._last, snapshot)] if self._last is not None or writer.state is None else []
        if self._alerts is not None:
            found = self._alerts()
            marks += alert_marks(self._open_alerts, found, snapshot.taken_at)
            self._open_alerts = found
        if self._unreadable:
            self._unreadable = False
            marks.append(Mark(snapshot.taken_at, MarkKind.DATABASE, "the database can be read again"))
        writer.write(snapshot.taken_at, state_of(snapshot, writer.state), marks)
        self._last = snapshot

    def _could_not_look(self, writer: RecordingWriter, error: StoreError) -> None:
        if not self._unreadable:
            self._unreadable = True
            writer.mark([Mark(self._clock.now(), MarkKind.DATABASE, f"the database cannot be read: {error}"[:300])])

    def _tell(self, text: str, *, quiet: bool) -> None:
        """Say it once, not every half minute."""
        if text != self._told:
            self._told = text
            (log.info if quiet else log.warning)("not recorded", reason=text)
