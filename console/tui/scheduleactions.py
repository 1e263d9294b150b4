"""What an operator can do to a schedule: what it means, and how it is done."""

from __future__ import annotations

from console import format as fmt
from console.text import clean
from console.tui.asking import Host
from console.tui.questions import Question


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
