"""Schedules and their coming fires."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import BAD, MUTED, OK, PLAIN, STRONG, WARN, Frame, cut, fit, foreign, line
from console.tui.draw.metrics import night_sign
from console.tui.draw.words import Word
from scheduler.domain.night import Night
from scheduler.domain.schedule import ScheduleState
from scheduler.ports.operations import UpcomingFire

_NAME = 14
_TYPE = 12
_CRON = 16


def schedule_word(schedule: ScheduleState, frame: Frame) -> Word:
    """Whether it fires."""
    if not schedule.definition.enabled:
        return Word(frame.signs.dash, "off", MUTED)
    if schedule.paused:
        return Word(frame.signs.half, "paused", WARN)
    return Word(frame.signs.full, "active", OK)


def draw_schedule_header(frame: Frame) -> list[Content]:
    """The columns' names of ``draw_schedule``."""
    s = frame.signs
    text = fit("", 4, s) + fit("state", 8, s) + fit("name", _NAME, s) + fit("makes", _TYPE, s) + fit("when", _CRON, s)
    return [cut(line((text + fit("due", 12, s) + "last start", MUTED)), frame.width, s)]


def draw_schedule(frame: Frame, schedule: ScheduleState, *, selected: bool) -> Content:
    """One schedule as a row."""
    signs, definition = frame.signs, schedule.definition
    word = schedule_word(schedule, frame)
    last = "never" if schedule.last_fire is None else fmt.moment(schedule.last_fire, frame.now, definition.timezone)
    due = "" if definition.deadline is None else f"{definition.deadline:%H:%M} {_zone(frame, schedule)}"
    skipped = ", ".join(fmt.day(date) for date in schedule.skip_dates[:3])
    return cut(
        line(
            (f"{signs.cursor if selected else ' '} ", STRONG),
            (f"{word.sign} ", word.style),
            (fit(word.text, 8, signs), word.style),
            (fit(foreign(definition.name, signs), _NAME - 1, signs) + " ", STRONG),
            (fit(foreign(definition.job_type, signs), _TYPE - 1, signs) + " ", PLAIN),
            (fit(foreign(definition.when, signs), _CRON - 1, signs) + " ", PLAIN),
            (fit(due, 12, signs), PLAIN),
            (last, MUTED),
            (f"  skips {skipped}" if skipped else "", WARN),
        ),
        frame.width,
        signs,
    )


def _zone(frame: Frame, schedule: ScheduleState) -> str:
    return fmt.zone_abbreviation(frame.now, schedule.definition.timezone)


def draw_upcoming(frame: Frame) -> list[Content]:
    """The next nominal times over all schedules, soonest first."""
    fires = frame.view.upcoming
    if not fires:
        return [line(("nothing is due", MUTED))]
    return [_fire(frame, upcoming) for upcoming in fires]


def _fire(frame: Frame, upcoming: UpcomingFire) -> Content:
    signs, fire = frame.signs, upcoming.fire
    until = (fire.nominal - frame.now).total_seconds()
    wait = fmt.duration(int(until) if until < 60 else int(until / 60) * 60)  # noqa: PLR2004 - by the minute
    deadline = "" if fire.deadline_at is None else f"due {fire.deadline_at.astimezone(fire.nominal.tzinfo):%H:%M}"
    word = Word(signs.dash, "skipped", WARN) if upcoming.skipped else Word(signs.empty, "in " + wait, PLAIN)
    head = line(
        "  ",
        (f"{word.sign} ", word.style),
        (fit(f"{fmt.day(fire.nominal.date())} {fire.nominal:%H:%M}", 18, signs), STRONG),
        (fit(word.text, 15, signs), word.style),
        (fit(foreign(fire.schedule, signs), _NAME - 1, signs) + " ", PLAIN),
        (fit(deadline, 10, signs), MUTED),
    )
    whole = line(head, (f" video of {fmt.day(fire.run_date)}", MUTED))
    return whole if whole.cell_length <= frame.width else cut(head, frame.width, signs)


def draw_nights(frame: Frame, schedule: ScheduleState | None, nights: Sequence[Night] | None) -> list[Content]:
    """The predicted finish of tonight's run against its deadline, and how the last ones ended."""
    if schedule is None or schedule.definition.deadline is None:
        return [line(("without a deadline there is nothing to be on time for", MUTED))] if schedule else []
    lines = _predicted(frame, schedule)
    if nights is None:
        return [*lines, line(("  reading its nights", MUTED))]
    if not nights:
        return [*lines, line(("  no night yet", MUTED))]
    lines += [_night(frame, night) for night in nights]
    return [cut(one, frame.width, frame.signs) for one in lines]


def _predicted(frame: Frame, schedule: ScheduleState) -> list[Content]:
    tonight = frame.view.snapshot.tonight if frame.view.snapshot else None
    if tonight is None or tonight.schedule != schedule.definition.name or tonight.deadline_at is None:
        return []
    zone, expected = tonight.timezone, tonight.prediction
    parts: list[tuple[str, str]] = [("  tonight   ", MUTED)]
    if expected is not None and expected.p50_at is not None and expected.p90_at is not None:
        parts += [("P50 ", MUTED), (fmt.moment(expected.p50_at, frame.now, zone), STRONG)]
        parts += [("  P90 ", MUTED), (fmt.moment(expected.p90_at, frame.now, zone), STRONG)]
    else:
        parts.append((tonight.verdict.value, STRONG))
    parts += [("  by ", MUTED), (fmt.moment(tonight.deadline_at, frame.now, zone), STRONG)]
    if tonight.slack_s is not None:
        late = tonight.slack_s < 0
        parts.append((f"  {fmt.duration(abs(tonight.slack_s))} {'late' if late else 'to spare'}", BAD if late else OK))
    return [line(*parts)]


def _night(frame: Frame, night: Night) -> Content:
    sign, style = night_sign(night, frame.signs)
    ready = "" if night.ready_at is None else f"out {fmt.clock_time(night.ready_at, night.timezone)}"
    margin = night.margin_s
    told = "" if margin is None else f"{fmt.duration(abs(margin))} {'late' if margin < 0 else 'to spare'}"
    degraded = "degraded  " if night.degraded else ""
    return line(
        (f"  {fit(fmt.day(night.run_date), 12, frame.signs)}", PLAIN),
        (f"{sign} ", style),
        (fit(night.outcome.value, 9, frame.signs), style),
        (fit(ready, 11, frame.signs), PLAIN),
        (fit(told, 24, frame.signs), MUTED),
        (degraded, WARN),
        (foreign(night.note, frame.signs), MUTED),
    )
