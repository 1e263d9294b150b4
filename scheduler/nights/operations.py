"""What ``Operations`` tells of nights."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from config.settings import Settings
from scheduler.auditing import Auditor, command
from scheduler.domain.night import Night, NightOutcome
from scheduler.domain.render import StageName
from scheduler.domain.report import DailyReport
from scheduler.domain.schedule import Difference, ScheduleState
from scheduler.domain.sla import WINDOWS, SlaReport, calibration, group_failures, on_time, stage_times, success_of
from scheduler.domain.snapshot import Snapshot
from scheduler.domain.whatif import Change, Foretold
from scheduler.nights.foresight import Foresight
from scheduler.nights.recorder import changed_nights, merged
from scheduler.ports.clock import Clock
from scheduler.ports.operations import Actor, InvalidError, NotFoundError
from scheduler.ports.store import Store
from scheduler.schedules.definitions import differences, schedule_definitions
from scheduler.schedules.due import fire_for
from scheduler.schedules.zone import deadline_zone

MOST_DAYS = 3_660


class NightsPart:
    """``NightOperations`` over a store. A read never writes; what has changed since the last record is told anew."""

    _store: Store
    _clock: Clock
    _settings: Settings
    foresight: Foresight

    @property
    def auditor(self) -> Auditor:
        """Writes the lines of commands."""
        raise NotImplementedError

    @command("schedule.skip", target="name")
    def skip_date(self, name: str, day: date, *, actor: Actor) -> ScheduleState:
        """Let one run date of a schedule pass; skipping it again changes nothing."""
        del actor
        state = self._schedule(name)
        problem = skip_problem(state, day, self._clock.now())
        if problem is not None:
            raise InvalidError(problem)
        fire = fire_for(state.definition, day)
        job = self._store.by_key(fire.key) if fire is not None else None
        if job is not None and not job.is_final:
            raise InvalidError(f"{day} has its job already, {job.status}: predawn jobs cancel {job.id[:8]}")
        return self._set_skipped(state, {*state.skip_dates, day})

    @command("schedule.unskip", target="name")
    def unskip_date(self, name: str, day: date, *, actor: Actor) -> ScheduleState:
        """Owe a run date again that was skipped."""
        del actor
        state = self._schedule(name)
        if day not in state.skip_dates:
            skipped = ", ".join(str(one) for one in state.skip_dates) or "none"
            raise InvalidError(f"{name} does not skip {day}; skipped are: {skipped}")
        return self._set_skipped(state, {*state.skip_dates} - {day})

    def _set_skipped(self, state: ScheduleState, days: set[date]) -> ScheduleState:
        dates = tuple(sorted(days))
        self._store.set_skip_dates(state.definition.name, dates)
        return replace(state, skip_dates=dates)

    def _schedule(self, name: str) -> ScheduleState:
        states = {state.definition.name: state for state in self._store.schedules()}
        if name not in states:
            known = ", ".join(sorted(states)) or "none"
            raise NotFoundError(f"no schedule {name!r}; there are: {known}")
        return states[name]

    def schedule_differences(self) -> tuple[Difference, ...]:
        """Where the table of schedules says something else than the config of this process."""
        return differences(schedule_definitions(self._settings), self._store.schedules())

    def nights(
        self, *, days: int = 30, schedule: str | None = None, until: datetime | None = None
    ) -> tuple[Night, ...]:
        """The records of the last run dates, newest first; ``until``: as they stood at that moment."""
        if not 1 <= days <= MOST_DAYS:
            raise InvalidError(f"days must be 1–{MOST_DAYS}, not {days}")
        now = self._clock.now()
        if until is not None:
            first = self._today(until) - timedelta(days=days)
            kept = self._store.nights(schedule=schedule, since=first, limit=MOST_DAYS)
            then = (night_as_of(night, until) for night in kept)
            return tuple(night for night in then if night is not None and night.run_date > first)
        first = self._today() - timedelta(days=days)
        changed = [night for night in changed_nights(self._store, now) if schedule in {None, night.schedule}]
        recorded = self._store.nights(schedule=schedule, since=first, limit=days * 20)
        return tuple(night for night in merged(recorded, changed) if night.run_date > first)

    def sla(self, *, days: int = 30, schedule: str | None = None, until: datetime | None = None) -> SlaReport:
        """The on-time record with success, failures and durations of the last days (before ``until``)."""
        now, today = until or self._clock.now(), self._today(until)
        every = self.nights(days=max(days, *WINDOWS), schedule=schedule, until=until)
        inside = tuple(night for night in every if night.run_date > today - timedelta(days=days))
        since = now - timedelta(days=days)
        return SlaReport(
            at=now,
            days=days,
            timezone=self._zone(),
            windows=tuple(on_time(every, today=today, days=length) for length in sorted({*WINDOWS, days})),
            success=success_of(self._store.render_outcomes(since=since, until=until)),
            failures=group_failures(self._store.failures_since(since, until=until)),
            stages=stage_times(self._store.durations_since(since, until=until), [stage.value for stage in StageName]),
            calibration=calibration(inside),
            nights=inside,
        )

    def snapshot(self, *, job_limit: int = 50) -> Snapshot:
        """What the console shows now."""
        raise NotImplementedError

    def foretell(self, change: Change) -> Foretold:
        """When tonight's video will be out as things stand, and if something were changed."""
        told = self.snapshot(job_limit=1)
        night, now = told.tonight, told.taken_at
        if night.prediction is None or night.prediction.p90_at is None:
            return Foretold(deadline_at=night.deadline_at, timezone=night.timezone)
        job = night.job
        starts_at = (job.retry_at or now) if job is not None else now if change.start_now else night.starts_at or now
        if job is not None and change.priority is not None:
            job = replace(job, priority=change.priority)
        kinds = {state.definition.name: state.definition.job_type for state in told.schedules}
        after = self.foresight.prediction(
            night.stages,
            now=now,
            starts_at=starts_at,
            job=job,
            job_type=kinds.get(night.schedule or "", ""),
            change=change,
        )
        return Foretold(night.prediction, after, night.deadline_at, night.timezone)

    def report(self, day: date | None = None) -> DailyReport:
        """The daily report of a run date; None: of today where the deadline is."""
        day, told = day or self._today(), self.snapshot(job_limit=1)
        back = max((self._today() - day).days + 1, 30)
        return DailyReport(
            day=day,
            at=self._clock.now(),
            timezone=self._zone(),
            nights=tuple(night for night in self.nights(days=min(back, MOST_DAYS)) if night.run_date == day),
            sla=self.sla(),
            tonight=told.tonight,
            services=told.services,
        )

    def _zone(self) -> str:
        return deadline_zone(self._store.schedules())

    def _today(self, now: datetime | None = None) -> date:
        """Today (or the day of ``now``) where the deadline is."""
        return (now or self._clock.now()).astimezone(ZoneInfo(self._zone())).date()


def night_as_of(night: Night, moment: datetime) -> Night | None:
    """A night's record as it stood at a moment, told from its times; None: it had not come yet. Pure."""
    if night.nominal_at > moment and (night.started_at is None or night.started_at > moment):
        return None
    if night.ready_at is not None and night.ready_at <= moment:
        return night
    if night.due_at <= moment and night.ready_at is None:
        return night
    missed = night.due_at <= moment
    outcome = NightOutcome.MISSED if missed else NightOutcome.OPEN
    return replace(night, outcome=outcome, ready_at=None, degraded=None, upgraded_at=None, note="")


def skip_problem(state: ScheduleState, day: date, now: datetime) -> str | None:
    """Why a run date cannot be skipped, in words; None: it can. Pure."""
    definition = state.definition
    fire = fire_for(definition, day)
    if fire is None:
        return f"schedule {definition.name} has no run for {day} ({definition.when} {definition.timezone})"
    if (fire.deadline_at or fire.nominal) <= now:
        return f"{day} is over: only a run date that is still to come can be skipped"
    return None
