"""Write silence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from integrations.media.files import whole
from integrations.media.speech.wav import write_silence


def serve(request: Mapping[str, Any], _progress: Callable[[float, str], None]) -> dict[str, Any]:
    """Do the call; see ``LocalMedia.silence``."""
    with whole(Path(request["out"]), request["token"]) as part:
        return {"duration_s": write_silence(part, request["duration_s"])}
