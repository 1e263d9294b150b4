"""What a speech endpoint is asked for, and what else than sound it may answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.kit.urls import openai_path

MAX_INPUT = 4096
"""Characters an OpenAI-compatible endpoint takes at once."""

FILE_SUFFIXES = {
    "audio/mpeg": ".mp3",
    "audio/mp3": ".mp3",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/wave": ".wav",
    "audio/flac": ".flac",
    "audio/aac": ".aac",
    "audio/ogg": ".ogg",
    "audio/opus": ".ogg",
}
MEDIA_TYPES = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".aac": "audio/aac",
    ".ogg": "audio/ogg",
}
"""By the suffix that a narration got for its type."""
AUDIO_URL_WORDS = ("url", "audio_url", "output_url", "download_url")


def speech_path(base_url: str) -> str:
    """The path below ``base_url``, which people write with and without ``/v1``."""
    return openai_path(base_url, "/audio/speech")


def speech_request(text: str, *, model: str, voice: str, speed: float) -> dict[str, Any]:
    """The body of ``POST /v1/audio/speech``. mp3 is the one format that every provider behind it can make."""
    return {"model": model, "input": text, "voice": voice, "response_format": "mp3", "speed": speed}


def media_type_of(content_type: str) -> str:
    """The bare IANA type; what is announced without one is taken for the mp3 that was asked for."""
    bare = content_type.partition(";")[0].strip().lower()
    return bare if bare.startswith("audio/") else "audio/mpeg"


def audio_address(document: Mapping[str, Any]) -> str | None:
    """The address of the sound in a JSON answer, or None."""
    for layer in (document, document.get("data"), document.get("audio")):
        if not isinstance(layer, Mapping):
            continue
        for word in AUDIO_URL_WORDS:
            value: object = layer.get(word)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON
            if isinstance(value, str) and value.strip():
                return value.strip()
    return None
