"""Clips that were rendered beforehand, in ``$CLIP_LIBRARY/<segment index>.mp4``: an example of a predawn plug-in.

It also adds a stage: ``imprint`` writes ``$IMPRINT`` ("Published by …") into the finished video.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import av

from integrations.content.asked import DoubtSource
from integrations.kit.artifacts import artifact_of
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import StageName, StageOutput
from scheduler.job_types import JobType
from scheduler.pipeline.added import AddedStage
from scheduler.pipeline.stages import Policy, Stage
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


class Imprint:
    """Stage ``imprint``: the composed video, stream for stream, with a comment that says who publishes it."""

    name = "imprint-comment"
    service = None

    def __init__(self, words: str) -> None:
        self._words = words

    async def run(self, call: Call) -> StageOutput:
        """Answer the video that the later stages shall take instead of the composed one."""
        out = call.workdir / "imprinted.mp4"
        await asyncio.to_thread(self._copy, Path(call.inputs[StageName.REVIDEO].artifacts["video"].path), out)
        return StageOutput(
            data={"imprint": self._words}, artifacts={"video": await asyncio.to_thread(artifact_of, out, "video/mp4")}
        )

    def _copy(self, source: Path, out: Path) -> None:
        opened: Any = av.open(str(source))
        made: Any = av.open(str(out), "w", format="mp4", options={"movflags": "+faststart"})
        with opened as video, made as copy:
            copy.metadata.update(video.metadata, comment=self._words)
            streams = {one.index: copy.add_stream_from_template(one) for one in video.streams}
            for packet in video.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    copy.mux(packet)


def imprint(_context: PluginContext) -> AddedStage | None:
    """A stage of its own; None while there is nothing to imprint. It is optional: without it the video is degraded."""
    words = os.environ.get("IMPRINT")
    if not words:
        return None
    return AddedStage(
        "imprint",
        (Imprint(words),),
        after=(StageName.REVIDEO,),
        before=(StageName.VERIFY,),
        over=StageName.REVIDEO,
        policy=Policy(attempts=2, timeout_s=30.0),
        job_types=frozenset({"daily_ca", "greeting"}),
    )
