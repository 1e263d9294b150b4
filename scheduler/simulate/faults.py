"""What goes wrong in simulated services: ``manim=flaky:0.3``. Pure.

Each kind takes the share of calls that it hits; ``slow`` and ``http`` take their own value before it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scheduler.domain.failure import StageFailure
from scheduler.domain.faults import FaultKind

PROVIDERS_OF: Mapping[str, tuple[str, ...]] = {
    "manim": ("manim-api",),
    "revideo": ("revideo-api",),
    "orchestrator": ("orchestrator", "orchestrator-route"),
    "tts": ("a4f",),
    "script": ("chat-script",),
    "storage": ("supabase", "s3"),
}
"""The providers that each service stands for."""


SPOILS = frozenset({FaultKind.TRUNCATED, FaultKind.SILENT})
"""Faults that only the check of the finished video finds."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        share: of calls that it hits, 0–1.
        value: seconds of ``slow``, status of ``http``.
    """

    kind: FaultKind
    share: float = 1.0
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults by provider; the first one that hits a call counts."""

    by_provider: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict[str, tuple[Fault, ...]])

    def draw(self, provider: str, rng: random.Random) -> Fault | None:
        """What hits this call; None: nothing. Hits exclude each other: their shares add up."""
        faults = self.by_provider.get(provider)
        if not faults:
            return None
        at = rng.random()
        for fault in faults:
            if at < fault.share:
                return fault
            at -= fault.share
        return None


def parse_faults(texts: Iterable[str], known: Sequence[str]) -> Faults:
    """Read ``SERVICE=KIND[:VALUE][:SHARE]``; instead of a service the name of a provider.

    Args:
        texts: as given on the command line.
        known: names of all providers.

    Raises:
        ValueError: one cannot be read; the message shows how to write it.
    """
    found: dict[str, tuple[Fault, ...]] = {}
    for text in texts:
        target, _, rest = text.partition("=")
        providers = PROVIDERS_OF.get(target) or ((target,) if target in known else ())
        if not providers:
            raise ValueError(
                f"--fault {text!r}: there is no service or provider {target!r}; "
                f"services are {', '.join(PROVIDERS_OF)}; providers are {', '.join(known)}"
            )
        fault = _fault(text, rest)
        for provider in providers:
            found[provider] = (*found.get(provider, ()), fault)
    return Faults(found)


def _fault(text: str, rest: str) -> Fault:
    word, *values = rest.split(":")
    try:
        kind = FaultKind(word)
        numbers = [float(value) for value in values]
    except ValueError as error:
        words = ", ".join(FaultKind)
        raise ValueError(f"--fault {text!r}: write SERVICE=KIND, like manim=flaky:0.3; kinds are {words}") from error
    value = 0.0
    if kind in {FaultKind.SLOW, FaultKind.HTTP}:
        if not numbers:
            raise ValueError(f"--fault {text!r}: {kind} needs a number, like {kind}:{600 if kind == 'slow' else 503}")
        value = numbers.pop(0)
    if kind is FaultKind.FLAKY and not numbers:
        raise ValueError(f"--fault {text!r}: flaky needs the share of calls that fail, like flaky:0.3")
    share = numbers.pop(0) if numbers else 1.0
    if numbers or not 0 <= share <= 1 or value < 0:
        raise ValueError(f"--fault {text!r}: the share of calls must be the last number, from 0 to 1")
    return Fault(kind, share, value)


def failure_of(fault: Fault, provider: str) -> StageFailure | None:
    """How a call that is hit fails; None: it does not (it hangs, is slow, or spoils its output)."""
    match fault.kind:
        case FaultKind.DOWN:
            return StageFailure.unavailable(f"{provider} refuses the connection")
        case FaultKind.FLAKY:
            return StageFailure.api_error(f"{provider} answered 503", status=503)
        case FaultKind.HTTP:
            return StageFailure.api_error(f"{provider} answered {fault.value:.0f}", status=int(fault.value))
        case FaultKind.FORGETS:
            return StageFailure.api_error(f"{provider} does not know its job any more")
        case FaultKind.GARBAGE | FaultKind.ERROR200 | FaultKind.MISSING:
            return StageFailure.invalid_output(f"{provider} answered with something else ({fault.kind})")
        case FaultKind.HANG | FaultKind.SLOW | FaultKind.TRUNCATED | FaultKind.SILENT:
            return None
