"""What an operator can do to a schedule: what it means, and how it is done."""

from __future__ import annotations

from datetime import date

from console import format as fmt
from console.text import clean
from console.tui.asking import Host
from console.tui.questions import Question
from scheduler.domain.schedule import ScheduleState


def ask_run(host: Host, schedule: str) -> None:
    """Ask whether to run a schedule now, and do it."""
    operations, actor = host.operations, host.commands.actor

    def run() -> str:
        answer = operations.run_schedule(schedule, actor=actor)
        name = fmt.short_id(answer.job.id)
        return f"job {name} is queued" if answer.created else f"job {name} has that run date already: nothing new"

    effect = "Its job for the coming run date is queued now. A run date that has its job keeps that one."
    host.commands.ask("schedule.run", Question("Run this schedule now?", clean(schedule), effect, "Run it now"), run)


def ask_pause(host: Host, schedule: str, *, paused: bool) -> None:
    """Ask whether to pause or resume a schedule, and do it."""
    operations, actor = host.operations, host.commands.actor

    def pause() -> str:
        operations.pause_schedule(schedule, paused=paused, actor=actor)
        return f"schedule {schedule} is {'paused' if paused else 'active again'}"

    if paused:
        effect = "It starts nothing until somebody resumes it."
        question = Question("Pause this schedule?", clean(schedule), effect, "Pause it")
    else:
        effect = "It starts its runs again, from the next one on."
        question = Question("Resume this schedule?", clean(schedule), effect, "Resume it")
    host.commands.ask("schedule.pause", question, pause)


def ask_skip(host: Host, schedule: ScheduleState, day: date) -> None:
    """Ask whether to skip a run date, or to owe a skipped one again, and do it."""
    operations, actor, name = host.operations, host.commands.actor, schedule.definition.name
    skipped = day in schedule.skip_dates

    def change() -> str:
        if skipped:
            operations.unskip_date(name, day, actor=actor)
            return f"schedule {name} owes {fmt.day(day)} again"
        operations.skip_date(name, day, actor=actor)
        return f"schedule {name} skips {fmt.day(day)}"

    touches = f"{clean(name)} {fmt.day(day)} {day.year}"
    if skipped:
        question = Question(
            "Owe this date again?", touches, "Its run starts at its time, if that is not past.", "Owe it"
        )
    else:
        question = Question("Skip this date?", touches, "Nothing is made for it, and it counts as no miss.", "Skip it")
    host.commands.ask("schedule.skip", question, change)


def day_problem(text: str) -> str | None:
    """Why this is no run date, with what would be; None: it is one."""
    try:
        date.fromisoformat(text.strip())
    except ValueError:
        return f"{clean(text, limit=40)!r} is no date: write it like 2026-11-21"
    return None
