"""Putting a video into the published folder: at once, once, and so that it survives a power cut.

Synchronous: call it from a thread. The order is video, thumbnail, manifest; until the manifest says so the publication
has not happened, and the next pass does it again under the same names.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from integrations.kit.files import PART_SUFFIX, PartFile
from integrations.local_directory.manifest import SUFFIX, Manifest, read_manifest, write_manifest
from scheduler.domain.job import Job
from scheduler.domain.render import Artifact

COPY_CHUNK = 1024 * 1024
STALE_PART_S = 3600.0
"""Seconds after which an unfinished file is taken for the leftover of a killed process."""
ID_LENGTH = 8
"""Characters of a job's id in a file name."""


class StoppedError(Exception):
    """Whoever wanted the publication has been cancelled."""


class SourceChangedError(Exception):
    """The file to publish is not the one that was verified."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job's video goes."""

    folder: Path
    stem: str

    @property
    def video(self) -> Path:
        """The video's path."""
        return self.folder / f"{self.stem}.mp4"

    @property
    def manifest(self) -> Path:
        """The manifest's path."""
        return self.folder / f"{self.stem}{SUFFIX}"

    def thumbnail(self, suffix: str) -> Path:
        """The thumbnail's path."""
        return self.folder / f"{self.stem}{suffix}"


def place_of(published: Path, job: Job) -> Place:
    """``<published>/<day>/<job type>-<day>[-<job id>]``.

    The id stands there when the job has no run date, and when another job has published for that day already: two
    jobs never take each other's names. Reads the manifest of the plain name.
    """
    day = (job.run_date or job.created_at.date()).isoformat()
    folder = published / day
    plain = Place(folder, f"{job.job_type}-{day}")
    if job.run_date is not None:
        owner = read_manifest(plain.manifest)
        if owner is None or owner.job_id == job.id:
            return plain
    return Place(folder, f"{plain.stem}-{job.id[:ID_LENGTH]}")


def is_published(place: Place, *, key: str, sha256: str) -> Manifest | None:
    """The manifest, if this very file has been published under this key and is still there whole."""
    manifest = read_manifest(place.manifest)
    if manifest is None or manifest.idempotency_key != key or manifest.sha256 != sha256:
        return None
    try:
        if place.video.stat().st_size != manifest.size or _sha256(place.video) != sha256:
            return None
        if manifest.thumbnail is not None and not (place.folder / manifest.thumbnail).is_file():
            return None
    except OSError:
        return None
    return manifest


def publish(
    place: Place, video: Artifact, thumbnail: Artifact | None, manifest: Manifest, *, stop: Callable[[], bool]
) -> None:
    """Copy the files into their places; each appears whole, the manifest last. ``stop`` is asked between chunks.

    Raises:
        StoppedError: ``stop`` said so. Nothing unfinished stays.
        SourceChangedError: the video is not the one whose checksum was taken.
        OSError: a file is missing, the folder is unwritable, or the disk is full. Nothing unfinished stays.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    remove_stale_parts(place.folder)
    _copy(Path(video.path), place.video, sha256=video.sha256, stop=stop)
    if thumbnail is not None:
        _copy(Path(thumbnail.path), place.thumbnail(Path(thumbnail.path).suffix), sha256=thumbnail.sha256, stop=stop)
    write_manifest(place.manifest, manifest)


def remove_stale_parts(folder: Path) -> None:
    """Remove what killed processes left; an unfinished file that is younger may still be written."""
    for part in folder.glob(f".*{PART_SUFFIX}"):
        if time.time() - part.stat().st_mtime > STALE_PART_S:
            part.unlink(missing_ok=True)


def _copy(source: Path, target: Path, *, sha256: str, stop: Callable[[], bool]) -> None:
    digest = hashlib.sha256()
    with source.open("rb") as reader, PartFile(target) as part:
        while chunk := reader.read(COPY_CHUNK):
            if stop():
                raise StoppedError
            digest.update(chunk)
            part.write(chunk)
        if digest.hexdigest() != sha256:
            raise SourceChangedError(f"{source} has changed since it was made")
        part.commit()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
