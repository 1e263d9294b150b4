"""Sentences as the short lines of a card. Words are never cut; what is left out is left out at a clause."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_LINES = 4
COMFORTABLE = 110
"""Characters of a line that is left as it is."""
LONGEST = 150
"""Characters of a line for which no place to shorten it is found, before it ends in an ellipsis."""
MAX_RECAP = 84
"""Characters of a headline in the recap."""
SHORTEST_SHARE = 0.35
"""Share of the limit that must be left when a text is cut at a clause: less would say too little."""

_PARENTHESIS = re.compile(r"\s*\([^()]*\)")
_CLAUSE = re.compile(
    r"""\s*(?:
        [,–—]\s(?=(?:which|who|whose|where|while|whereas|although|though|because|since|so|as|after|before|until|unless|
                   and|but|together|along|including|with|without|among|making|taking|जो|जिसमें|जिससे|जिसके|जहाँ|जबकि|ताकि|
                   क्योंकि|तथा|और|लेकिन)(?![\w\u0900-\u0963]))
      | \s[–—]\s
    )""",
    re.VERBOSE,
)
_APPOSITION = re.compile(rf"{_CLAUSE.pattern}|,\s(?=(?:the|an?)\s)|[;:]\s", re.VERBOSE)
"""Also places where something is only said in other words; never between the items of a list."""
_FACT = re.compile(r"[₹$£€%]|\d[\d,.]*")


def lines_of(sentences: Sequence[str]) -> tuple[str, ...]:
    """At most four lines for a card, in the order of the sentences; at least one.

    The first sentence stays; of the others those with the most figures do.
    """
    clauses = [clause for sentence in sentences for clause in _independent(sentence)]
    kept = range(len(clauses))
    if len(clauses) > MAX_LINES:
        by_facts = sorted(kept[1:], key=lambda index: (-len(_FACT.findall(clauses[index])), index))
        kept = sorted([0, *by_facts[: MAX_LINES - 1]])
    return tuple(_line(clauses[index]) for index in kept)


def recap_of(headline: str) -> str:
    """A headline short enough for one of several lines."""
    text = _without_stop(headline)
    if len(text) <= MAX_RECAP:
        return text
    return _at_clause(text, _APPOSITION, MAX_RECAP) or _at_word(text, MAX_RECAP)


def _independent(sentence: str) -> list[str]:
    """The parts between semicolons: each could be a sentence by itself."""
    parts = [part.strip() for part in re.split(r";\s+", sentence) if part.strip()]
    return [f"{part[:1].upper()}{part[1:]}" for part in parts]


def _line(clause: str) -> str:
    text = _without_stop(clause)
    if len(text) > COMFORTABLE:
        text = _PARENTHESIS.sub("", text)
    if len(text) > COMFORTABLE:
        text = _at_clause(text, _CLAUSE, COMFORTABLE) or text
    if len(text) > LONGEST:
        text = _at_clause(text, _APPOSITION, LONGEST) or _at_word(text, LONGEST)
    return text


def _at_clause(text: str, boundary: re.Pattern[str], limit: int) -> str | None:
    """The longest beginning of ``text`` that ends before a clause and is at most ``limit`` long, if any says enough."""
    ends = [found.start() for found in boundary.finditer(text)]
    fitting = [end for end in ends if limit * SHORTEST_SHARE <= end <= limit]
    return text[: max(fitting)].rstrip(" ,;:–—") if fitting else None


def _at_word(text: str, limit: int) -> str:
    """The longest beginning that ends with a whole word, with an ellipsis; one word that is too long stays whole."""
    if len(text) <= limit:
        return text
    end = text.rfind(" ", 0, limit)
    if end <= 0:
        end = text.find(" ")
        if end < 0:
            return text
    return f"{text[:end].rstrip(' ,;:–—')}…"


def _without_stop(text: str) -> str:
    """Without the full stop or danda at its end; abbreviations such as ``U.S.`` and ``p.m.`` keep theirs."""
    text = " ".join(text.split())
    if re.search(r"(?:^|[\s(])(?:\w\.)+\w\.$|\b(?:Ltd|Inc|Co|etc|Jr|Sr)\.$|\.\.\.$", text):
        return text
    return text.rstrip("।॥. ") or text
