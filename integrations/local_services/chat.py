"""The local chat endpoint: OpenAI's contract, with a deterministic answer built from the brief in the prompt."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.local_services.faults import Fault, FaultKind
from integrations.local_services.render_app import ERROR_ANSWERS, BadRequestError, Body, parse_body, read_body
from integrations.local_services.spoil import KEPT_SHARE

MAX_LINE = 140
MAX_NARRATION = 1_100
WORDS_PER_S = 160 / 60
PAUSE_S = 0.8
UNKNOWN = {
    "en": "This is the local stand-in of the chat endpoint: it shows what was asked and does not answer it.",
    "hi": "यह चैट सेवा का स्थानीय प्रतिनिधि है: यह प्रश्न दिखाता है, उसका उत्तर नहीं देता।",
}
WELCOME = {"en": "Here is what this video is about.", "hi": "यह वीडियो इसके बारे में है।"}
GOODBYE = {
    "en": "That was all for this video. Thank you for watching.",
    "hi": "इस वीडियो में बस इतना ही। देखने के लिए धन्यवाद।",
}
RECAP = {"en": "At a glance", "hi": "एक नज़र में"}


class Message(Body):
    """One message."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, Field(max_length=400_000)]


class ChatBody(Body):
    """``POST /v1/chat/completions``."""

    model: Annotated[str, Field(min_length=1, max_length=100)]
    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=100)]
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    max_tokens: Annotated[int, Field(ge=1)] | None = None


class ChatService:
    """The endpoint as an ASGI program (``app``).

    Args:
        fault: for the faults of the answer itself; the others are made around the program.
    """

    def __init__(self, *, fault: Fault | None = None) -> None:
        self._kind = fault.kind if fault is not None else None
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
                Route("/health", self._health, methods=["GET"]),
            ],
            exception_handlers={**ERROR_ANSWERS, BadRequestError: _openai_error},
        )

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "healthy"})

    async def _complete(self, request: Request) -> Response:
        body = parse_body(ChatBody, await read_body(request))
        given = next((message.content for message in reversed(body.messages) if message.role == "user"), "")
        content, reason = await asyncio.to_thread(answer_to, given), "stop"
        match self._kind:
            case FaultKind.TRUNCATED:
                content, reason = content[: int(len(content) * KEPT_SHARE)], "length"
            case FaultKind.SILENT:
                content = ""
            case _:
                pass
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": reason}
        return JSONResponse(
            {
                "id": f"chatcmpl-{uuid.uuid4().hex}",
                "object": "chat.completion",
                "model": body.model,
                "choices": [] if self._kind is FaultKind.MISSING else [choice],
            }
        )


def answer_to(message: str) -> str:
    """The script for the brief, question or prompt in a user's message, as JSON. Pure.

    Raises:
        BadRequestError: there is none in it.
    """
    try:
        given: Any = json.loads(message)
    except ValueError as error:
        raise BadRequestError("messages: the last user message holds no JSON", status=400) from error
    document = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    if isinstance(brief := document.get("brief"), Mapping):
        return json.dumps(_of_brief(cast("Mapping[str, Any]", brief)), ensure_ascii=False)
    text = next((value for key in ("question", "prompt") if isinstance(value := document.get(key), str)), None)
    if text is None:
        raise BadRequestError("messages: the last user message holds no brief, question or prompt", status=400)
    return json.dumps(_of_text(text, str(document.get("language") or "en")), ensure_ascii=False)


def _of_brief(brief: Mapping[str, Any]) -> dict[str, Any]:
    headlines = cast("Sequence[Mapping[str, Any]]", brief.get("headlines") or ())
    points = [
        {
            "headline": number,
            "heading": one["title"],
            "on_screen": [cut(line, MAX_LINE) for line in one["sentences"][:4]],
            **_spoken(" ".join((_sentence(one["title"], brief), *one["sentences"]))),
        }
        for number, one in enumerate(headlines, start=1)
    ]
    return _draft(str(brief.get("title")), str(brief.get("language") or "en"), points)


def _of_text(text: str, language: str) -> dict[str, Any]:
    said = UNKNOWN[_known(language)]
    points = [
        {"headline": 1, "heading": cut(text, 80), "on_screen": [cut(text, MAX_LINE)], **_spoken(cut(text, 600))},
        {"headline": 2, "heading": RECAP[_known(language)], "on_screen": [cut(said, MAX_LINE)], **_spoken(said)},
    ]
    return _draft(cut(text, 100), language, points)


def _draft(title: str, language: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    known = _known(language)
    return {
        "language": language,
        "title": title,
        "intro": {"on_screen": [], **_spoken(f"{WELCOME[known]} {_sentence(title, {'language': language})}")},
        "points": points,
        "outro": {
            "heading": RECAP[known],
            "on_screen": [cut(point["heading"], MAX_LINE) for point in points[:6]],
            **_spoken(GOODBYE[known]),
        },
    }


def _spoken(text: str) -> dict[str, Any]:
    narration = cut(text, MAX_NARRATION)
    return {"narration": narration, "duration_s": round(max(len(narration.split()) / WORDS_PER_S + PAUSE_S, 3.0), 1)}


def _sentence(title: str, brief: Mapping[str, Any]) -> str:
    return title if title.endswith((".", "?", "!", "।")) else title + ("।" if brief.get("language") == "hi" else ".")


def _known(language: str) -> str:
    return "hi" if language.startswith("hi") else "en"


def cut(text: str, limit: int) -> str:
    """``text``, or its beginning of whole words. Pure."""
    return text if len(text) <= limit else text[: limit + 1].rsplit(" ", 1)[0][:limit]


async def _openai_error(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, BadRequestError) else 400
    told = {"message": str(error), "type": "invalid_request_error", "param": str(error).partition(":")[0], "code": None}
    return JSONResponse({"error": told}, status_code=status)
