"""PyAV and uharfbuzz without their types.

PyAV's stubs leave type parameters open and uharfbuzz has none: under strict checking every use of either would be an
error of its own. They enter here once, as ``Any``; the functions around them are typed.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import av as _av
import uharfbuzz as _hb  # pyright: ignore[reportMissingTypeStubs] - it has none
from av.error import FFmpegError

__all__ = ["AudioFrame", "Container", "Encoder", "FFmpegError", "Packet", "VideoFrame", "av", "hb"]

av: Any = _av
hb: Any = _hb

VideoFrame: TypeAlias = Any
AudioFrame: TypeAlias = Any
Packet: TypeAlias = Any
Container: TypeAlias = Any
Encoder: TypeAlias = Any
