"""A4F: speech from an OpenAI-compatible endpoint."""

from integrations.a4f.provider import A4fSpeech

__all__ = ["A4fSpeech"]
