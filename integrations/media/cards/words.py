"""The few words a card adds to a segment's own, in the languages of the briefs."""

from __future__ import annotations

from datetime import date

MONTHS = {
    "en": (
        "January February March April May June July August September October November December".split()  # noqa: SIM905 - a row reads better
    ),
    "hi": "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर".split(),  # noqa: SIM905 - a row reads better
}
DAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),  # noqa: SIM905 - a row reads better
    "hi": "सोमवार मंगलवार बुधवार गुरुवार शुक्रवार शनिवार रविवार".split(),  # noqa: SIM905 - a row reads better
}
STORIES = {"en": ("1 story", "{} stories"), "hi": ("1 ख़बर", "{} ख़बरें")}
SOURCE = {"en": "Source: {}", "hi": "स्रोत: {}"}


def base_language(language: str) -> str:
    """``hi`` for ``hi-IN``; English for languages the cards have no words for."""
    base = language.split("-", 1)[0].lower()
    return base if base in MONTHS else "en"


def long_date(day: date, language: str) -> str:
    """``Friday, 6 June 2025``."""
    words = base_language(language)
    return f"{DAYS[words][day.weekday()]}, {day.day} {MONTHS[words][day.month - 1]} {day.year}"


def stories(count: int, language: str) -> str:
    """``5 stories``."""
    one, many = STORIES[base_language(language)]
    return one if count == 1 else many.format(count)


def source_line(source: str, language: str) -> str:
    """``Source: RBI, 6 June 2025``."""
    return SOURCE[base_language(language)].format(source)
