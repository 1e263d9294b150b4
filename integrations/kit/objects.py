"""What object stores have in common: where a job's files go, reading them, and looking at what the world sees.

A publication counts only when its public address has been fetched and holds what was sent: a store's word is a claim.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx

from integrations.kit import classify
from integrations.kit.artifacts import artifact_of
from integrations.kit.http import GONE, Trace, open_client
from integrations.kit.text import one_line, shown_url
from integrations.kit.urls import is_loopback
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.job import Job
from scheduler.domain.render import Artifact, StageName, StageOutput
from scheduler.ports.provider import Call

COMPARED = 64 * 2**20
"""Bytes of a published file that are compared with our own; of longer ones the beginning and the announced length."""
READ_CHUNK = 256 * 1024
SENT, SEEN, DOUBTED = "sent", "seen", "doubted"
"""How far a file is: stored, fetched by its public address, or fetched and found wrong (then it is asked for again)."""
ID_LENGTH = 8
"""Characters of a job's id in an object's path."""


def object_path(job: Job, prefix: str, suffix: str) -> str:
    """``<prefix><day>/<job type>-<day>-<id><suffix>``: the same for every pass of a job, and no other job's. Pure."""
    day = (job.run_date or job.created_at.date()).isoformat()
    return f"{prefix}{day}/{_word(job.job_type)}-{day}-{_word(job.id)[:ID_LENGTH]}{suffix}"


def public_address(template: str, *, bucket: str, path: str) -> str:
    """A template's address of an object, quoted."""
    return template.replace("{bucket}", quote(bucket, safe="")).replace("{path}", quote(path))


def to_publish(call: Call) -> tuple[Artifact, Artifact | None]:
    """The composed video and its thumbnail, if there is one."""
    composed = call.inputs[StageName.REVIDEO]
    return composed.artifacts["video"], composed.artifacts.get("thumbnail")


def published(call: Call, *, provider: str, video_url: str, thumbnail_url: str | None) -> StageOutput:
    """The output of a publication elsewhere; the file stays where it was made."""
    video, _ = to_publish(call)
    checked = call.inputs.get(StageName.VERIFY) or call.inputs[StageName.REVIDEO]
    artifact = Artifact(video.path, video.sha256, video.size, video.media_type, video_url)
    return StageOutput(
        data={
            "video_url": video_url,
            "thumbnail_url": thumbnail_url,
            "duration_s": float(checked.data.get("duration_s", 0.0)),
        },
        artifacts={"video": artifact},
        provider=provider,
    )


async def publish_file(
    call: Call,
    artifact: Artifact,
    *,
    provider: str,
    suffix: str,
    url: str,
    is_there: Callable[[], Awaitable[bool]],
    send: Callable[[], Awaitable[None]],
) -> None:
    """Bring one file to its public address, going on where an earlier attempt stopped.

    What was sent and what was seen at its address is kept as parts of the stage, so that a bad line costs an attempt
    only the call it broke. The remote side is asked first: the success of an earlier attempt may have been cut off.

    Args:
        call: keeps the parts.
        artifact: the file.
        provider: whose parts they are.
        suffix: names the part, ``.mp4``.
        url: the public address.
        is_there: whether this very file has been stored.
        send: stores it.

    Raises:
        StageFailure: any step failed, or the address does not hold what was sent.
    """
    kept = call.parts.get(f"{provider}{suffix}")
    same = kept is not None and kept.artifacts["file"].sha256 == artifact.sha256 and kept.data.get("url") == url
    state = kept.data.get("state") if kept is not None and same else None

    async def keep(new: str) -> None:
        await call.save_part(f"{provider}{suffix}", StageOutput({"state": new, "url": url}, {"file": artifact}))

    if state == SEEN:
        return
    if state != SENT:
        if not await is_there():
            await confirm_source(artifact)
            await send()
        await keep(SENT)
    try:
        trace = Trace.of(call, suffix.lstrip("."))
        await confirm_published(url, artifact, service=provider, trace=trace, timeout_s=call.timeout_s)
    except StageFailure as failure:
        if failure.kind is FailureClass.INVALID_OUTPUT:
            await keep(DOUBTED)
        raise
    await keep(SEEN)


async def confirm_source(artifact: Artifact) -> None:
    """Make sure that a file is the one that was verified.

    Raises:
        StageFailure: INVALID_INPUT: it is gone or has changed.
    """
    try:
        now = await asyncio.to_thread(artifact_of, Path(artifact.path), artifact.media_type)
    except OSError as error:
        raise StageFailure(
            f"{artifact.path} is gone ({error.strerror or error}): the video must be composed again",
            kind=FailureClass.INVALID_INPUT,
            retryable=False,
        ) from error
    if now.sha256 != artifact.sha256:
        raise StageFailure(
            f"{artifact.path} has changed since it was made: it must be composed and verified again",
            kind=FailureClass.INVALID_INPUT,
            retryable=False,
        )


