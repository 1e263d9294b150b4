"""The files of a job: where its stages work, and whether what an output names is really there. Blocking."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from scheduler.domain.render import Artifact, StageName, StageOutput

_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def job_folder(work_dir: Path, job_id: str) -> Path:
    """The folder of a job below ``work_dir``.

    Other applications insert jobs too, so an id that is no plain name is hashed: it cannot lead out of ``work_dir``.
    """
    plain = _PLAIN_ID.fullmatch(job_id)
    return work_dir / (job_id if plain else hashlib.sha256(job_id.encode()).hexdigest())


def make_workdir(work_dir: Path, job_id: str, stage: StageName) -> Path:
    """Create and return the folder of one stage of a job, readable by its owner alone."""
    folder = job_folder(work_dir, job_id)
    for path in (work_dir, folder, folder / stage.value):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / stage.value


def missing_file(output: StageOutput) -> str | None:
    """The first artifact that is not a file of the size it should have, in words; None: all are there."""
    for role, artifact in output.artifacts.items():
        problem = _size_problem(artifact)
        if problem is not None:
            return f"{role}: {problem}"
    return None


def damaged_file(output: StageOutput) -> str | None:
    """Like ``missing_file``, and reads every file to compare its SHA-256.

    Asked once for each checkpoint when a render resumes. Always all of it: a night's files are some ten megabytes, read
    in well under a second, and a torn write after a power cut keeps the size.
    """
    problem = missing_file(output)
    if problem is not None:
        return problem
    for role, artifact in output.artifacts.items():
        with Path(artifact.path).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != artifact.sha256:
                return f"{role}: {artifact.path} has other contents than when it was made"
    return None


def _size_problem(artifact: Artifact) -> str | None:
    path = Path(artifact.path)
    if not path.is_file():
        return f"{path} does not exist"
    size = path.stat().st_size
    return None if size == artifact.size else f"{path} has {size} bytes instead of {artifact.size}"
