"""What counts as a word when jobs are searched: the same in SQLite's FTS5, in PostgreSQL's index and here."""

from __future__ import annotations

import unicodedata
from itertools import groupby

LONGEST_WORD = 400


def words(text: str) -> tuple[str, ...]:
    """The words of a text in small letters: runs of letters, digits and the marks that go with them."""
    runs = groupby(text.lower(), key=_in_word)
    return tuple(word for inside, run in runs if inside and len(word := "".join(run)) <= LONGEST_WORD)


def _in_word(char: str) -> bool:
    if char.isascii():
        return char.isalnum()
    return unicodedata.category(char)[0] in "LNM"


def holds_phrase(text: tuple[str, ...], phrase: tuple[str, ...], *, prefix: bool) -> bool:
    """Whether the words stand in the text one after another; with ``prefix`` the last may go on."""
    size = len(phrase)
    for at in range(len(text) - size + 1):
        *head, last = text[at : at + size]
        if tuple(head) == phrase[:-1] and (last.startswith(phrase[-1]) if prefix else last == phrase[-1]):
            return True
    return False
