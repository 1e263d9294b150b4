"""What a check of the doctor says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    """The video will be there, but worse or later, or nobody hears of trouble."""
    FAIL = "fail"
    """This keeps predawn from working."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor.

    Attributes:
        name: what was looked at, a word or two, stable.
        found: what is there.
        remedy: what to do; empty when it is well.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


def ok(name: str, found: str) -> Finding:
    """It is well."""
    return Finding(name, State.OK, found)


def warn(name: str, found: str, remedy: str) -> Finding:
    """It could be better."""
    return Finding(name, State.WARN, found, remedy)


def fail(name: str, found: str, remedy: str) -> Finding:
    """It keeps predawn from working."""
    return Finding(name, State.FAIL, found, remedy)


Check = Callable[[], Iterable[Finding]]
"""Looks at one thing; may find several."""
Named = tuple[str, Check]


def looked_at(name: str, check: Check) -> Iterator[Finding]:
    """The findings of a check; one that breaks is a finding itself."""
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - whatever is broken here is what the doctor is asked for
        yield fail(name, f"cannot be looked at: {type(error).__name__}: {error}", "see the message")
