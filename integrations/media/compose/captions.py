"""Captions: a narration cut into phrases and timed over its sound. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from integrations.media.text.shape import JOINERS, clean
from integrations.media.text.typeset import clusters

LINE_COLUMNS = 42
LINES = 2
SENTENCE_PAUSE = 7.0
CLAUSE_PAUSE = 3.0
"""How many columns of speech a pause is worth."""
MIN_CUE_S = 0.7

LEADING_WORDS = frozenset(
    "a an and as at but by for from in into its nor of on or per than that the their to with".split()  # noqa: SIM905 - a row reads better
)
"""Words that belong to what follows: a caption does not end with one."""

_SENTENCE_END = re.compile(r"(?<=[.!?।])[\"'”’)]*\s+(?=[\"'“‘(]*[A-Z\u0900-\u097f\d₹])")


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption: what stands on the screen from ``start_s`` to ``end_s`` of the video."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]


def columns(text: str) -> int:
    """How many letters a reader sees: marks and joiners do not count."""
    return sum(1 for c in text if c not in JOINERS and not unicodedata.category(c).startswith("M"))


def phrases(text: str) -> list[tuple[str, ...]]:
    """``text`` in phrases of at most two lines of 42 columns, whole sentences where they fit."""
    found: list[tuple[str, ...]] = []
    for sentence in _SENTENCE_END.split(clean(text)):
        words = [piece for word in sentence.split(" ") if word for piece in _pieces(word)]
        if words:
            found.extend(_balanced(part) for part in _divide(words))
    return found


def _pieces(word: str) -> list[str]:
    """A word in pieces that fit a line."""
    pieces = [""]
    for cluster in clusters(word):
        if columns(pieces[-1] + cluster) > LINE_COLUMNS:
            pieces.append("")
        pieces[-1] += cluster
    return pieces


def _fill(words: Sequence[str], width: int) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and columns(lines[-1]) + 1 + columns(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _divide(words: Sequence[str]) -> list[Sequence[str]]:
    """Cut a sentence into as few phrases as it needs, about equally long, at commas rather than elsewhere."""
    if len(_fill(words, LINE_COLUMNS)) <= LINES:
        return [words]
    total = columns(" ".join(words))
    target = total / -(-total // (LINE_COLUMNS * LINES - 8))

    @cache
    def best(start: int) -> tuple[float, tuple[int, ...]]:
        if start == len(words):
            return 0.0, ()
        choices: list[tuple[float, tuple[int, ...]]] = []
        for end in range(start + 1, len(words) + 1):
            part = words[start:end]
            if end > start + 1 and len(_fill(part, LINE_COLUMNS)) > LINES:
                break
            cost = ((columns(" ".join(part)) - target) / target) ** 2 + 0.02
            if end < len(words) and not part[-1].endswith((",", ";", ":", "–", "—")):
                cost += 0.5 if part[-1].lower() in LEADING_WORDS else 0.3
            rest, cuts = best(end)
            choices.append((cost + rest, (end, *cuts)))
        return min(choices)

    cuts = best(0)[1]
    return [words[start:end] for start, end in zip((0, *cuts), cuts, strict=False)]


def _balanced(words: Sequence[str]) -> tuple[str, ...]:
    lines = _fill(words, LINE_COLUMNS)
    if len(lines) < LINES:
        return tuple(lines)
    width = next(
        width
        for width in range(LINE_COLUMNS // 2, LINE_COLUMNS + 1)
        if len(_fill(words, width)) <= len(lines) and max(map(columns, _fill(words, width))) <= LINE_COLUMNS
    )
    return tuple(_fill(words, width))


def cues(text: str, *, start_s: float, duration_s: float) -> tuple[Cue, ...]:
    """Captions for ``text`` spoken from ``start_s`` for ``duration_s``: each as long as its share of the letters."""
    parts = phrases(text)
    weights = [_weight(part) for part in parts]
    total = sum(weights)
    found: list[Cue] = []
    spoken = 0.0
    for part, weight in zip(parts, weights, strict=True):
        begins = start_s + duration_s * spoken / total
        spoken += weight
        found.append(Cue(begins, start_s + duration_s * spoken / total, part))
    return _merged(found)


def _weight(part: tuple[str, ...]) -> float:
    text = " ".join(part)
    pause = (
        SENTENCE_PAUSE if text.endswith((".", "!", "?", "।")) else CLAUSE_PAUSE if text.endswith((",", ";")) else 0.0
    )
    return columns(text) + sum(char.isdigit() for char in text) + pause


def _merged(found: Sequence[Cue]) -> tuple[Cue, ...]:
    """Without cues too short to read: such a one shares the screen with the next, when both fit."""
    merged: list[Cue] = []
    for cue in found:
        last = merged[-1] if merged else None
        if last and last.end_s - last.start_s < MIN_CUE_S and len(last.lines) + len(cue.lines) <= LINES:
            merged[-1] = Cue(last.start_s, cue.end_s, (*last.lines, *cue.lines))
        else:
            merged.append(cue)
    return tuple(merged)
