"""The local Supabase Storage: objects, their public addresses, and resumable uploads (TUS), on Supabase's contract.

Errors are Supabase's: HTTP 400 with the status that is meant in the JSON, ``{"statusCode": "404", …}``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import uuid
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import av.error
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from integrations.local_services import spoil
from integrations.local_services.bucket import Buckets
from integrations.local_services.faults import Fault, FaultKind

MAX_OBJECT = 500 * 2**20
"""Bytes of an object; more are refused as too large."""
TUS_CHUNK = 6 * 2**20
"""Bytes of every piece of a resumable upload but its last."""

log = logging.getLogger(__name__)


class StorageError(Exception):
    """An error in Supabase's words."""

    def __init__(self, meant: int, error: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.meant, self.error, self.message, self.status = meant, error, message, status


@dataclass(slots=True)
class Upload:
    """A resumable upload that is under way."""

    bucket: str
    path: str
    length: int
    content_type: str
    metadata: Mapping[str, Any]
    part: Path
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class StorageService:
    """The service as an ASGI program (``app``).

    Args:
        folder: for objects and unfinished uploads.
        fault: for the faults of what is stored; the others are made around the program.
        max_object: bytes of an object.
    """

    def __init__(self, folder: Path, *, fault: Fault | None = None, max_object: int = MAX_OBJECT) -> None:
        self._kind = fault.kind if fault is not None else None
        self._max_object = max_object
        self._parts = folder / "parts"
        # Uploads are known in memory: nobody can go on with what an earlier process left.
        shutil.rmtree(self._parts, ignore_errors=True)
        self._parts.mkdir(parents=True, mode=0o700)
        self._buckets = Buckets(folder / "objects")
        self._uploads: dict[str, Upload] = {}
        base = "/storage/v1"
        self.app = Starlette(
            routes=[
                Route(f"{base}/object/public/{{bucket}}/{{path:path}}", self._public, methods=["GET", "HEAD"]),
                Route(f"{base}/object/info/{{bucket}}/{{path:path}}", self._info, methods=["GET"]),
                Route(f"{base}/object/{{bucket}}/{{path:path}}", self._put, methods=["POST", "PUT"]),
                Route(f"{base}/upload/resumable", self._begin, methods=["POST"]),
                Route(f"{base}/upload/resumable/{{id}}", self._offset, methods=["HEAD"]),
                Route(f"{base}/upload/resumable/{{id}}", self._piece, methods=["PATCH"]),
                Route("/health", self._health, methods=["GET"]),
            ],
            exception_handlers={StorageError: _told, ClientDisconnect: _gone},
        )

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "healthy", "active_jobs": len(self._uploads), "queued": 0})

    async def _public(self, request: Request) -> Response:
        bucket, path = _place(request)
        stored = await asyncio.to_thread(self._buckets.get, bucket, path)
        if stored is None or self._kind in {FaultKind.MISSING, FaultKind.FORGETS}:
            raise _not_found()
        return FileResponse(self._buckets.file(bucket, path), media_type=stored.content_type)

    async def _info(self, request: Request) -> Response:
        _authorized(request)
        bucket, path = _place(request)
        stored = await asyncio.to_thread(self._buckets.get, bucket, path)
        if stored is None or self._kind is FaultKind.FORGETS:
            raise _not_found()
        size = (await asyncio.to_thread(self._buckets.file(bucket, path).stat)).st_size
        return JSONResponse(
            {
                "id": stored.id,
                "name": stored.path,
                "bucket_id": stored.bucket,
                "size": size,
                "content_type": stored.content_type,
                "metadata": dict(stored.metadata),
                "created_at": stored.created_at,
            }
        )

    async def _put(self, request: Request) -> Response:
        _authorized(request)
        bucket, path = _place(request)
        await self._refuse_existing(request, bucket, path)
        part = self._parts / uuid.uuid4().hex
        try:
            await self._receive(request, part, limit=self._max_object)
            # Supabase's own default: whoever forgets the type publishes text.
            content_type = request.headers.get("content-type", "text/plain;charset=UTF-8")
            metadata = _json_of(request.headers.get("x-metadata", ""), coded=True)
            stored = await self._store(bucket, path, part, content_type, metadata)
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)
        return JSONResponse({"Id": stored, "Key": f"{bucket}/{path}"})

    async def _refuse_existing(self, request: Request, bucket: str, path: str) -> None:
        upsert = request.method == "PUT" or request.headers.get("x-upsert") == "true"
        if not upsert and await asyncio.to_thread(self._buckets.get, bucket, path) is not None:
            raise StorageError(409, "Duplicate", "The resource already exists")

    async def _begin(self, request: Request) -> Response:
        _authorized(request)
        values = _tus_metadata(request.headers.get("upload-metadata", ""))
        bucket, path, length = values.get("bucketName", ""), values.get("objectName", ""), _length_of(request)
        if not bucket or not path:
            raise StorageError(400, "invalid_request", "bucketName and objectName must stand in Upload-Metadata")
        if length > self._max_object:
            raise _too_large(status=413)
        await self._refuse_existing(request, bucket, path)
        name = uuid.uuid4().hex
        part = self._parts / name
        await asyncio.to_thread(part.touch)
        content_type = values.get("contentType", "text/plain;charset=UTF-8")
        self._uploads[name] = Upload(bucket, path, length, content_type, _json_of(values.get("metadata", "")), part)
        location = f"{str(request.base_url).rstrip('/')}/storage/v1/upload/resumable/{name}"
        return Response(status_code=201, headers={"Location": location, "Tus-Resumable": "1.0.0"})

    async def _offset(self, request: Request) -> Response:
        upload = self._upload(request)
        have = await self._have(upload)
        headers = {"Upload-Offset": str(have), "Upload-Length": str(upload.length), "Tus-Resumable": "1.0.0"}
        return Response(status_code=200, headers=headers | {"Cache-Control": "no-store"})

    async def _piece(self, request: Request) -> Response:
        upload = self._upload(request)
        if upload.lock.locked():
            raise StorageError(423, "locked", "the upload is being written by another request", status=423)
        async with upload.lock:
            have = await self._have(upload)
            if request.headers.get("upload-offset") != str(have):
                raise StorageError(409, "conflict", f"the upload is at {have}", status=409)
            if request.headers.get("content-type") != "application/offset+octet-stream":
                raise StorageError(415, "invalid_request", "a piece is application/offset+octet-stream", status=415)
            announced = int(request.headers.get("content-length") or 0)
            if announced != min(TUS_CHUNK, upload.length - have):
                raise StorageError(400, "invalid_request", f"a piece has {TUS_CHUNK} bytes, but for the last")
            await self._receive(request, upload.part, limit=announced, append=True)
            have = await self._have(upload)
            if have == upload.length:
                await self._store(upload.bucket, upload.path, upload.part, upload.content_type, upload.metadata)
                del self._uploads[request.path_params["id"]]
        return Response(status_code=204, headers={"Upload-Offset": str(have), "Tus-Resumable": "1.0.0"})

    def _upload(self, request: Request) -> Upload:
        _authorized(request)
        upload = self._uploads.get(request.path_params["id"])
        if upload is None or self._kind is FaultKind.FORGETS:
            raise StorageError(404, "not_found", "no such upload", status=404)
        return upload

    async def _have(self, upload: Upload) -> int:
        return (await asyncio.to_thread(upload.part.stat)).st_size

    async def _receive(self, request: Request, part: Path, *, limit: int, append: bool = False) -> None:
        """Write the body as it comes; what came before a connection broke stays (that is what resuming lives on)."""
        total = 0
        with await asyncio.to_thread(part.open, "ab" if append else "wb") as file:
            async for chunk in request.stream():
                total += len(chunk)
                if total > limit:
                    raise _too_large()
                await asyncio.to_thread(file.write, chunk)

    async def _store(self, bucket: str, path: str, part: Path, content_type: str, metadata: Mapping[str, Any]) -> str:
        if self._kind is FaultKind.TRUNCATED:
            await asyncio.to_thread(spoil.cut, part)
        elif self._kind is FaultKind.SILENT and content_type == "video/mp4":
            await asyncio.to_thread(_mute, part)
        stored = await asyncio.to_thread(self._buckets.put, bucket, path, part, content_type, metadata)
        log.info("stored %s/%s", bucket, path)
        return stored.id


