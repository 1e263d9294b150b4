"""A JSON value as a tree: a key a line, guides for the depth, long text folded and never cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from rich.cells import cell_len
from textual.content import Content

from console.text import clean, clean_lines
from console.tui.draw.base import MUTED, PLAIN, STRONG, fold, line
from console.tui.signs import Signs

DEEPEST = 40
"""Levels that are drawn as a tree; what lies deeper is shown as it is written."""
_NARROWEST = 12


def tree_lines(value: Mapping[str, Any], width: int, signs: Signs) -> Iterator[Content]:
    """The lines of a payload. Keys in their order."""
    yield from _Tree(width, signs).entries([(str(key), item) for key, item in value.items()], "", 0)


class _Tree:
    def __init__(self, width: int, signs: Signs) -> None:
        self._width = width
        self._guide = signs.guide + " "

    def entries(self, entries: Sequence[tuple[str, Any]], guide: str, depth: int) -> Iterator[Content]:
        for key, item in entries:
            yield from self._entry(clean(key, limit=200), item, guide, depth)

    def _entry(self, key: str, item: Any, guide: str, depth: int) -> Iterator[Content]:
        deeper = guide + self._guide
        if isinstance(item, Mapping) and item and depth < DEEPEST:
            yield line((guide, MUTED), (key, STRONG))
            found = cast("Mapping[str, Any]", item)
            yield from self.entries([(str(name), one) for name, one in found.items()], deeper, depth + 1)
        elif isinstance(item, list) and item and depth < DEEPEST:
            numbered = [(f"{n}", one) for n, one in enumerate(cast("list[Any]", item))]
            yield line((guide, MUTED), (key, STRONG), (f"  {len(numbered)}", MUTED))
            yield from self.entries(numbered, deeper, depth + 1)
        else:
            yield from self._leaf(key, item, guide, deeper)

    def _leaf(self, key: str, item: Any, guide: str, deeper: str) -> Iterator[Content]:
        text = clean_lines(item) if isinstance(item, str) else _word(item)
        room = self._width - len(guide) - cell_len(key) - 2
        if len(text) <= room and "\n" not in text and cell_len(text) <= room:
            yield line((guide, MUTED), (f"{key}  ", STRONG), (text, PLAIN))
            return
        for piece in fold(key, max(self._width - len(guide), _NARROWEST)):
            yield line((guide, MUTED), (piece, STRONG))
        for piece in fold(text, max(self._width - len(deeper), _NARROWEST)):
            yield line((deeper, MUTED), (piece, PLAIN))


def _word(item: Any) -> str:
    match item:
        case None:
            return "null"
        case bool():
            return "yes" if item else "no"
        case dict():
            return "{}" if not item else clean(str(cast("dict[str, Any]", item)))
        case list():
            return "[]" if not item else clean(str(cast("list[Any]", item)))
        case _:
            return clean(str(item))
