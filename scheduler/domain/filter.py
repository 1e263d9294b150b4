"""What to look for among jobs: the parsed form of the filter language, and the orders a list may have.

``scheduler.filters`` makes it from text and can hold a job against it; the store makes parameterised SQL of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Field(StrEnum):
    """What a term looks at."""

    STATUS = "status"
    TYPE = "type"
    PRIORITY = "priority"
    STAGE = "stage"
    """The stage that runs, or in which it failed."""
    ERROR = "error"
    """The class of the error, or a part of its message."""
    AFTER = "after"
    """Made at this time or later."""
    BEFORE = "before"
    """Made before this time."""
    DEGRADED = "degraded"
    ID = "id"
    """How the id begins."""
    KEY = "key"
    """The idempotency key."""
    SCHEDULE = "schedule"
    DATE = "date"
    """The run date."""
    TAG = "tag"
    """One of ``payload.tags``."""
    TEXT = "text"
    """Words in type, key, payload or error."""


FilterValue = str | bool | datetime | date


@dataclass(frozen=True, slots=True)
class Term:
    """One condition.

    Attributes:
        value: ``datetime`` (aware) for after and before, ``date`` for date, ``bool`` for degraded, else text.
        negated: it must not hold.
        prefix: the value is how the text begins (``type:daily*``), or how its last word does (free text).
        start: where it stands in the text it was read from.
    """

    field: Field
    value: FilterValue
    negated: bool = False
    prefix: bool = False
    start: int = 0


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions on a job: any one of each field that is named, every free text, and none that is negated."""

    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def wanted(self) -> Mapping[Field, tuple[Term, ...]]:
        """Terms of which one must hold, by field; free text apart (``texts``)."""
        found: dict[Field, tuple[Term, ...]] = {}
        for term in self.terms:
            if not term.negated and term.field is not Field.TEXT:
                found[term.field] = (*found.get(term.field, ()), term)
        return found

    @property
    def texts(self) -> tuple[Term, ...]:
        """Free text, all of which must be there."""
        return tuple(term for term in self.terms if term.field is Field.TEXT and not term.negated)

    @property
    def unwanted(self) -> tuple[Term, ...]:
        """Terms of which none may hold."""
        return tuple(term for term in self.terms if term.negated)


class JobSort(StrEnum):
    """The order of a list of jobs."""

    NEWEST = "newest"
    OLDEST = "oldest"
    PRIORITY = "priority"
    """High first, then first in first out: as they will be claimed."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many were found; ``capped``: at least so many, counting stopped there."""

    number: int
    capped: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.capped else ''}"
