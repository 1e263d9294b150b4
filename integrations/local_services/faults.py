"""Faults that can be injected into the local services: ``--fault SERVICE=KIND``. Pure, and cheap to import."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from scheduler.domain.faults import FaultKind

SERVICES = ("manim", "revideo", "tts", "orchestrator", "script", "sora", "storage")
"""Services with a local stand-in."""
MAX_SLOW_S = 3600.0


class FaultError(ValueError):
    """A ``--fault`` that cannot be understood; the message says what is known."""


KINDS = "down, hang, slow:SECONDS, http:STATUS, flaky:SHARE, garbage, error200, missing, truncated, silent, forgets"
"""The kinds as they are written."""

SHOWN_BY_HEALTH = frozenset({FaultKind.DOWN, FaultKind.HANG, FaultKind.HTTP})
"""Faults that ``/health`` shows; under the others it says healthy, as real services do while their renders fail."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        value: seconds for ``slow``, status for ``http``, share 0–1 for ``flaky``; otherwise None.
    """

    kind: FaultKind
    value: float | None = None

    def __str__(self) -> str:
        return self.kind.value if self.value is None else f"{self.kind.value}:{self.value:g}"


def parse_fault(text: str) -> tuple[str, Fault]:
    """``manim=flaky:0.3`` as (service, fault).

    Raises:
        FaultError: no such service or kind, or a value that makes no sense.
    """
    service, equals, kind = (part.strip().lower() for part in text.partition("="))
    if not equals or not service or not kind:
        raise FaultError(f"--fault {text!r}: write SERVICE=KIND, for example manim=down; kinds: {KINDS}")
    if service not in SERVICES:
        raise FaultError(f"--fault {text!r}: no service is called {service!r}; there are {', '.join(SERVICES)}")
    return service, _parse_kind(kind, text)


def parse_faults(texts: Iterable[str]) -> dict[str, Fault]:
    """Several faults, at most one for each service.

    Raises:
        FaultError: see ``parse_fault``; also when a service stands twice.
    """
    found: dict[str, Fault] = {}
    for text in texts:
        service, fault = parse_fault(text)
        if service in found:
            raise FaultError(f"--fault {text!r}: {service} already fails by {found[service]}; give one fault for each")
        found[service] = fault
    return found


def _parse_kind(text: str, whole: str) -> Fault:
    word, colon, value = text.partition(":")
    try:
        kind = FaultKind(word)
    except ValueError as error:
        raise FaultError(f"--fault {whole!r}: no fault is called {word!r}; there are {KINDS}") from error
    match kind:
        case FaultKind.SLOW:
            return Fault(kind, _number(value, whole, "slow:SECONDS", low=0, high=MAX_SLOW_S))
        case FaultKind.FLAKY:
            return Fault(kind, _number(value, whole, "flaky:SHARE", low=0, high=1))
        case FaultKind.HTTP:
            status = _number(value, whole, "http:STATUS", low=300, high=599)
            if status != int(status):
                raise FaultError(f"--fault {whole!r}: a status is a whole number, for example http:503")
            return Fault(kind, status)
        case _:
            if colon:
                raise FaultError(f"--fault {whole!r}: {kind.value} takes no value")
            return Fault(kind)


def _number(text: str, whole: str, form: str, *, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise FaultError(f"--fault {whole!r}: write {form} with a number from {low:g} to {high:g}")
    return value
