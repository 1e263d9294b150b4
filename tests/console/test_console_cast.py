"""The cast and the pictures of docs/ are whole, and tell the night they are said to tell."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_cast_tells_a_night_that_is_at_risk_and_ends_ready() -> None:
    head, *events = [json.loads(line) for line in (DOCS / "console.cast").read_text(encoding="utf-8").splitlines()]
    assert (head["version"], head["width"], head["height"]) == (2, 120, 36)
    assert all(kind == "o" and text for _, kind, text in events)
    assert all(one[0] <= other[0] for one, other in pairwise(events))
    whole = "".join(text for _, _, text in events)
    assert whole.index("ON TRACK") < whole.index("AT RISK") < whole.index("static-cards") < whole.index("READY")


def test_every_picture_is_whole_and_shown() -> None:
    shown = (DOCS / "console.md").read_text(encoding="utf-8")
    pictures = sorted((DOCS / "images").glob("console*.svg"))
    assert len(pictures) == 13
    for picture in pictures:
        assert f"images/{picture.name}" in shown
        text = picture.read_text(encoding="utf-8").strip()
        assert text.startswith("<svg")
        assert text.endswith("</svg>")
