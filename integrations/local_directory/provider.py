"""Stage ``upload`` into a local directory: atomic, and the second pass of the same publication copies nothing."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from integrations.local_directory.manifest import Manifest
from integrations.local_directory.publish import Place, SourceChangedError, is_published, place_of, publish
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.render import Artifact, StageName, StageOutput
from scheduler.ports.provider import Call

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class LocalDirectory:
    """A folder as the place of publication.

    Args:
        published: the folder; made when it is missing.
        later: storage that should have had the video and is before this one in the chain: the manifest says that it
            is still to be sent there.
    """

    name = "local-directory"
    service = None

    def __init__(self, published: Path, later: Sequence[str] = ()) -> None:
        self._published = published
        self._later = tuple(later)

    async def run(self, call: Call) -> StageOutput:
        """Publish the composed video and its thumbnail.

        Raises:
            StageFailure: the folder cannot be written (the message names it and the remedy), or the video is gone.
        """
        composed = call.inputs[StageName.REVIDEO]
        video, thumbnail = composed.artifacts["video"], composed.artifacts.get("thumbnail")
        cancelled = Event()
        try:
            return await asyncio.to_thread(self._publish, call, video, thumbnail, cancelled)
        finally:
            # A thread cannot be cancelled, but it can be told: it stops before its next chunk.
            cancelled.set()

    def _publish(self, call: Call, video: Artifact, thumbnail: Artifact | None, cancelled: Event) -> StageOutput:
        try:
            place = place_of(self._published, call.job)
            manifest = is_published(place, key=call.idempotency_key, sha256=video.sha256)
            if manifest is None:
                manifest = self._manifest(call, place, video, thumbnail)
                publish(place, video, thumbnail, manifest, stop=cancelled.is_set)
        except SourceChangedError as error:
            raise StageFailure(
                f"{error}: it must be composed and verified again", kind=FailureClass.INVALID_INPUT, retryable=False
            ) from error
        except OSError as error:
            raise _failure_of(error, self._published) from error
        shown = None if manifest.thumbnail is None else (place.folder / manifest.thumbnail).absolute().as_uri()
        return StageOutput(
            data={
                "video_url": place.video.absolute().as_uri(),
                "thumbnail_url": shown,
                "duration_s": manifest.duration_s,
            },
            artifacts={"video": _moved(video, place.video)},
            provider=self.name,
        )

    def _manifest(self, call: Call, place: Place, video: Artifact, thumbnail: Artifact | None) -> Manifest:
        job = call.job
        checked = call.inputs.get(StageName.VERIFY)
        length = (checked or call.inputs[StageName.REVIDEO]).data.get("duration_s", 0.0)
        return Manifest(
            job_id=job.id,
            job_type=job.job_type,
            run_date=(job.run_date or job.created_at.date()).isoformat(),
            idempotency_key=call.idempotency_key,
            correlation_id=call.correlation_id,
            video=place.video.name,
            sha256=video.sha256,
            size=video.size,
            thumbnail=None if thumbnail is None else place.thumbnail(Path(thumbnail.path).suffix).name,
            duration_s=float(length),
            degraded=any(output.degraded for output in call.inputs.values()),
            published_at=datetime.now(UTC).isoformat(timespec="seconds"),
            pending=self._later,
        )


def _moved(artifact: Artifact, target: Path) -> Artifact:
    return Artifact(
        path=str(target.absolute()),
        sha256=artifact.sha256,
        size=artifact.size,
        media_type=artifact.media_type,
        url=target.absolute().as_uri(),
    )


def _failure_of(error: OSError, published: Path) -> StageFailure:
    """What stands in the way of writing, and what the operator can do about it."""
    where = error.filename or published
    if error.errno in FULL:
        return StageFailure.unavailable(f"the disk of {published} is full: free space there or set storage.directory")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}:
        return StageFailure.unavailable(
            f"{where} cannot be written ({error.strerror}): mend its permissions or set storage.directory",
            retryable=False,
        )
    if isinstance(error, FileNotFoundError):
        return StageFailure(
            f"{where} is gone: the video must be composed again", kind=FailureClass.INVALID_INPUT, retryable=False
        )
    return StageFailure.unavailable(f"cannot publish to {published}: {error.strerror or error} ({where})")
