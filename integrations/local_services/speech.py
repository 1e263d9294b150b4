"""The local speech endpoint: OpenAI's contract over eSpeak NG."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.local_services.faults import Fault, FaultKind
from integrations.local_services.render_app import ERROR_ANSWERS, BadRequestError, Body, parse_body, read_body
from integrations.local_services.spoil import KEPT_SHARE
from integrations.local_services.transcode import FORMATS, transcode
from scheduler.domain.failure import StageFailure
from scheduler.ports.media import LocalMedia

AT_ONCE = 2
OPENAI_VOICES = frozenset(
    {"alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse"}
)
"""Voices of the contract; eSpeak NG has none of them and speaks them all alike."""


class SpeechBody(Body):
    """``POST /v1/audio/speech``."""

    input: Annotated[str, Field(min_length=1, max_length=4096)]
    model: Annotated[str, Field(min_length=1, max_length=100)]
    voice: Annotated[str, Field(pattern=r"^[A-Za-z0-9+_-]{1,60}$")]
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: Annotated[float, Field(ge=0.25, le=4)] = 1.0

    @field_validator("input")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be blank")
        return value


def espeak_voice(voice: str, text: str) -> str:
    """The eSpeak NG voice for a voice of the contract: Hindi for Devanagari, American English otherwise. Pure."""
    if voice.lower() not in OPENAI_VOICES:
        return voice
    return "hi" if any("\u0900" <= char <= "\u097f" for char in text) else "en-us"


class SpeechService:
    """The endpoint as an ASGI program (``app``).

    Args:
        media: speaks.
        work: a folder for what is spoken; empty again after each answer.
        fault: for the faults of the product; the others are made around the program.
    """

    def __init__(self, media: LocalMedia, work: Path, *, fault: Fault | None = None) -> None:
        self._media = media
        self._work = work
        self._kind = fault.kind if fault is not None else None
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._active = 0
        self._waiting = 0
        self.app = Starlette(
            routes=[
                Route("/v1/audio/speech", self._speech, methods=["POST"]),
                Route("/health", self._health, methods=["GET"]),
            ],
            exception_handlers={**ERROR_ANSWERS, BadRequestError: _openai_error},
        )

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "healthy", "active_jobs": self._active, "queued": self._waiting})

    async def _speech(self, request: Request) -> Response:
        body = parse_body(SpeechBody, await read_body(request))
        if self._kind is FaultKind.MISSING:
            return JSONResponse({"audio_url": f"{request.base_url}audio/{uuid.uuid4().hex}.mp3"})
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        self._active += 1
        try:
            sound = await self._spoken(body)
        except StageFailure as failure:
            return _openai(500, failure.message, "server_error")
        finally:
            self._active -= 1
            self._slots.release()
        if self._kind is FaultKind.TRUNCATED:
            sound = sound[: int(len(sound) * KEPT_SHARE)]
        return Response(sound, media_type=FORMATS[body.response_format].media_type)

    async def _spoken(self, body: SpeechBody) -> bytes:
        folder = self._work / uuid.uuid4().hex
        await asyncio.to_thread(folder.mkdir, parents=True)
        try:
            voice = espeak_voice(body.voice, body.input)
            spoken = await self._media.speak(body.input, folder / "spoken.wav", voice=voice, speed=body.speed)
            if self._kind is FaultKind.SILENT:
                spoken = await self._media.silence(folder / "silent.wav", duration_s=spoken.duration_s)
            return await asyncio.to_thread(transcode, spoken.path, body.response_format)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _openai_error(_request: Request, error: Exception) -> Response:
    field = str(error).partition(":")[0]
    return _openai(400, str(error), "invalid_request_error", param=field)


def _openai(status: int, message: str, kind: str, *, param: str | None = None) -> Response:
    error: dict[str, Any] = {"message": message, "type": kind, "param": param, "code": None}
    return JSONResponse({"error": error}, status_code=status)
