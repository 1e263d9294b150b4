"""Stages that are made segment by segment: a few at once, finished ones kept, failures told as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from scheduler.domain.content import Segment
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.render import Artifact, StageOutput
from scheduler.ports.provider import Call

Make = Callable[[Segment], Awaitable[StageOutput]]

ABOUT_THE_SERVICE = frozenset({FailureClass.UNAVAILABLE, FailureClass.TIMEOUT})
"""Failures that the next segment would meet as well."""


async def make_missing(call: Call, make: Make, *, at_once: int) -> dict[int, StageOutput]:
    """Every segment of the script: the finished parts of ``call`` as they are, the missing ones by ``make``.

    Each part is kept as soon as it is made. One segment's failure does not throw away what others are making: what
    runs is waited for, and what has not begun is begun unless the failure says that the service as a whole is out or
    that our call is wrong. So that every attempt at a flaky service gets further than the one before.

    Raises:
        StageFailure: the first failure, with the indexes of the segments that are still missing in its details.
    """
    script = call.needed_script()
    done = {s.index: part for s in script.segments if (part := call.parts.get(str(s.index))) is not None}
    missing = [segment for segment in script.segments if segment.index not in done]
    total = len(script.segments)
    queue = list(reversed(missing))
    failures: list[tuple[int, StageFailure]] = []
    hopeless = False

    async def work() -> None:
        nonlocal hopeless
        while queue and not hopeless:
            segment = queue.pop()
            try:
                output = await make(segment)
            except StageFailure as failure:
                failures.append((segment.index, failure))
                hopeless = hopeless or failure.kind in ABOUT_THE_SERVICE or not failure.retryable
            else:
                await call.save_part(str(segment.index), output)
                done[segment.index] = output
                call.progress(len(done) / total, f"{len(done)} of {total} segments")

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(missing))):
                group.create_task(work())
    except ExceptionGroup as several:
        # Whoever called knows LeaseLostError and its like, not groups of them.
        raise several.exceptions[0] from several
    if failures:
        raise _told_as_one(failures, still=[s.index for s in script.segments if s.index not in done], total=total)
    return done


def joined_output(
    call: Call, parts: Mapping[int, StageOutput], *, provider: str, role: str, as_role: str
) -> StageOutput:
    """The stage's output from its parts: ``data`` holds ``durations`` and ``providers`` in the script's order.

    Args:
        call: the attempt.
        parts: an output for every segment, by index; with ``data.duration_s`` and an artifact called ``role``.
        provider: who made the rest.
        role: the artifact's name in a part, ``clip``.
        as_role: the first half of its name in the stage's output, ``clip`` for ``clip/0``.
    """
    segments = call.needed_script().segments
    artifacts: dict[str, Artifact] = {}
    for segment in segments:
        artifacts[f"{as_role}/{segment.index}"] = parts[segment.index].artifacts[role]
    return StageOutput(
        data={
            "durations": [parts[segment.index].data["duration_s"] for segment in segments],
            "providers": [parts[segment.index].provider for segment in segments],
        },
        artifacts=artifacts,
        provider=provider,
        # A part that somebody else made is either this chain's fallback's, or makes no difference to a fallback.
        degraded=any(parts[s.index].degraded or parts[s.index].provider != provider for s in segments),
    )


def narrated(call: Call, parts: Mapping[int, StageOutput], *, provider: str) -> StageOutput:
    """Stage ``tts``' output from its parts.

    ``data.unspoken`` holds the indexes of the segments whose narration is silence, ``data.silent`` whether all are.
    """
    output = joined_output(call, parts, provider=provider, role="narration", as_role="narration")
    unspoken = [index for index in sorted(parts) if parts[index].data.get("silent") is True]
    return replace(output, data={**output.data, "silent": len(unspoken) == len(parts), "unspoken": unspoken})


def usable_parts(call: Call, *, role: str) -> Call:
    """``call`` without the parts whose file is gone or has another length: those are made again."""
    kept = {name: part for name, part in call.parts.items() if is_whole(part.artifacts.get(role))}
    if len(kept) == len(call.parts):
        return call
    return replace(call, parts=kept)


def is_whole(artifact: Artifact | None) -> bool:
    """Whether an artifact's file is there with the length it was kept with."""
    if artifact is None:
        return False
    try:
        return Path(artifact.path).stat().st_size == artifact.size
    except OSError:
        return False


def _told_as_one(failures: Iterable[tuple[int, StageFailure]], *, still: list[int], total: int) -> StageFailure:
    """The gravest failure speaks for all: one that cannot be retried, then one about the service, then the first."""
    ranked = sorted(failures, key=lambda item: (item[1].retryable, item[1].kind not in ABOUT_THE_SERVICE, item[0]))
    index, first = ranked[0]
    waits = [failure.retry_after_s for _, failure in ranked if failure.retry_after_s is not None]
    return StageFailure(
        f"segment {index}: {first.message} ({len(still)} of {total} segments are missing)",
        kind=first.kind,
        retryable=first.retryable,
        retry_after_s=max(waits, default=None),
        details={**first.details, "segment": index, "missing_segments": still},
    )
