"""Look at a finished file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from integrations.media import wire
from integrations.media.probe import probe


def serve(request: Mapping[str, Any], _progress: Callable[[float, str], None]) -> dict[str, Any]:
    """Do the call; see ``LocalMedia.probe``."""
    return wire.report_to_json(probe(Path(request["path"])))
