"""Schedules and their coming fires."""

from __future__ import annotations

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import MUTED, OK, PLAIN, STRONG, WARN, Frame, cut, fit, foreign, line
from console.tui.draw.words import Word
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
