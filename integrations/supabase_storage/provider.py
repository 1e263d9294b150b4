"""Stage ``upload`` into Supabase Storage: asked first, sent once, and fetched by its public address."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from pydantic import SecretStr

from config.settings import SupabaseSettings
from integrations.kit.exchange import HttpExchange
from integrations.kit.http import Trace
from integrations.kit.objects import (
    file_chunks,
    object_path,
    public_address,
    publish_file,
    published,
    to_publish,
)
from integrations.supabase_storage.errors import failure_of, is_missing
from integrations.supabase_storage.tus import ResumableUpload
from scheduler.domain.render import Artifact, StageOutput
from scheduler.ports.provider import Call

PUBLIC = "/storage/v1/object/public/{bucket}/{path}"
ASK_TIMEOUT_S = 10.0
"""Seconds to ask what is there: a dead service costs no more than this."""


class SupabaseStorage:
    """A bucket of Supabase Storage as the place of publication.

    The object's path is the job's own, so a second pass finds what the first one left: it asks for the object's size
    and the checksum kept with it, and sends nothing that is there already. A re-render overwrites.

    Args:
        settings: with a URL.
    """

    name = "supabase"
    service = "storage"

    def __init__(self, settings: SupabaseSettings) -> None:
        if settings.url is None:
            raise ValueError("storage.supabase.url is not set")
        self._settings = settings
        self._url = settings.url
        key = settings.key
        self._secrets = {} if key is None else {"Authorization": _bearer(key), "apikey": key}

    async def run(self, call: Call) -> StageOutput:
        """Publish the composed video and its thumbnail, the video last.

        Raises:
            StageFailure: see ``errors``; INVALID_OUTPUT when the public address does not hold what was sent.
        """
        video, thumbnail = to_publish(call)
        async with HttpExchange(self.name, self._url, secrets=self._secrets) as http:
            shown = None
            if thumbnail is not None:
                shown = await self._publish(http, call, thumbnail, Path(thumbnail.path).suffix or ".jpg", _unheard)
            url = await self._publish(http, call, video, ".mp4", lambda share: call.progress(0.05 + share * 0.9, ""))
        return published(call, provider=self.name, video_url=url, thumbnail_url=shown)

    async def _publish(
        self, http: HttpExchange, call: Call, artifact: Artifact, suffix: str, report: Callable[[float], None]
    ) -> str:
        path, trace = object_path(call.job, self._settings.prefix, suffix), Trace.of(call, suffix.lstrip("."))
        template = self._settings.public_url or f"{self._url}{PUBLIC}"
        url = public_address(template, bucket=self._settings.bucket, path=path)
        send = self._send_whole
        if artifact.size > self._settings.resumable_above_mb * 2**20:
            send = partial(self._send_pieces, note=call.workdir / f"upload{suffix}.tus", report=report)
        await publish_file(
            call,
            artifact,
            provider=self.name,
            suffix=suffix,
            url=url,
            is_there=lambda: self._is_there(http, artifact, path, trace, call.timeout_s),
            send=lambda: send(http, artifact, path, trace, call.timeout_s),
        )
        return url

    async def _is_there(
        self, http: HttpExchange, artifact: Artifact, path: str, trace: Trace, timeout_s: float
    ) -> bool:
        """Whether this very file has been stored: an earlier attempt may have been cut off behind its success."""
        reply = await http.send(
            "GET", self._object("info/", path), trace=trace, timeout_s=min(ASK_TIMEOUT_S, timeout_s)
        )
        if is_missing(reply):
            return False
        if failure := failure_of(reply, bucket=self._settings.bucket):
            raise failure
        found = reply.document()
        return found.get("size") == artifact.size and _kept_sha256(found.get("metadata")) == artifact.sha256

    async def _send_whole(
        self, http: HttpExchange, artifact: Artifact, path: str, trace: Trace, timeout_s: float
    ) -> None:
        headers = {
            "Content-Type": artifact.media_type,
            "Content-Length": str(artifact.size),
            "x-upsert": "true",
            "cache-control": "max-age=3600",
            "x-metadata": b64encode(json.dumps(_metadata(artifact)).encode()).decode(),
        }
        content = file_chunks(Path(artifact.path))
        reply = await http.send(
            "POST", self._object("", path), trace=trace, timeout_s=timeout_s, headers=headers, content=content
        )
        if failure := failure_of(reply, bucket=self._settings.bucket, size=artifact.size):
            raise failure
        reply.document()

    async def _send_pieces(
        self,
        http: HttpExchange,
        artifact: Artifact,
        path: str,
        trace: Trace,
        timeout_s: float,
        *,
        note: Path,
        report: Callable[[float], None],
    ) -> None:
        upload = ResumableUpload(http, self._settings.bucket, note, trace=trace, timeout_s=timeout_s)
        await upload.send(artifact, path, _metadata(artifact), report)

    def _object(self, kind: str, path: str) -> str:
        return f"/storage/v1/object/{kind}{quote(self._settings.bucket, safe='')}/{quote(path)}"


def _metadata(artifact: Artifact) -> dict[str, str]:
    return {"sha256": artifact.sha256}


def _kept_sha256(metadata: Any) -> Any:
    return cast("dict[str, Any]", metadata).get("sha256") if isinstance(metadata, dict) else None


def _bearer(key: SecretStr) -> SecretStr:
    return SecretStr(f"Bearer {key.get_secret_value()}")


def _unheard(_share: float) -> None:
    """Progress that nobody listens to."""
