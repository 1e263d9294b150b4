"""From text to tokens: what is negated, which field is named, what is asked of it, and where each stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


class FilterError(ValueError):
    """A filter cannot be read; ``position`` is the place of the mistake, counted from 1, and the message names it."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"error at {position}: {message}")
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Token:
    """One term as written.

    Attributes:
        field: the word before the colon, None for free text.
        value: without quotes.
        quoted: it stood in quotes.
        start: where the term begins (without its ``-``), from 0.
        value_start: where its value begins, from 0.
    """

    field: str | None
    value: str
    start: int
    value_start: int
    negated: bool = False
    quoted: bool = False


def tokens(text: str) -> Iterator[Token]:
    """The terms of a text, in order.

    Raises:
        FilterError: a quote does not end, or a ``-``, ``NOT`` or field stands before nothing.
    """
    at, negated, negated_at = 0, False, 0
    while True:
        at = _skip_space(text, at)
        if at >= len(text):
            if negated:
                raise FilterError("nothing follows the NOT", negated_at + 1)
            return
        if text[at] == "-":
            negated, negated_at, at = not negated, at, at + 1
            if at >= len(text) or text[at].isspace():
                raise FilterError("nothing follows the '-'; write -field:value or -word", at)
            continue
        token, end = _term(text, at, negated=negated)
        at = end
        if token.field is None and not token.quoted and token.value == "NOT":
            negated, negated_at = not negated, token.start
            continue
        negated = False
        if token.field is None and not token.quoted and token.value == "AND":
            continue
        yield token


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _term(text: str, start: int, *, negated: bool) -> tuple[Token, int]:
    at = start
    while at < len(text) and not text[at].isspace() and text[at] not in {":", '"'}:
        at += 1
    field: str | None = None
    if at < len(text) and text[at] == ":":
        field = text[start:at]
        at += 1
        if not field:
            raise FilterError("a ':' without a field before it", start + 1)
        if at >= len(text) or text[at].isspace():
            raise FilterError(f"nothing follows '{field}:'", at + 1)
    else:
        at = start
    value_start = at
    if text[at] == '"':
        value, at = _quoted(text, at)
        return Token(field, value, start, value_start, negated=negated, quoted=True), at
    while at < len(text) and not text[at].isspace():
        at += 1
    return Token(field, text[value_start:at], start, value_start, negated=negated), at


def _quoted(text: str, start: int) -> tuple[str, int]:
    """The text in the quotes that open at ``start``; a backslash lets a quote or a backslash stand for itself."""
    found: list[str] = []
    at = start + 1
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text) and text[at + 1] in {'"', "\\"}:
            found.append(text[at + 1])
            at += 2
        elif text[at] == '"':
            return "".join(found), at + 1
        else:
            found.append(text[at])
            at += 1
    raise FilterError("the quote that opens here does not end", start + 1)