async def file_chunks(path: Path, *, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes]:
    """A file, or a stretch of it, piece by piece; the disk is read in threads."""
    with await asyncio.to_thread(path.open, "rb") as file:
        await asyncio.to_thread(file.seek, start)
        left = length
        while left is None or left > 0:
            chunk = await asyncio.to_thread(file.read, READ_CHUNK if left is None else min(READ_CHUNK, left))
            if not chunk:
                return
            left = None if left is None else left - len(chunk)
            yield chunk


async def confirm_published(
    url: str, artifact: Artifact, *, service: str, trace: Trace, timeout_s: float, connect_timeout_s: float = 5.0
) -> None:
    """Fetch a public address as anybody would, without our keys, and compare it with the file.

    Raises:
        StageFailure: INVALID_OUTPUT when it is not there, has another type, length or contents: a retry looks again,
            because a CDN may take a moment. API_ERROR, final, when it is not public.
    """
    try:
        async with (
            asyncio.timeout(timeout_s),
            open_client(loopback=is_loopback(url)) as client,
            client.stream(
                "GET",
                url,
                headers={**trace.headers(), "Accept-Encoding": "identity"},
                timeout=httpx.Timeout(timeout_s, connect=connect_timeout_s),
                follow_redirects=True,
            ) as response,
        ):
            await _compare(response, url, artifact, service)
    except TimeoutError as error:
        raise classify.timed_out(service=service, url=url, timeout_s=timeout_s) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise classify.failure_of_exception(error, service=service, url=url) from error


async def _compare(response: httpx.Response, url: str, artifact: Artifact, service: str) -> None:
    where = f"the published file {shown_url(url)}"
    if not response.is_success:
        raise await _not_readable(response, url, service)
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != artifact.media_type:
        raise StageFailure.invalid_output(
            f"{where} is served as {one_line(content_type, 60) or 'nothing in particular'}, not {artifact.media_type}"
        )
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) != artifact.size:
        raise StageFailure.invalid_output(f"{where} has {announced} bytes, {artifact.size} were sent")
    have, wanted = 0, min(artifact.size, COMPARED)
    with await asyncio.to_thread(Path(artifact.path).open, "rb") as file:
        try:
            async for chunk in response.aiter_bytes(READ_CHUNK):
                mine = await asyncio.to_thread(file.read, len(chunk))
                have += len(chunk)
                if mine != chunk:
                    raise StageFailure.invalid_output(f"{where} is not what was sent: it differs before byte {have}")
                if have >= wanted < artifact.size:
                    return
        except (httpx.RemoteProtocolError, httpx.ReadError) as error:
            raise classify.cut_off(service=service, url=url, have=have, want=artifact.size) from error
    if have != artifact.size:
        raise classify.cut_off(service=service, url=url, have=have, want=artifact.size)


async def _not_readable(response: httpx.Response, url: str, service: str) -> StageFailure:
    body = await response.aread()
    status = effective_status(response.status_code, body)
    said = words_of_store(response.headers.get("content-type", ""), body)
    told = f"HTTP {response.status_code}{f': {said}' if said else ''}"
    where = f"the published file {shown_url(url)}"
    if said and "bucket not found" in said.lower():
        status = 403
    if status in GONE:
        return StageFailure.invalid_output(f"{where} is not there ({told})", details={"http_status": status})
    if status in {401, 403}:
        return StageFailure.api_error(
            f"{where} cannot be read by the public ({told}): make the bucket public, or set public_url to where it is",
            status=403,
        )
    return StageFailure.api_error(f"{service} did not give out {shown_url(url)}: {told}", status=status)


def effective_status(status: int, body: bytes) -> int:
    """The status that is meant: Supabase Storage answers many errors with 400 and the status in its JSON. Pure."""
    if status < 400:  # noqa: PLR2004 - the error classes
        return status
    found = re.match(rb'\s*\{[^{}]{0,2000}?"statusCode"\s*:\s*"?(\d{3})\b', body[:4096])
    return int(found[1]) if found else status


def words_of_store(content_type: str, body: bytes) -> str | None:
    """What a store's error says: its kind and its message (the common rules take one of them). Pure."""
    try:
        value: Any = json.loads(body[:20_000])
    except (ValueError, RecursionError):
        return classify.words_of_body(content_type, body)
    document = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    kind, message = document.get("error"), document.get("message")
    if isinstance(kind, str) and isinstance(message, str) and kind != message:
        return one_line(f"{kind}: {message}")
    return classify.words_of_body(content_type, body)


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", text)[:80] or "job"
