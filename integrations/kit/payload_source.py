"""Briefs of jobs that bring their own words in the payload: read, refused by field, or made into a brief."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, ClassVar, Generic, TypeVar

from scheduler.domain.content import Brief
from scheduler.domain.failure import StageFailure
from scheduler.domain.requests import RequestError
from scheduler.ports.content import ResolvedBrief

Asked = TypeVar("Asked")


class PayloadSource(ABC, Generic[Asked]):
    """A ``BriefSource`` over the payload alone.

    Args:
        today: the day for jobs without a run date.
    """

    origin: ClassVar[str]
    """Where the brief comes from, for people: ``payload.question``."""

    def __init__(self, today: Callable[[], date] = date.today) -> None:
        self._today = today

    @abstractmethod
    def read(self, payload: Mapping[str, Any]) -> Asked:
        """What the payload asks for.

        Raises:
            RequestError: it cannot be taken; the message names the field and the remedy.
        """

    @abstractmethod
    def brief(self, asked: Asked, day: date) -> Brief:
        """What was asked for, as a brief of ``day``."""

    def resolve(self, payload: Mapping[str, Any], run_date: date | None) -> ResolvedBrief:
        """The payload as a brief.

        Raises:
            StageFailure: INVALID_INPUT; the message names the field and the remedy.
        """
        try:
            asked = self.read(payload)
        except RequestError as error:
            raise StageFailure.invalid_input(f"payload.{error}") from error
        return ResolvedBrief(self.brief(asked, run_date or self._today()), stale=False, origin=self.origin)
