"""Narrate a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from integrations.media.files import whole
from integrations.media.speech.narrate import narrate


def serve(request: Mapping[str, Any], _progress: Callable[[float, str], None]) -> dict[str, Any]:
    """Do the call; see ``LocalMedia.speak``."""
    with whole(Path(request["out"]), request["token"]) as part:
        return {"duration_s": narrate(request["text"], part, voice=request["voice"], speed=request["speed"])}
