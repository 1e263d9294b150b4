"""How times, spans and runs are told to people. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from scheduler.domain.render import AttemptStatus
from scheduler.domain.snapshot import StageState, StageView

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
LONGEST_CAUSE = 160


def clock(at: datetime, zone: str, now: datetime | None = None) -> str:
    """``05:45 IST``; with the date where it is another day than ``now``'s."""
    local = at.astimezone(ZoneInfo(zone))
    other_day = now is not None and local.date() != now.astimezone(ZoneInfo(zone)).date()
    return f"{local:%a %d %b %H:%M %Z}" if other_day else f"{local:%H:%M %Z}"


def span(seconds: float) -> str:
    """``45 s``, ``12 min``, ``2 h 05 min``, ``3 days``."""
    whole = round(abs(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY} days"


def cut(text: str | None, limit: int = LONGEST_CAUSE) -> str:
    """One line, not longer than ``limit``."""
    line = " ".join((text or "").split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def stage_lines(stages: tuple[StageView, ...], zone: str) -> tuple[str, ...]:
    """What failed in a render since when, and what predawn did about it: a line for each stage with trouble."""
    lines: list[str] = []
    for view in stages:
        failed = [attempt for attempt in view.attempts if attempt.status is AttemptStatus.FAILED]
        if not failed:
            continue
        first, last = failed[0], failed[-1]
        who = sorted({attempt.provider for attempt in failed})
        times = "once" if len(failed) == 1 else f"{len(failed)} times"
        kind = last.error_class.value if last.error_class else "error"
        line = f"{view.stage}: {', '.join(who)} failed {times} since {clock(first.started_at, zone)} ({kind}: "
        line += f"{cut(last.error_message, 90)})"
        if view.state == StageState.DONE:
            line += f"; {view.provider} did it instead" if view.provider not in who else "; then it worked"
        elif view.provider and view.provider not in who:
            line += f"; now trying {view.provider}"
        elif view.state in {StageState.RUNNING, StageState.RETRYING}:
            line += "; retrying"
        lines.append(line)
    return tuple(lines)
