"""The Revideo API (``:5001``): the composed video."""

from integrations.revideo.provider import RevideoApi

__all__ = ["RevideoApi"]
