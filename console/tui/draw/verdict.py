"""The verdict: will the video be ready by the deadline? Three lines, and the night as a line where there is room."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import BAD, BUSY, MUTED, OK, STRONG, WARN, Frame, apart, cut, foreign, line
from console.tui.draw.words import verdict_word
from scheduler.domain.deadline import Verdict
from scheduler.domain.job import JobStatus
from scheduler.domain.snapshot import Tonight

NOTE_FROM_ROWS = 22
"""Terminals with fewer lines go without the note: jobs need the line more."""
NIGHT_FROM_ROWS = 30
"""Terminals with at least as many lines show the night as a line."""
_MINUTE = 60
_PLATES = {
    Verdict.READY: "plate-ok",
    Verdict.ON_TRACK: "plate-ok",
    Verdict.AT_RISK: "plate-warn",
    Verdict.MISSED: "plate-bad",
    Verdict.IDLE: "plate-idle",
}


def draw_verdict(frame: Frame) -> list[Content]:
    """The verdict line, its figures, the note and the line of the night."""
    snapshot = frame.view.snapshot
    if snapshot is None:
        text = "reading the database" + frame.signs.ellipsis
        return [line((f" {text} ", "bold $plate-text on $plate-idle")), *([Content("")] * (_height(frame) - 1))]
    tonight = snapshot.tonight
    lines = [_headline(frame, tonight), line("  ", _figures(frame, tonight))]
    if frame.rows >= NOTE_FROM_ROWS:
        lines.append(line("  ", _note(frame, tonight)))
    if frame.rows >= NIGHT_FROM_ROWS:
        lines += [Content(""), _night(frame, tonight)]
    return [cut(content, frame.width, frame.signs) for content in lines]


def _height(frame: Frame) -> int:
    return 2 + (frame.rows >= NOTE_FROM_ROWS) + 2 * (frame.rows >= NIGHT_FROM_ROWS)


def _headline(frame: Frame, tonight: Tonight) -> Content:
    word = verdict_word(tonight.verdict, frame.signs)
    plate = line((f"  {word.sign} {word.text}  ", f"bold $plate-text on ${_PLATES[tonight.verdict]}"))
    if tonight.verdict is Verdict.IDLE and tonight.deadline_at is None:
        return line(plate, ("  nothing is due: no schedule with a deadline is switched on", MUTED))
    video, due = Content(""), Content("")
    if tonight.run_date is not None:
        video = line(("  video of ", MUTED), (fmt.day(tonight.run_date), STRONG))
    if tonight.deadline_at is not None:
        at = fmt.clock_time(tonight.deadline_at, tonight.timezone)
        zone = fmt.zone_abbreviation(tonight.deadline_at, tonight.timezone)
        due = line(("  due ", MUTED), (f"{at} {zone}", STRONG), ("  " + _until(tonight.deadline_at, frame.now), MUTED))
    whole = line(plate, video, due)
    return whole if whole.cell_length <= frame.width else line(plate, due)


def _until(then: datetime, now: datetime) -> str:
    """Time to or since a deadline, by the minute until the last ones."""
    seconds = (then - now).total_seconds()
    if abs(seconds) >= 600:  # noqa: PLR2004 - below ten minutes every second counts
        seconds = int(seconds / 60) * 60.0
    text = fmt.duration(int(abs(seconds)))
    return f"in {text}" if seconds >= 0 else f"{text} ago"


def _ready_at(tonight: Tonight) -> datetime | None:
    job = tonight.job
    return job.completed_at if job is not None and job.status is JobStatus.COMPLETED else None


def _figures(frame: Frame, tonight: Tonight) -> Content:
    """P50, P90 and slack while it is open; when it came out and how that lies to the deadline once it is out."""
    ready_at = _ready_at(tonight)
    if ready_at is not None and tonight.job is not None:
        parts: list[tuple[str, str] | str] = [("out at ", MUTED), (_at(frame, ready_at), STRONG)]
        if tonight.deadline_at is not None:
            early = (tonight.deadline_at - ready_at).total_seconds()
            side, style = ("before the deadline", OK) if early >= 0 else ("after the deadline", BAD)
            parts += ["  ", (f"{fmt.duration(int(abs(early)))} {side}", style)]
        if tonight.job.degraded:
            parts += ["  ", (f"{frame.signs.fallback} degraded: made with a fallback", WARN)]
        return line(*parts)
    parts = []
    prediction = tonight.prediction
    if prediction is not None and prediction.p50_at is not None and prediction.p90_at is not None:
        parts += [("P50 ", MUTED), (_at(frame, prediction.p50_at), STRONG)]
        parts += [("  P90 ", MUTED), (_at(frame, prediction.p90_at), STRONG), "  "]
    if tonight.slack_s is not None:
        late = tonight.slack_s < 0
        slack = int(abs(tonight.slack_s))
        label = fmt.duration(slack if slack < _MINUTE else slack // _MINUTE * _MINUTE)
        style = BAD if late else WARN if tonight.verdict is Verdict.AT_RISK else OK
        parts += [("late by " if late else "slack ", MUTED), (label, style)]
    if tonight.job is None and tonight.starts_at is not None:
        parts += [
            ("  starts ", MUTED),
            (_at(frame, tonight.starts_at), STRONG),
            (f" {_until(tonight.starts_at, frame.now)}", MUTED),
        ]
    return line(*parts) if parts else line(("no prediction yet", MUTED))


def _at(frame: Frame, moment: datetime) -> str:
    return fmt.moment(moment, frame.now, frame.view.timezone)


def _note(frame: Frame, tonight: Tonight) -> Content:
    """What is going on or wrong; the path of the video once it is out."""
    job = tonight.job
    url = job.payload.get("video_url") if job is not None and job.status is JobStatus.COMPLETED else None
    if isinstance(url, str) and url:
        return line(("video ", MUTED), (foreign(url.removeprefix("file://"), frame.signs), STRONG))
    return line(foreign(tonight.note, frame.signs))


def _night(frame: Frame, tonight: Tonight) -> Content:
    """From the start to the deadline on one line, with now, P50 and P90 where they lie."""
    start, end = _span(frame, tonight)
    if start is None or end is None or frame.width < 40:  # noqa: PLR2004 - too narrow to say anything
        return Content("")
    signs = frame.signs
    left = line((fmt.clock_time(start, tonight.timezone) + " ", MUTED))
    legend = "  ".join(f"{sign} {word}" for sign, word in ((signs.now, "now"), (signs.p50, "P50"), (signs.p90, "P90")))
    right = line((f" {fmt.clock_time(end, tonight.timezone)}   {legend}  {signs.deadline} deadline", MUTED))
    width = frame.width - left.cell_length - right.cell_length
    if width < 10:  # noqa: PLR2004 - the legend takes it all
        return Content("")
    seconds = (end - start).total_seconds()

    def column(then: datetime) -> int:
        return min(max(int((then - start).total_seconds() / seconds * (width - 1)), 0), width - 1)

    reached = column(frame.now)
    cells: list[tuple[str, str]] = [
        (signs.bar, BUSY) if n <= reached else (signs.bar_rest, MUTED) for n in range(width)
    ]
    prediction = tonight.prediction
    if prediction is not None and _ready_at(tonight) is None:
        if prediction.p90_at is not None:
            cells[column(prediction.p90_at)] = (signs.p90, STRONG)
        if prediction.p50_at is not None:
            cells[column(prediction.p50_at)] = (signs.p50, STRONG)
    if tonight.deadline_at is not None:
        cells[column(tonight.deadline_at)] = (signs.deadline, BAD)
    if start <= frame.now <= end:
        cells[reached] = (signs.now, BUSY)
    return apart(line(left, *cells), right, frame.width, signs)


def _span(frame: Frame, tonight: Tonight) -> tuple[datetime | None, datetime | None]:
    job = tonight.job
    start = (job.created_at if job is not None else tonight.starts_at) or frame.now
    ends = [tonight.deadline_at]
    if tonight.prediction is not None:
        ends.append(tonight.prediction.p90_at)
    end = max((then for then in ends if then is not None), default=None)
    if end is None or end <= start:
        return None, None
    return min(start, frame.now) if tonight.job is None else start, end