def _mute(part: Path) -> None:
    try:
        spoil.mute(part)
    except (av.error.FFmpegError, IndexError):
        # No video to begin with: what is stored is spoilt all the same.
        part.write_bytes(bytes(part.stat().st_size))


def _authorized(request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or not request.headers.get("apikey"):
        raise StorageError(403, "Unauthorized", "Invalid Compact JWS")


def _place(request: Request) -> tuple[str, str]:
    bucket, path = request.path_params["bucket"], request.path_params["path"]
    if not path or any(part in {"", ".", ".."} for part in path.split("/")):
        raise StorageError(400, "InvalidKey", f"Invalid key: {path}")
    return bucket, path


def _length_of(request: Request) -> int:
    value = request.headers.get("upload-length", "")
    if not value.isdecimal():
        raise StorageError(400, "invalid_request", "Upload-Length must be a number of bytes")
    return int(value)


def _tus_metadata(header: str) -> dict[str, str]:
    pairs = (pair.strip().partition(" ") for pair in header.split(",") if pair.strip())
    return {key: b64decode(value).decode() for key, _, value in pairs}


def _json_of(text: str, *, coded: bool = False) -> dict[str, Any]:
    try:
        value: Any = json.loads((b64decode(text) if coded else text) or "{}")
    except ValueError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _not_found() -> StorageError:
    return StorageError(404, "not_found", "Object not found")


def _too_large(status: int = 400) -> StorageError:
    message = "The object exceeded the maximum allowed size"
    return StorageError(413, "Payload too large", message, status=status)


async def _told(_request: Request, error: Exception) -> Response:
    if not isinstance(error, StorageError):
        raise error
    body = {"statusCode": str(error.meant), "error": error.error, "message": error.message}
    return JSONResponse(body, status_code=error.status)


async def _gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it: the caller has hung up
