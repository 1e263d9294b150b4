"""The videos of a published folder that wait to be sent up: their manifests say so, and survive a crash with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from integrations.kit.artifacts import artifact_of
from integrations.local_directory.manifest import SUFFIX, Manifest, read_manifest, write_manifest
from scheduler.domain.render import Artifact
from scheduler.ports.later import PendingUpload

PICTURE_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
LOOKED_BACK = 31
"""Day folders that are looked through, the newest: an upload that failed for a month is an operator's business."""


class WaitingUploads:
    """What of a published folder waits (``scheduler.ports.later.PendingUploads``).

    Args:
        published: the folder of ``LocalDirectory``.
    """

    def __init__(self, published: Path) -> None:
        self._published = published
        self._settled: dict[Path, int] = {}

    def pending(self) -> list[PendingUpload]:
        """Everything that waits and whose files are whole, oldest first.

        Raises:
            OSError: the folder cannot be read.
        """
        found = sorted(self._manifests(), key=lambda item: (item[1].published_at, str(item[0])))
        return [upload for path, manifest in found if (upload := _upload(path, manifest)) is not None]

    def settle(self, upload: PendingUpload, *, url: str | None) -> None:
        """It waits no more; the manifest says where it is.

        Raises:
            OSError: the folder cannot be written.
        """
        path = Path(upload.place)
        manifest = read_manifest(path)
        # A re-render may have published here in the meantime: that one's note is not ours to change.
        if manifest is not None and manifest.sha256 == upload.video.sha256:
            write_manifest(path, replace(manifest, pending=(), remote_url=url or manifest.remote_url))

    def _manifests(self) -> Iterator[tuple[Path, Manifest]]:
        if not self._published.is_dir():
            return
        for folder in sorted((p for p in self._published.iterdir() if p.is_dir()), reverse=True)[:LOOKED_BACK]:
            for path in folder.glob(f"*{SUFFIX}"):
                # One read for each change of a file: this is asked every few seconds, for a month of videos.
                changed = path.stat().st_mtime_ns
                if self._settled.get(path) == changed:
                    continue
                manifest = read_manifest(path)
                if manifest is not None and manifest.pending:
                    yield path, manifest
                else:
                    self._settled[path] = changed


def _upload(path: Path, manifest: Manifest) -> PendingUpload | None:
    """The upload a manifest asks for; None when the video is not there as it was published."""
    video = path.parent / manifest.video
    try:
        if video.stat().st_size != manifest.size:
            return None
        thumbnail = None if manifest.thumbnail is None else _picture(path.parent / manifest.thumbnail)
    except OSError:
        return None
    return PendingUpload(
        place=str(path),
        job_id=manifest.job_id,
        idempotency_key=manifest.idempotency_key,
        correlation_id=manifest.correlation_id,
        video=Artifact(str(video.absolute()), manifest.sha256, manifest.size, "video/mp4"),
        thumbnail=thumbnail,
        local_url=video.absolute().as_uri(),
        wanted=manifest.pending,
        degraded=manifest.degraded,
        duration_s=manifest.duration_s,
    )


def _picture(path: Path) -> Artifact:
    return artifact_of(path, PICTURE_TYPES.get(path.suffix.lower(), "application/octet-stream"))
