"""Stage ``upload`` into S3-compatible storage: asked first, sent once, and fetched by its public address."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from config.settings import S3Settings
from integrations.kit.objects import object_path, public_address, publish_file, published, to_publish
from integrations.kit.request_id import HEADER, header_text
from integrations.kit.text import shown_url
from integrations.s3_storage.errors import failure_of, not_installed
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import Artifact, StageOutput
from scheduler.ports.provider import Call

ASK_TIMEOUT_S = 10.0
"""Seconds to ask what is there: a dead service costs no more than this."""
CONNECT_TIMEOUT_S = 5.0
PART = 8 * 2**20
"""Bytes of a part; S3 takes no fewer than 5 MiB but in the last."""
AT_ONCE = 4
"""Parts on their way side by side."""


@dataclass(frozen=True, slots=True)
class _Store:
    """The library with an open store; one for each attempt."""

    library: Any
    store: Any


class S3Storage:
    """A bucket of S3-compatible storage as the place of publication.

    The object's key is the job's own and its checksum is kept as metadata, so a second pass finds what the first one
    left and sends nothing. A re-render overwrites.

    Args:
        settings: with a bucket.
    """

    name = "s3"
    service = "s3"

    def __init__(self, settings: S3Settings) -> None:
        if settings.bucket is None:
            raise ValueError("storage.s3.bucket is not set")
        self._settings = settings
        self._bucket = settings.bucket
        self._where = shown_url(settings.endpoint) if settings.endpoint else f"Amazon ({settings.region})"

    async def run(self, call: Call) -> StageOutput:
        """Publish the composed video and its thumbnail, the video last.

        Raises:
            StageFailure: see ``errors``; INVALID_OUTPUT when the public address does not hold what was sent.
        """
        video, thumbnail = to_publish(call)
        opened = await asyncio.to_thread(self._open, call)
        shown = None
        if thumbnail is not None:
            shown = await self._publish(opened, call, thumbnail, Path(thumbnail.path).suffix or ".jpg")
        call.progress(0.1, "")
        url = await self._publish(opened, call, video, ".mp4")
        return published(call, provider=self.name, video_url=url, thumbnail_url=shown)

    def _open(self, call: Call) -> _Store:
        try:
            import obstore  # noqa: PLC0415 - an extra, and 15 MB that only an upload needs
            from obstore.store import S3Store  # noqa: PLC0415 - see above
        except ImportError as error:
            raise not_installed() from error
        settings = self._settings
        options: dict[str, Any] = {
            "access_key_id": settings.access_key,
            "secret_access_key": settings.secret_key.get_secret_value() if settings.secret_key else None,
            "endpoint": settings.endpoint,
        }
        store = S3Store(
            self._bucket,
            region=settings.region,
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": (settings.endpoint or "").startswith("http://"),
                "timeout": timedelta(seconds=call.timeout_s),
                "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
                "default_headers": {HEADER: header_text(call.correlation_id)},
            },
            # One layer retries, and that is the runner.
            retry_config={"max_retries": 0},
            **{name: value for name, value in options.items() if value is not None},
        )
        return _Store(obstore, store)

    async def _publish(self, opened: _Store, call: Call, artifact: Artifact, suffix: str) -> str:
        key = object_path(call.job, self._settings.prefix, suffix)
        url = public_address(self.template, bucket=self._bucket, path=key)
        await publish_file(
            call,
            artifact,
            provider=self.name,
            suffix=suffix,
            url=url,
            is_there=lambda: self._is_there(opened, artifact, key, call.timeout_s),
            send=lambda: self._send(opened, artifact, key, call.timeout_s),
        )
        return url

    async def _is_there(self, opened: _Store, artifact: Artifact, key: str, timeout_s: float) -> bool:
        """Whether this very file has been stored: an earlier attempt may have been cut off behind its success."""
        limit_s = min(ASK_TIMEOUT_S, timeout_s)
        try:
            async with asyncio.timeout(limit_s):
                found = await opened.library.get_async(opened.store, key, options={"head": True})
        except FileNotFoundError:
            return False
        except TimeoutError as error:
            raise StageFailure.timeout(f"s3 at {self._where} did not answer within {limit_s:g} s") from error
        except Exception as error:
            raise failure_of(error, where=self._where, bucket=self._bucket) from error
        return found.meta["size"] == artifact.size and found.attributes.get("sha256") == artifact.sha256

    async def _send(self, opened: _Store, artifact: Artifact, key: str, timeout_s: float) -> None:
        attributes = {"Content-Type": artifact.media_type, "Cache-Control": "max-age=3600", "sha256": artifact.sha256}
        try:
            async with asyncio.timeout(timeout_s):
                await opened.library.put_async(
                    opened.store,
                    key,
                    Path(artifact.path),
                    attributes=attributes,
                    use_multipart=artifact.size > self._settings.multipart_above_mb * 2**20,
                    chunk_size=PART,
                    max_concurrency=AT_ONCE,
                )
        except TimeoutError as error:
            raise StageFailure.timeout(f"s3 at {self._where} did not take the file within {timeout_s:g} s") from error
        except Exception as error:
            raise failure_of(error, where=self._where, bucket=self._bucket, size=artifact.size) from error

    @property
    def template(self) -> str:
        """The address of a published object, with ``{bucket}`` and ``{path}``."""
        settings = self._settings
        if settings.public_url is not None:
            return settings.public_url
        if settings.endpoint is not None:
            return f"{settings.endpoint}/{{bucket}}/{{path}}"
        return f"https://{{bucket}}.s3.{settings.region}.amazonaws.com/{{path}}"
