"""Resumable uploads: the TUS protocol as Supabase Storage speaks it.

An upload has an address of its own for a day. It is noted in the stage's folder, so that the next attempt, be it a
retry after a dropped connection or one after a crash, asks how far it got (``HEAD``) and sends only the rest.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from integrations.kit.exchange import HttpExchange, Reply
from integrations.kit.files import write_whole
from integrations.kit.http import GONE, Trace
from integrations.kit.objects import effective_status, file_chunks
from integrations.kit.text import shown_url
from integrations.kit.urls import resolve
from integrations.supabase_storage.errors import failure_of
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.render import Artifact

CHUNK = 6 * 2**20
"""Bytes of a piece. Supabase takes no other size but for the last."""
PATH = "/storage/v1/upload/resumable"
VERSION = {"Tus-Resumable": "1.0.0"}
CREATED = 201
ASK_TIMEOUT_S = 10.0
"""Seconds to create an upload or to ask how far it is."""


@dataclass(frozen=True, slots=True)
class Started:
    """An upload that was begun; what it is of decides whether it may be gone on with."""

    url: str
    path: str
    sha256: str
    size: int


def metadata_header(values: Mapping[str, str]) -> str:
    """``Upload-Metadata``: words and Base64 values. Pure."""
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in values.items())


class ResumableUpload:
    """One file on its way.

    Args:
        http: the open service.
        bucket: where to.
        note: where the upload's address is kept between attempts.
        trace: goes out with every call.
        timeout_s: seconds for one piece.
    """

    def __init__(self, http: HttpExchange, bucket: str, note: Path, *, trace: Trace, timeout_s: float) -> None:
        self._http = http
        self._bucket = bucket
        self._note = note
        self._trace = trace
        self._timeout_s = timeout_s

    async def send(
        self, artifact: Artifact, path: str, metadata: Mapping[str, str], report: Callable[[float], None]
    ) -> None:
        """Send what the service does not have yet; ``report`` hears the share of the file that is there, 0–1.

        Raises:
            StageFailure: the next attempt goes on where this one stopped.
        """
        started, offset = await self._resumed(artifact, path)
        if started is None:
            started, offset = await self._create(artifact, path, metadata), 0
        while offset < artifact.size:
            report(offset / artifact.size)
            offset = await self._piece(started, artifact, offset)
        report(1.0)
        await asyncio.to_thread(self._note.unlink, missing_ok=True)

    async def _resumed(self, artifact: Artifact, path: str) -> tuple[Started | None, int]:
        """The upload that an earlier attempt began for this very file, and how far it is; None: begin anew."""
        started = await asyncio.to_thread(_read_note, self._note)
        wanted = (path, artifact.sha256, artifact.size)
        if started is None or (started.path, started.sha256, started.size) != wanted:
            return None, 0
        reply = await self._send("HEAD", started.url, timeout_s=ASK_TIMEOUT_S)
        if effective_status(reply.status, reply.body) in GONE:
            await asyncio.to_thread(self._note.unlink, missing_ok=True)
            return None, 0
        return started, self._offset(reply, artifact.size)

    async def _create(self, artifact: Artifact, path: str, metadata: Mapping[str, str]) -> Started:
        values = {"bucketName": self._bucket, "objectName": path, "contentType": artifact.media_type}
        values |= {"cacheControl": "3600", "metadata": json.dumps(dict(metadata))}
        headers = {
            "Upload-Length": str(artifact.size),
            "Upload-Metadata": metadata_header(values),
            "x-upsert": "true",
            "Content-Length": "0",
        }
        reply = await self._send("POST", PATH, headers=headers, timeout_s=ASK_TIMEOUT_S)
        if failure := failure_of(reply, bucket=self._bucket, size=artifact.size):
            raise failure
        location = reply.headers.get("location", "")
        if reply.status != CREATED or not location:
            raise _not_tus(reply, "named no address for the upload")
        started = Started(self._absolute(location), path, artifact.sha256, artifact.size)
        await asyncio.to_thread(write_whole, self._note, json.dumps(asdict(started)).encode())
        return started

    def _absolute(self, location: str) -> str:
        try:
            url = resolve(self._http.base_url, location)
        except ValueError as error:
            raise StageFailure.invalid_output(
                f"{self._http.name} gave an upload address that is none: {error}"
            ) from error
        if not self._http.is_ours(url):
            raise StageFailure.invalid_output(
                f"{self._http.name} wants the upload at {shown_url(url)}, another server than storage.supabase.url: "
                "our key does not go there; set storage.supabase.url to that server if it is right"
            )
        return url

    async def _piece(self, started: Started, artifact: Artifact, offset: int) -> int:
        length = min(CHUNK, artifact.size - offset)
        headers = {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
        }
        content = file_chunks(Path(artifact.path), start=offset, length=length)
        reply = await self._send("PATCH", started.url, headers=headers, content=content, timeout_s=self._timeout_s)
        if effective_status(reply.status, reply.body) in GONE:
            await asyncio.to_thread(self._note.unlink, missing_ok=True)
            raise StageFailure(
                f"{self._http.name} no longer knows the upload: it must be begun again",
                kind=FailureClass.API_ERROR,
                retryable=True,
                details={"http_status": reply.status},
            )
        if failure := failure_of(reply, bucket=self._bucket, size=artifact.size):
            raise failure
        there = self._offset(reply, artifact.size)
        if there <= offset:
            raise StageFailure.invalid_output(
                f"{self._http.name} took nothing of a piece of {length} bytes at {offset}"
            )
        return there

    def _offset(self, reply: Reply, size: int) -> int:
        if failure := failure_of(reply, bucket=self._bucket):
            raise failure
        value = reply.headers.get("upload-offset", "")
        if not value.isdecimal() or int(value) > size:
            raise _not_tus(reply, "did not say how far the upload is")
        return int(value)

    async def _send(
        self, method: str, url: str, *, timeout_s: float, headers: Mapping[str, str] | None = None, content: Any = None
    ) -> Reply:
        timeout_s = min(timeout_s, self._timeout_s)
        return await self._http.send(
            method, url, trace=self._trace, timeout_s=timeout_s, headers={**VERSION, **(headers or {})}, content=content
        )


def _not_tus(reply: Reply, what: str) -> StageFailure:
    """A 2xx that is no answer of the protocol: an error or a page in disguise, or another program."""
    if reply.body.strip():
        try:
            reply.document()
        except StageFailure as failure:
            return failure
    return StageFailure.invalid_output(f"{reply.service} answered HTTP {reply.status} but {what}")


def _read_note(note: Path) -> Started | None:
    try:
        value: Any = json.loads(note.read_text("utf-8"))
        fields = cast("dict[str, Any]", value)
        return Started(str(fields["url"]), str(fields["path"]), str(fields["sha256"]), int(fields["size"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
