"""How fast the terminal takes what is sent to it: measured, so that the screen is never long behind.

Nobody can look into the buffers between us and the screen, so the terminal is asked where its cursor is now and then;
the answer comes when everything before the question has been drawn. While too much is under way nothing is painted:
changes gather, and the next frame shows the newest of each. What a terminal that never answers has taken is judged by
how long writing to it took.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

ASK = "\x1b[6n"
"""Where is your cursor?"""
ASK_AFTER = 1500
"""Bytes after which the terminal is asked again."""
BEHIND_S = 0.25
"""Seconds of bytes that may be under way before frames wait."""
UNANSWERED_S = 3.0
"""A terminal that has not answered for so long is not waited for."""
PATIENCE = 2
"""Questions without an answer after which none is asked any more."""
SLOWEST, FASTEST = 300.0, 50e6
"""Bytes a second: the bounds of what is believed."""
_WEIGHT = 0.5
"""How much a new measurement counts."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """How the link stands.

    Attributes:
        under_way: bytes that may not be on the screen yet.
        rate: bytes a second; None: not known yet.
    """

    under_way: int
    rate: float | None

    @property
    def behind_s(self) -> float:
        """Seconds until what was sent is on the screen, as far as is known."""
        return self.under_way / self.rate if self.rate else 0.0


class Link:
    """Counts what is sent, written and answered for. Thread-safe.

    Args:
        monotonic: a counter of seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._sent = self._written = self._answered = 0
        self._asked: tuple[int, float] | None = None
        self._unanswered = 0
        self._rate: float | None = None
        self.quiet = threading.Event()
        self.quiet.set()

    def sending(self, size: int) -> bool:
        """So many bytes are about to be sent; whether the question is to be sent behind them."""
        with self._lock:
            self._sent += size
            if self._asked is not None or self._unanswered >= PATIENCE:
                return False
            if self._sent - self._answered < ASK_AFTER:
                return False
            self._sent += len(ASK)
            self._asked = (self._sent, self._monotonic())
            self.quiet.clear()
            return True

    def written(self, size: int, seconds: float) -> None:
        """The operating system has taken so many bytes; it took so long."""
        with self._lock:
            self._written += size
            if seconds > 0.02 and self._asked is None:  # noqa: PLR2004 - shorter ones are no measurement
                self._believe(size / seconds)

    def answered(self) -> bool:
        """The terminal has answered; whether a question was open."""
        with self._lock:
            if self._asked is None:
                return False
            upto, at = self._asked
            size, seconds = upto - self._answered, max(self._monotonic() - at, 1e-4)
            self._answered, self._asked, self._unanswered = upto, None, 0
            self._believe(size / seconds)
            self.quiet.set()
            return True

    def state(self) -> LinkState:
        """How it stands now."""
        with self._lock:
            if self._asked is not None and self._monotonic() - self._asked[1] > UNANSWERED_S + self._allowance():
                self._asked = None
                self._unanswered += 1
                self._answered = self._written
                self.quiet.set()
            # A terminal that answers tells how far it is; of one that does not, only what is not written counts.
            floor = max(self._answered, self._written) if self._unanswered >= PATIENCE else self._answered
            small = 0 if self._asked is not None else ASK_AFTER
            return LinkState(max(self._sent - floor - small, 0), self._rate)

    def is_behind(self) -> bool:
        """Whether frames should wait."""
        return self.state().behind_s > BEHIND_S

    def _allowance(self) -> float:
        """Seconds that the bytes before the question may take by the rate that is known."""
        return 0.0 if self._rate is None or self._asked is None else (self._asked[0] - self._answered) / self._rate

    def _believe(self, rate: float) -> None:
        rate = min(max(rate, SLOWEST), FASTEST)
        self._rate = rate if self._rate is None else self._rate * (1 - _WEIGHT) + rate * _WEIGHT
