"""A4F: speech from an OpenAI-compatible endpoint."""

from integrations.a4f.cache import NarrationCache
from integrations.a4f.cached import CachedSpeech
from integrations.a4f.provider import A4fSpeech

__all__ = ["A4fSpeech", "CachedSpeech", "NarrationCache"]
