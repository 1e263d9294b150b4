"""Finds the brief of a job: in its payload, in a file that the payload names, or by date in a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

from integrations.content.brief_file import dated, parse_brief, read_brief
from integrations.content.inline import brief_of_object
from integrations.content.problems import BriefError
from scheduler.domain.content import Headline
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.ports.content import ResolvedBrief

SUFFIX = ".md"


class BriefFolder:
    """A folder with ``YYYY-MM-DD*.md``: the ``BriefSource`` of the pipeline.

    Args:
        briefs_dir: the folder; it may come into being later.
        stale_days: days that a brief may be older than the run date, when there is none of the day itself.
    """

    def __init__(self, briefs_dir: Path, stale_days: int) -> None:
        self._folder = briefs_dir
        self._stale_days = stale_days

    def resolve(self, payload: Mapping[str, Any], run_date: date | None) -> ResolvedBrief:
        """The brief of a job.

        ``payload.brief`` is a JSON object or the path of a ``.md`` file (relative ones start at the folder);
        ``payload.brief_text`` is the Markdown itself. Without either the folder is searched by ``run_date``; of several
        files of one day the first by name is taken.

        Raises:
            StageFailure: INVALID_INPUT; says what was looked for and where, or lists what is wrong with the brief.
        """
        try:
            return self._resolve(payload, run_date)
        except BriefError as error:
            details = {"origin": error.origin, "problems": [str(problem) for problem in error.problems]}
            kind = FailureClass.INVALID_INPUT
            raise StageFailure(str(error), kind=kind, retryable=False, details=details) from error

    @staticmethod
    def is_open(payload: Mapping[str, Any]) -> bool:
        """Whether a payload leaves it open which brief is meant."""
        return payload.get("brief") is None and payload.get("brief_text") is None

    def of_the_day(self, run_date: date) -> ResolvedBrief | None:
        """The brief of the run date itself; None when there is no file of that day.

        Raises:
            StageFailure: INVALID_INPUT: there is one, but it is no good.
        """
        try:
            path = self._by_date().get(run_date)
        except StageFailure:
            return None
        return None if path is None else self.resolve({"brief": str(path.absolute())}, run_date)

    def headlines(self, run_date: date, days: int) -> tuple[Headline, ...]:
        """Headlines of the good briefs of so many days before the run date."""
        try:
            found = self._by_date()
        except StageFailure:
            return ()
        told: list[Headline] = []
        for day, path in found.items():
            if run_date - timedelta(days=days) <= day < run_date:
                with contextlib.suppress(BriefError):
                    told += read_brief(path).headlines
        return tuple(told)

    def _resolve(self, payload: Mapping[str, Any], run_date: date | None) -> ResolvedBrief:
        given, text = payload.get("brief"), payload.get("brief_text")
        if given is not None and text is not None:
            raise StageFailure.invalid_input("the payload has both brief and brief_text; give one of them")
        if text is not None:
            if not isinstance(text, str):
                raise StageFailure.invalid_input(f"payload.brief_text must be Markdown, not {type(text).__name__}")
            return ResolvedBrief(
                parse_brief(text, origin="payload.brief_text"), stale=False, origin="payload.brief_text"
            )
        match given:
            case None:
                return self._of_day(run_date)
            case str():
                path = self._named(given)
                return ResolvedBrief(read_brief(path), stale=False, origin=str(path))
            case Mapping():
                brief = brief_of_object(cast("Mapping[str, Any]", given), origin="payload.brief")
                return ResolvedBrief(brief, stale=False, origin="payload.brief")
            case _:
                kind = type(given).__name__
                raise StageFailure.invalid_input(
                    f"payload.brief must be an object or the path of a .md file, not {kind}"
                )

    def _named(self, text: str) -> Path:
        """The file a payload names. A payload can come from outside: only Markdown files are ever opened."""
        try:
            path = (self._folder / Path(text).expanduser()).resolve()
            is_file = path.is_file()
        except (OSError, RuntimeError, ValueError) as error:
            raise StageFailure.invalid_input(f"payload.brief {text!r} is no path: {error}") from error
        # The target of a link counts, not its name.
        if path.suffix.lower() != SUFFIX:
            raise StageFailure.invalid_input(f"payload.brief {text!r} is no {SUFFIX} file; name a brief in Markdown")
        if not is_file:
            raise StageFailure.invalid_input(f"payload.brief: there is no file {path}")
        return path

    def _of_day(self, run_date: date | None) -> ResolvedBrief:
        if run_date is None:
            raise StageFailure.invalid_input(
                "the job has neither a run date nor a brief; submit it with a payload like "
                '{"brief": "2025-06-06-slug.md"} or {"brief_text": "…"}'
            )
        found = self._by_date()
        oldest = run_date - timedelta(days=self._stale_days)
        day = max((day for day in found if oldest <= day <= run_date), default=None)
        if day is None:
            newest = f"the newest there is of {max(found)}" if found else "there is none at all"
            raise StageFailure.invalid_input(
                f"no brief for {run_date}: looked for {run_date}*{SUFFIX} in {self._folder} and back to {oldest}; "
                f"{newest}. Put one there and retry the job"
            )
        path = found[day]
        return ResolvedBrief(read_brief(path), stale=day != run_date, origin=str(path))

    def _by_date(self) -> dict[date, Path]:
        try:
            paths = sorted(self._folder.iterdir(), reverse=True)
        except FileNotFoundError as error:
            message = f"the folder of briefs {self._folder} does not exist; make it, or set content.briefs_dir"
            raise StageFailure.invalid_input(message) from error
        except OSError as error:
            message = f"the folder of briefs {self._folder} cannot be read: {error.strerror or error}"
            raise StageFailure.invalid_input(message) from error
        return {day: path for path in paths if (day := dated(path)) is not None and path.is_file()}
