"""Provider ``brief-check`` of stage ``brief``: is the input right, and can this machine render it?"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from scheduler.domain.codec import brief_to_json
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.job import Job
from scheduler.domain.render import StageOutput
from scheduler.job_types import JobType, unknown_type
from scheduler.ports.content import BriefSource, ResolvedBrief
from scheduler.ports.provider import Call

MIB = 1024 * 1024
LEAST_FREE_DISK = 500 * MIB
"""Bytes that must be free where the stages work: clips, narration, the video and its copies for one job."""
LEAST_FREE_MEMORY = 256 * MIB
"""Bytes of memory that must be available: composing locally takes about 200 MiB."""
NEEDED_CODECS = frozenset({"libx264", "aac", "mov_text"})
"""Encoders of the last resort: picture, sound, captions."""

MEMINFO = Path("/proc/meminfo")


def free_disk(path: Path) -> int:
    """Bytes free on the disk of ``path``, or of its nearest folder that exists."""
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    return shutil.disk_usage(existing).free


def free_memory() -> int | None:
    """Bytes of memory that can be used without swapping; None where the system does not say (it is not Linux)."""
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    return None


@dataclass(frozen=True, slots=True)
class BriefCheck:
    """Finds the brief of the job, and checks disk, memory and codecs.

    A brief that is wrong or missing fails at once (INVALID_INPUT), with file, line and remedy. A machine that cannot
    render now is UNAVAILABLE: the job's next try may find it better. A brief of an earlier day marks the video as
    degraded.

    Attributes:
        source: where briefs come from, when ``types`` is not given.
        work_dir: where the stages work.
        encoders: names of the encoders that are there; asked in a thread.
        disk: free bytes at a path.
        memory: available bytes, or None when unknown.
        types: job types by name; each has a source of its own. A job of any other type fails: other applications insert
            rows too.
    """

    source: BriefSource
    work_dir: Path
    encoders: Callable[[], Collection[str]]
    disk: Callable[[Path], int] = free_disk
    memory: Callable[[], int | None] = free_memory
    types: Mapping[str, JobType] | None = None

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return "brief-check"

    @property
    def service(self) -> str | None:
        """It needs no service."""
        return None

    async def run(self, call: Call) -> StageOutput:
        """Check everything; the output's ``data.brief`` is the brief as JSON, ``data.origin`` where it was found."""
        resolved = await asyncio.to_thread(self._check, call)
        return StageOutput(
            data={"brief": brief_to_json(resolved.brief), "origin": resolved.origin, "stale": resolved.stale},
            degraded=resolved.stale,
        )

    def _resolve(self, job: Job) -> ResolvedBrief:
        if self.types is None:
            return self.source.resolve(job.payload, job.run_date)
        kind = self.types.get(job.job_type)
        if kind is None:
            raise StageFailure.invalid_input(unknown_type(job.job_type, self.types))
        problem = kind.off_problem() or kind.route_problem(job.payload.get("route"))
        if problem is not None:
            raise StageFailure.invalid_input(problem)
        return kind.source.resolve(job.payload, job.run_date)

    def _check(self, call: Call) -> ResolvedBrief:
        resolved = self._resolve(call.job)
        disk, memory = self.disk(self.work_dir), self.memory()
        if disk < LEAST_FREE_DISK:
            raise StageFailure.unavailable(
                f"only {disk // MIB} MiB are free at {self.work_dir}, a render needs {LEAST_FREE_DISK // MIB}: "
                "delete files there, or move predawn's data folder (PREDAWN_HOME) to a larger disk"
            )
        if memory is not None and memory < LEAST_FREE_MEMORY:
            raise StageFailure.unavailable(
                f"only {memory // MIB} MiB of memory are available, a render needs {LEAST_FREE_MEMORY // MIB}: "
                "end other programs, or lower queue.concurrency and pipeline.render_processes"
            )
        missing = sorted(NEEDED_CODECS - set(self.encoders()))
        if missing:
            raise StageFailure(
                f"PyAV has no encoder {', '.join(missing)}: install the wheel of the package av from its index",
                kind=FailureClass.UNAVAILABLE,
                retryable=False,
            )
        return resolved
