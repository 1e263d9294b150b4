"""The band over a past moment, and the list of moments."""

from __future__ import annotations

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import BAD, MUTED, OK, PLAIN, STRONG, WARN, Frame, apart, cut, fit, foreign, line
from scheduler.domain.recording import Mark, MarkKind

_BAND = "bold $plate-text on $plate-warn"
_STYLES = {
    MarkKind.VERDICT: STRONG,
    MarkKind.ALERT: BAD,
    MarkKind.FALLBACK: WARN,
    MarkKind.JOB: OK,
    MarkKind.SERVICE: PLAIN,
    MarkKind.DATABASE: BAD,
    MarkKind.GAP: MUTED,
}


def draw_past(frame: Frame) -> list[Content]:
    """Which past moment is shown, how sure it is, how to get on; nothing in the present."""
    past = frame.past
    if past is None:
        return []
    signs, zone = frame.signs, frame.view.timezone
    ago = fmt.coarse_duration((frame.present - past.asked).total_seconds())
    at = fmt.moment(past.asked, frame.present, zone, seconds=True)
    head = f" PAST {at} {fmt.zone_abbreviation(past.asked, zone)}, {ago} ago"
    if past.in_gap:
        held = fmt.moment(past.recorded_at, frame.present, zone, seconds=True)
        head += f" {signs.dot} nobody recorded then: this stood {held}"
    elif past.coarse:
        head += f" {signs.dot} thinned: by the minute"
    for keys in ("[ ] 10 s  ( ) 5 min  { } event  @ jump  esc now ", "[ ] { } @  esc now ", "esc now "):
        if len(head) + len(keys) + 1 <= frame.width:
            break
    band = apart(line(head), line(keys), frame.width, signs)
    return [Content(band.plain).stylize(_BAND)]


def draw_mark(frame: Frame, mark: Mark, *, selected: bool) -> Content:
    """A moment worth a look as a row."""
    signs = frame.signs
    at = fmt.moment(mark.at, frame.present, frame.view.timezone, seconds=True)
    return cut(
        line(
            (f"{signs.cursor if selected else ' '} ", STRONG),
            (fit(at, 19, signs) + " ", MUTED),
            (fit(mark.kind.value, 9, signs), _STYLES[mark.kind]),
            (foreign(mark.text, signs), PLAIN),
        ),
        frame.width,
        signs,
    )
