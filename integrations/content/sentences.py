"""Splits English and Hindi prose into sentences.

A full stop ends a sentence when what follows can begin one and what precedes is no abbreviation; ``।``, ``॥``, ``?``
and ``!`` nearly always do. The lists are those of Indian newspaper prose.
"""

from __future__ import annotations

import re

_STOP = re.compile(r"(?P<mark>[.!?…]+|[।॥]+)(?P<close>[\"'”’»)\]]*)(?P<gap>\s*)")
_DANDA = "।॥"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEVER_LAST = _words(
    """rs dr mr mrs ms prof smt shri st vs viz cf eg ie e.g i.e gen col lt capt maj brig adm sgt hon hon'ble approx
    dept govt messrs rev mt ft डॉ प्रो श्री रु रू पं कि.मी मि.मी से.मी वि.सं सुश्री न्या ले मे"""
)
"""Abbreviations that something always follows."""
BEFORE_NUMBER = _words(
    """no nos art arts sec secs fig vol para ch cl pp p jan feb mar apr jun jul aug sep sept oct nov dec
    सं क्र नं पृ अनु"""
)
"""Abbreviations only when a number follows; ``No`` is a word, too."""
STARTERS = _words(
    """the this that these those it its he she they we you his her their there here in on at by for from with under
    as after before since while when where but and however also both earlier later meanwhile according a an
    india indian all each no not what who how why if such some many most several nearly about over"""
)
"""Words that, capitalised after ``U.S.`` or ``Ltd.``, begin a new sentence rather than go on with a name."""
MAY_BE_LAST = _words("etc ltd inc co corp pvt jr sr al bros")
"""Abbreviations that end a sentence when one of ``STARTERS`` follows."""
LETTERS_IN_HINDI = _words("ए बी सी डी ई एफ जी एच आई जे के एल एम एन ओ पी क्यू आर एस टी यू वी डब्ल्यू एक्स वाई जेड")
"""How Hindi writes initials: ``ए. पी. जे. अब्दुल कलाम``."""
_ACRONYM = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")


def split_sentences(text: str) -> tuple[str, ...]:
    """The sentences of a paragraph, in order, without white space around them."""
    text = " ".join(text.split())
    sentences: list[str] = []
    start = 0
    for stop in _STOP.finditer(text):
        if stop.end() < len(text) and not _ends(text, start, stop):
            continue
        sentence = text[start : stop.end()].strip()
        if sentence:
            sentences.append(sentence)
        start = stop.end()
    rest = text[start:].strip()
    return tuple([*sentences, rest] if rest else sentences)


def _ends(text: str, start: int, stop: re.Match[str]) -> bool:
    """Whether the sentence that began at ``start`` ends at this mark, with more text behind it."""
    mark, following = stop["mark"], text[stop.end() :]
    if mark[0] in _DANDA:
        return True
    if not stop["gap"]:
        return False
    first = following.lstrip("\"'“‘«([")[:1]
    if first.islower():
        return False
    if mark != ".":
        return True
    word = text[start : stop.start()].split()[-1:] or [""]
    before = word[0].lstrip("\"'“‘«([")
    return not _is_abbreviation(before, following)


def _is_abbreviation(before: str, following: str) -> bool:
    """Whether ``before.`` is an abbreviation and the sentence goes on with ``following``."""
    word = before.casefold()
    next_word = re.split(r"\W", following.lstrip("\"'“‘«(["), maxsplit=1)[0]
    if word in NEVER_LAST or before in LETTERS_IN_HINDI:
        return True
    if word in BEFORE_NUMBER and (next_word[:1].isdigit() or re.fullmatch(r"[IVXLC]+", next_word)):
        return True
    if word in MAY_BE_LAST or _ACRONYM.fullmatch(before):
        return next_word.casefold() not in STARTERS
    # An initial: S. Jaishankar. "I" is none, and a starter behind the letter begins a sentence: "Vitamin D. The …".
    is_initial = len(before) == 1 and before.isalpha() and before.isascii() and before.isupper() and before != "I"
    return is_initial and next_word.casefold() not in STARTERS
