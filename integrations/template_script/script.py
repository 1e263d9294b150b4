"""Builds the script: an intro, a point for each headline, an outro with the headlines to revise. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from integrations.template_script.condense import lines_of, recap_of
from integrations.template_script.phrases import Phrases, phrases_for
from integrations.template_script.speech import sentence, spoken
from scheduler.domain.content import Brief, Headline, Script, Segment, SegmentKind

WORDS_PER_MINUTE = 160
"""Just below the 165 of the voices at speed 1.0: a plan that is too long would leave silence on each card."""
READING_CPS = 20.0
"""Characters a second that a viewer reads."""
REVISION_CPS = 32.0
"""The same for headlines that were heard before."""
DIGIT_WORDS = 0.85
"""Words that it takes to say one digit of a figure, measured with eSpeak NG on the shipped briefs."""
PAUSE_S = 0.8
"""Silence behind each narration."""
SETTLE_S = 1.5
"""Seconds until a card stands and reading begins."""
SHORTEST_SEGMENT_S = 4.0
SHORTEST_VIDEO_S = 30.0
MAX_RECAP_LINES = 6
LETTERS_PER_WORD = 12
"""A run of letters counts as one word for each so many: text without spaces takes its time, too."""


def build_script(brief: Brief, programme: str) -> Script:
    """The script of a brief; the same for the same arguments. At least 30 seconds long.

    Args:
        brief: at least one headline, each with at least one sentence.
        programme: the programme's name, as it is spoken at the beginning and the end.
    """
    words = phrases_for(brief.language, brief.kind)
    points = [_point(headline, number, brief, words) for number, headline in enumerate(brief.headlines, start=1)]
    parts = [_intro(brief, programme, words), *points, _outro(brief, programme, words)]
    segments = [replace(part, index=index, duration_s=_seconds(part)) for index, part in enumerate(parts)]
    total = sum(segment.duration_s for segment in segments)
    if total < SHORTEST_VIDEO_S:
        # Rounded up, so that the sum of the rounded parts is not short of it.
        factor = SHORTEST_VIDEO_S / total
        segments = [replace(one, duration_s=round(one.duration_s * factor + 0.05, 1)) for one in segments]
    return Script(brief.title, brief.date, brief.language, tuple(segments))


def _intro(brief: Brief, programme: str, words: Phrases) -> Segment:
    """The cover. Cards show programme, date and the number of stories on it themselves."""
    narration = words.welcome.format(
        programme=programme,
        date=words.long_date(brief.date),
        title=sentence(spoken(brief.title, brief.language), words.stop),
        stories=words.count(len(brief.headlines)),
    )
    lines = (words.edition_line(brief.edition),) if brief.edition else ()
    return Segment(0, SegmentKind.INTRO, brief.title, lines, narration, 0.0)


def _point(headline: Headline, number: int, brief: Brief, words: Phrases) -> Segment:
    said = [sentence(spoken(text, brief.language), words.stop) for text in (headline.title, *headline.sentences)]
    narration = " ".join([words.before(number, len(brief.headlines)), *said])
    lines = lines_of(headline.sentences)
    return Segment(0, SegmentKind.POINT, headline.title, lines, narration, 0.0, headline.source, number)


def _outro(brief: Brief, programme: str, words: Phrases) -> Segment:
    titles = [recap_of(headline.title) for headline in brief.headlines]
    if len(titles) > MAX_RECAP_LINES:
        left_out = len(titles) - MAX_RECAP_LINES + 1
        titles = [*titles[: MAX_RECAP_LINES - 1], words.more.format(count=words.count(left_out))]
    narration = words.goodbye.format(programme=programme, date=words.long_date(brief.date))
    return Segment(0, SegmentKind.OUTRO, words.recap, tuple(titles), narration, 0.0)


def _seconds(segment: Segment) -> float:
    """Seconds on screen: long enough to be said and to be read."""
    said = spoken_words(segment.narration) * 60 / WORDS_PER_MINUTE + PAUSE_S
    speed = REVISION_CPS if segment.kind is SegmentKind.OUTRO else READING_CPS
    read = (len(segment.heading) + sum(map(len, segment.lines))) / speed + SETTLE_S
    return round(max(said, read, SHORTEST_SEGMENT_S), 1)


def spoken_words(text: str) -> float:
    """How many words it takes to say ``text``, figures as words."""
    count = 0.0
    for token in text.split():
        digits = len(re.findall(r"\d", token))
        others = sum(char.isalpha() for char in token)
        count += digits * DIGIT_WORDS + (max(1.0, others / LETTERS_PER_WORD) if others else 0.0)
    return count
