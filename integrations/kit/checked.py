"""Media from outside counts only when it was decoded: a service's word is a claim (contracts.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from scheduler.domain.failure import StageFailure
from scheduler.domain.media import MediaExpectation, MediaReport, media_problems
from scheduler.ports.media import LocalMedia


async def probed(media: LocalMedia, path: Path, expected: MediaExpectation, *, what: str) -> MediaReport:
    """Decode the whole file and compare it with what was asked for; a file that fails is removed.

    Args:
        media: decodes.
        path: the file.
        expected: what it must be.
        what: names it in the message, ``manim's clip``.

    Raises:
        StageFailure: INVALID_OUTPUT; the problems also stand in its details.
    """
    try:
        report = await media.probe(path)
        problems = media_problems(report, expected)
        if problems:
            raise StageFailure.invalid_output(
                f"not usable: {', '.join(problems)}", details={"problems": list(problems)}
            )
    except StageFailure as failure:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        raise StageFailure(
            f"{what}: {failure.message}", kind=failure.kind, retryable=failure.retryable, details=failure.details
        ) from failure
    return report
