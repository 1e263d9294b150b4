"""Give a video made elsewhere our captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from integrations.media import wire
from integrations.media.compose.remux import add_captions
from integrations.media.files import whole


def serve(request: Mapping[str, Any], _progress: Callable[[float, str], None]) -> dict[str, Any]:
    """Do the call; see ``LocalMedia.add_captions``."""
    out, token = Path(request["out"]), request["token"]
    segments = [wire.timed_from_json(item) for item in request["segments"]]
    with whole(out.with_suffix(".jpg"), token) as thumbnail, whole(out, token) as video:
        duration = add_captions(Path(request["video"]), segments, video, thumbnail, language=request["language"])
    return {"duration_s": duration}
