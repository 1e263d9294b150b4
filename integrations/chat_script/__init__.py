"""Scripts from an OpenAI-compatible chat endpoint."""

from integrations.chat_script.provider import ChatScript

__all__ = ["ChatScript"]
