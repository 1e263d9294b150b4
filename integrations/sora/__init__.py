"""Sora-style text-to-video: pictures of each segment, or a whole video from a prompt."""

from integrations.sora.provider import SoraClips
from integrations.sora.route import SoraRoute

__all__ = ["SoraClips", "SoraRoute"]
