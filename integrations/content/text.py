"""Text as people send it, made fit to be shown, spoken and compared."""

from __future__ import annotations

import re
import unicodedata

JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners: invisible, but Devanagari is spelt with them."""
_NEWLINES = re.compile(r"\r\n?|\u2028|\u2029|\x85|\x0b|\x0c")
_UNWANTED = frozenset({"Cc", "Cf", "Cs", "Cn"})
MAX_MARKED = 4000
"""Characters of a text whose Markdown is read: the patterns take long over text that is meant to make them do so."""


def clean_text(text: str) -> str:
    """NFC, LF line ends, no control, formatting or bidirectional characters (joiners stay).

    Line numbers stay as they are in editors. Lone surrogates, which JSON can carry but UTF-8 cannot, go too.
    """
    lines = _NEWLINES.sub("\n", text)
    kept = (char for char in lines if char in "\n\t" or char in JOINERS or unicodedata.category(char) not in _UNWANTED)
    return unicodedata.normalize("NFC", "".join(kept))


def one_line(text: str) -> str:
    """``clean_text`` with every run of white space as one space, and none at the ends."""
    return " ".join(clean_text(text).split())


def without_comments(text: str) -> str:
    """The text without HTML comments; its lines keep their numbers."""
    parts: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        parts += [text[at:start], "\n" * text.count("\n", start, end)]
        at = end + len("-->")
    return "".join([*parts, text[at:]])


def has_words(text: str) -> bool:
    """Whether there is a letter or digit in it."""
    return any(char.isalnum() for char in text)


def folded(text: str) -> str:
    """A form in which texts that read the same are equal: without case, punctuation and spacing."""
    return "".join(
        char for char in unicodedata.normalize("NFKC", text).casefold() if unicodedata.category(char)[0] in "LMNS"
    )


_LINK = re.compile(r"\[([^\]\[]+)\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)")
_EMPHASIS = (
    re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"),
    re.compile(r"(?<![\w*])(\*)(?=[^\s*])(.+?)(?<=[^\s*])\*(?![\w*])"),
    re.compile(r"(?<!\w)(_)(?=[^\s_])(.+?)(?<=[^\s_])_(?!\w)"),
    re.compile(r"(`)([^`]+)`"),
)
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!<>|])")


def plain(text: str) -> str:
    """Inline Markdown as plain text: links keep their words, emphasis and code lose their marks.

    A text of more than ``MAX_MARKED`` characters comes back as it is; it is over every limit of a brief.
    """
    if len(text) > MAX_MARKED:
        return text
    text = _LINK.sub(r"\1", text)
    for pattern in _EMPHASIS:
        text = pattern.sub(r"\2", text)
    return _ESCAPE.sub(r"\1", text)
