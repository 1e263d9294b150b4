"""What every provider must do, as checks that the author of one can run in a test of their own.

Example:
    ::

        async def test_it_behaves(tmp_path):
            await check_provider(lambda: ClipLibrary(FOLDER), call_in(tmp_path))
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from scheduler.domain.render import StageName, StageOutput
from scheduler.pipeline.files import damaged_file
from scheduler.pipeline.stages import problem_with
from scheduler.ports.provider import Call, Provider

CANCEL_S = 2.0
"""Seconds within which a cancelled call must have ended."""
SEGMENT_STAGES = {StageName.MANIM: "clip", StageName.TTS: "narration"}


class NonconformingError(AssertionError):
    """A provider does not keep to what is promised of it; the message says what and where."""


def _must(condition: object, message: str) -> None:
    if not condition:
        raise NonconformingError(message)


async def check_provider(make: Callable[[], Provider], call: Call, *, slack_s: float = 0.0) -> StageOutput:
    """Run a provider through everything that the runner relies on. Its service must be well.

    Checked: name and service; a whole output whose files are there with their size and SHA-256, below the call's
    folder or where they were before; progress between 0 and 1; parts that are saved while it works and not made again
    when they are given; a second run in the same folder; the end of a cancelled call within two seconds.

    Args:
        make: makes the provider, anew each time.
        call: with everything its stage needs, and an empty ``workdir``.
        slack_s: more seconds for the end of a cancelled call, on a slow machine.

    Returns:
        Its first output.

    Raises:
        NonconformingError: it does not conform.
        StageFailure: the provider could not do the call.
    """
    provider = make()
    _must(provider.name, "name must be a text that is not empty")
    _must(provider.name == make().name, "name must be the same each time: it is kept in logs and checkpoints")
    _must(provider.service is None or provider.service, "service must be the name of a service, or None")
    told: list[float] = []
    parts: dict[str, StageOutput] = {}

    async def save(part: str, output: StageOutput) -> None:
        _must(part, "a part needs a name: the empty one is the whole stage")
        _must(
            await asyncio.to_thread(damaged_file, output) is None, f"part {part} was saved before its files were whole"
        )
        parts[part] = output

    def hear(fraction: float, _text: str = "") -> None:
        told.append(fraction)

    given = replace(call, save_part=save, progress=hear)
    output = await provider.run(given)
    await _check_output(call.stage, output)
    _must(all(0.0 <= one <= 1.0 for one in told), f"progress must stay between 0 and 1: {told}")
    if call.stage in SEGMENT_STAGES:
        await _check_parts(make, given, parts)
    again = await make().run(replace(given, parts=dict(parts)))
    await _check_output(call.stage, again)
    await _check_cancel(make, replace(given, parts={}), slack_s)
    return output


async def _check_output(stage: StageName, output: StageOutput) -> None:
    problem = problem_with(stage, output) or await asyncio.to_thread(damaged_file, output)
    _must(problem is None, f"its output is not whole: {problem}")


async def _check_parts(
    make: Callable[[], Provider],
    call: Call,
    parts: dict[str, StageOutput],
) -> None:
    """Finished segments must be kept as they are made, and left alone when they are there."""
    wanted = {str(segment.index) for segment in call.needed_script().segments}
    _must(set(parts) == wanted, f"it saved the parts {sorted(parts)} instead of {sorted(wanted)}")
    stamps = {part: _stamps(output) for part, output in parts.items()}
    made: list[str] = []

    async def count(part: str, output: StageOutput) -> None:
        made.append(part)
        parts[part] = output

    missing = min(parts)
    await make().run(replace(call, parts={p: o for p, o in parts.items() if p != missing}, save_part=count))
    _must(made == [missing], f"given all parts but {missing} it made {made}")
    for part, before in stamps.items():
        if part != missing:
            _must(_stamps(parts[part]) == before, f"part {part} was given and made again")


def _stamps(output: StageOutput) -> dict[str, int]:
    return {role: Path(artifact.path).stat().st_mtime_ns for role, artifact in output.artifacts.items()}


async def _check_cancel(make: Callable[[], Provider], call: Call, slack_s: float) -> None:
    """A cancelled call must end soon, by ``CancelledError`` or with its output, whenever it is cancelled."""
    for after_s in (0.0, 0.05, 0.3):
        running = asyncio.ensure_future(make().run(call))
        await asyncio.wait({running}, timeout=after_s)
        running.cancel()
        began = time.monotonic()
        await asyncio.wait({running}, timeout=CANCEL_S + slack_s)
        took_s = time.monotonic() - began
        _must(running.done(), f"cancelled after {after_s:g} s it still ran {took_s:.1f} s later")
        if not running.cancelled():
            running.exception()  # looked at: a failure of a call that nobody waits for is nobody's
