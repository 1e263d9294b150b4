"""Render one segment's card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from integrations.media import wire
from integrations.media.cards.clip import render_card
from integrations.media.files import whole
from scheduler.domain.codec import segment_from_json


def serve(request: Mapping[str, Any], progress: Callable[[float, str], None]) -> dict[str, Any]:
    """Do the call; see ``LocalMedia.card_clip``."""
    with whole(Path(request["out"]), request["token"]) as part:
        duration = render_card(
            segment_from_json(request["segment"]),
            wire.context_from_json(request["context"]),
            part,
            duration_s=request["duration_s"],
            progress=progress,
        )
    return {"duration_s": duration}
