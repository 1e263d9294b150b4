"""The audit trail: who did what, from where, with which outcome."""

from __future__ import annotations

import json
from collections.abc import Sequence

from textual.content import Content

from console import format as fmt
from console.text import has_words
from console.tui.draw.base import BAD, MUTED, OK, STRONG, WARN, Frame, cut, fit, fold, foreign, line
from console.tui.draw.words import Word
from console.tui.signs import Signs
from scheduler.domain.audit import AuditLine, AuditOutcome

_ORIGIN_FROM = 110


def outcome_word(outcome: AuditOutcome, signs: Signs) -> Word:
    """How a command ended."""
    match outcome:
        case AuditOutcome.DONE:
            return Word(signs.good, "done", OK)
        case AuditOutcome.REFUSED:
            return Word(signs.dash, "refused", WARN)
        case AuditOutcome.FAILED:
            return Word(signs.bad, "failed", BAD)


def audit_matches(entry: AuditLine, text: str) -> bool:
    """Whether all words of ``text`` occur in the line; ``-word`` must not. Pure."""
    one = entry.entry
    said = (one.actor, one.role.value, one.via, one.origin, one.command, one.target, one.outcome.value, one.message)
    return has_words(said, text)


def draw_audit_header(frame: Frame) -> list[Content]:
    """The columns' names of ``draw_audit_row``."""
    s = frame.signs
    text = "  " + fit("when", 17, s) + fit("who", 12, s) + fit("via", 6, s)
    text += fit("from", 22, s) if frame.width >= _ORIGIN_FROM else ""
    text += fit("what", 18, s) + fit("of what", 12, s) + "outcome"
    return [cut(line((text, MUTED)), frame.width, s)]


def draw_audit_row(frame: Frame, entry: AuditLine, *, selected: bool) -> Content:
    """One line of the trail as a row."""
    signs, one = frame.signs, entry.entry
    word = outcome_word(one.outcome, signs)
    at = fmt.moment(entry.at, frame.now, frame.view.timezone, seconds=True)
    target = foreign(one.target, signs)
    parts: list[tuple[str, str] | str | Content] = [
        (f"{signs.cursor if selected else ' '} ", STRONG),
        (fit(at, 16, signs) + " ", MUTED),
        (fit(foreign(one.actor, signs), 11, signs) + " ", STRONG),
        (fit(foreign(one.via, signs), 5, signs) + " ", MUTED),
    ]
    if frame.width >= _ORIGIN_FROM:
        parts.append((fit(foreign(one.origin, signs), 21, signs) + " ", MUTED))
    parts += [
        (fit(foreign(one.command, signs), 17, signs) + " ", ""),
        (fit(fmt.short_id(target) if _is_id(target) else target, 11, signs) + " ", ""),
        (f"{word.sign} {word.text}", word.style),
        (f"  {foreign(one.message, signs)}" if one.message else "", MUTED),
    ]
    return cut(line(*parts), frame.width, signs)


def _from(origin: str, signs: Signs) -> str:
    return f" from {foreign(origin, signs)}" if origin else ""


_ID_LENGTH = 36


def _is_id(text: str) -> bool:
    return len(text) == _ID_LENGTH and text.count("-") == 4  # noqa: PLR2004 - a UUID


def draw_audit_detail(frame: Frame, entry: AuditLine | None) -> Sequence[Content]:
    """Everything of the line under the cursor."""
    if entry is None:
        return []
    signs, one = frame.signs, entry.entry
    detail = foreign(json.dumps(dict(one.detail), ensure_ascii=False, sort_keys=True), signs, 2_000)
    rows = [
        ("line", f"{entry.seq}, {fmt.stamp(entry.at, frame.view.timezone)}"),
        (
            "who",
            f"{foreign(one.actor, signs)} ({one.role}) by {foreign(one.via, signs)}{_from(one.origin, signs)}",
        ),
        ("what", f"{foreign(one.command, signs)} {foreign(one.target, signs)}"),
        ("outcome", f"{one.outcome.value}{f': {foreign(one.message, signs)}' if one.message else ''}"),
        ("detail", detail if one.detail else signs.dash),
        ("hash", f"{entry.hash[:32]}{signs.ellipsis} after {entry.previous[:16]}{signs.ellipsis}"),
    ]
    lines: list[Content] = []
    for name, text in rows:
        for n, piece in enumerate(fold(text, max(frame.width - 9, 20))):
            lines.append(cut(line((fit("" if n else name, 9, signs), MUTED), piece), frame.width, signs))
    return lines
