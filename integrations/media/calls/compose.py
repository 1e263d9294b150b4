"""Join clips and narrations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from integrations.media import wire
from integrations.media.compose.composer import compose
from integrations.media.files import whole


def serve(request: Mapping[str, Any], progress: Callable[[float, str], None]) -> dict[str, Any]:
    """Do the call; see ``LocalMedia.compose``."""
    out, token = Path(request["out"]), request["token"]
    segments = [wire.timed_from_json(item) for item in request["segments"]]
    with whole(out.with_suffix(".jpg"), token) as thumbnail, whole(out, token) as video:
        duration = compose(
            segments, video, thumbnail, title=request["title"], language=request["language"], progress=progress
        )
    return {"duration_s": duration}
