"""Clips that were rendered beforehand, in ``$CLIP_LIBRARY/<segment index>.mp4``: an example of a predawn plug-in."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import replace
from pathlib import Path

from integrations.content.asked import DoubtSource
from integrations.kit.artifacts import artifact_of
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import StageOutput
from scheduler.job_types import JobType
from scheduler.pipeline.stages import Stage
from scheduler.plugins import PluginContext
from scheduler.ports.provider import Call, Provider


class ClipLibrary:
    """Stage ``manim`` from files."""

    name = "clip-library"
    service = None  # the name of the probed service it depends on, "manim"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def run(self, call: Call) -> StageOutput:
        """Copy every clip that is not there yet."""
        clips = {}
        segments = call.needed_script().segments
        for done, segment in enumerate(segments, start=1):
            part = str(segment.index)
            if part not in call.parts:  # finished earlier, perhaps by another provider or before a crash
                output = await asyncio.to_thread(self._clip, call, part)
                await call.save_part(part, output)  # kept from here on, whatever happens next
                call.progress(done / len(segments), f"segment {part}")
            else:
                output = call.parts[part]
            clips[f"clip/{part}"] = output.artifacts["clip"]
        return StageOutput(artifacts=clips)

    def _clip(self, call: Call, part: str) -> StageOutput:
        source, target = self._folder / f"{part}.mp4", call.workdir / f"library-{part}.mp4"
        try:
            shutil.copyfile(source, target)
        except FileNotFoundError as error:
            raise StageFailure.invalid_input(
                f"there is no clip {source}: render it, or take clip-library off the chain"
            ) from error
        except OSError as error:
            raise StageFailure.unavailable(f"clip {source} cannot be read: {error.strerror}") from error
        return StageOutput(artifacts={"clip": artifact_of(target, "video/mp4")})


def make(_context: PluginContext) -> Provider | None:
    """The provider; None while there is no folder to take clips from."""
    folder = os.environ.get("CLIP_LIBRARY")
    return ClipLibrary(Path(folder)) if folder else None


def greeting(_context: PluginContext) -> JobType:
    """A job type of its own, asked for like a doubt."""
    return JobType("greeting", DoubtSource())


def once(stage: Stage) -> Stage:
    """Files do not get better by being asked for again."""
    return replace(stage, policy=replace(stage.policy, attempts=1))
