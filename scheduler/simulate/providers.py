"""Providers that only let time pass: how long they take is drawn from history or from a distribution."""

from __future__ import annotations

import asyncio
import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from scheduler.domain.codec import brief_to_json, script_to_json
from scheduler.domain.content import Brief, Headline, Script, Segment, SegmentKind
from scheduler.domain.deadline import Estimate
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import Artifact, StageName, StageOutput
from scheduler.ports.provider import Call
from scheduler.simulate.faults import SPOILS, FaultKind, Faults, failure_of

Z90 = 1.2815515594
"""The 90th percentile of the standard normal distribution."""
REFUSES_S = 0.05
"""Seconds a refused connection takes."""

_BRIEF = Brief(date(2026, 1, 1), "Simulated", (Headline("One", ("It happened.",), "PIB"),))
_SCRIPT = Script(
    "Simulated", _BRIEF.date, "en", (Segment(0, SegmentKind.POINT, "One", ("Line",), "It happened.", 3.0),)
)


@dataclass(frozen=True, slots=True)
class Durations:
    """How long calls take.

    Attributes:
        history: seconds of real calls by (stage, provider), where there are enough.
        estimates: P50 and P90 by provider, for the others: a log-normal distribution through both.
    """

    history: Mapping[tuple[str, str], Sequence[float]]
    estimates: Mapping[str, Estimate]

    def draw(self, stage: StageName, provider: str, rng: random.Random) -> float:
        """Seconds of one call."""
        recorded = self.history.get((stage.value, provider))
        if recorded:
            return rng.choice(recorded)
        return lognormal(self.estimates.get(provider, Estimate(30.0, 120.0)), rng)


def lognormal(estimate: Estimate, rng: random.Random) -> float:
    """Draw from the log-normal distribution with these percentiles."""
    median = max(estimate.p50_s, 0.001)
    sigma = math.log(max(estimate.p90_s / median, 1.0)) / Z90
    return median * math.exp(sigma * rng.gauss(0.0, 1.0))


@dataclass(slots=True)
class Dice:
    """The luck of one night: the same for each call by its stage, provider and number, whatever else happens.

    Attributes:
        seed: of the night.
        calls: how many calls of each (stage, provider) there were.
    """

    seed: str
    calls: dict[tuple[str, str], int]

    def roll(self, stage: StageName, provider: str) -> random.Random:
        """The luck of the next call."""
        key = (stage.value, provider)
        number = self.calls[key] = self.calls.get(key, 0) + 1
        return random.Random(f"{self.seed}/{stage.value}/{provider}/{number}")  # noqa: S311 - dice


class SimulatedProvider:
    """A ``Provider`` that lets virtual time pass and then delivers, fails, hangs or spoils its output.

    Args:
        name: as in the settings.
        durations: how long it takes.
        faults: what goes wrong.
        video: a real small file that stands for every video.
    """

    def __init__(self, name: str, durations: Durations, faults: Faults, video: Artifact) -> None:
        self.name = name
        self.service: str | None = None
        self.dice = Dice("", {})
        self._durations = durations
        self._faults = faults
        self._video = video

    async def run(self, call: Call) -> StageOutput:
        """Do the stage once."""
        rng = self.dice.roll(call.stage, self.name)
        takes_s = self._durations.draw(call.stage, self.name, rng)
        fault = self._faults.draw(self.name, rng)
        if fault is None:
            await asyncio.sleep(takes_s)
            return self._made(call, spoiled=False)
        if fault.kind is FaultKind.HANG:
            await asyncio.sleep(math.inf if math.isinf(call.timeout_s) else call.timeout_s * 10 + 60)
        failure = failure_of(fault, self.name)
        if failure is not None:
            # Some fail at once and some only after all their work.
            await asyncio.sleep(REFUSES_S if fault.kind is FaultKind.DOWN else takes_s * rng.random())
            raise failure
        await asyncio.sleep(takes_s + (fault.value if fault.kind is FaultKind.SLOW else 0.0))
        return self._made(call, spoiled=fault.kind in SPOILS)

    def _made(self, call: Call, *, spoiled: bool) -> StageOutput:
        if call.stage is StageName.VERIFY and call.inputs[StageName.REVIDEO].data.get("spoiled"):
            raise StageFailure.invalid_output("the video is cut short or silent")
        made = OUTPUTS[call.stage]
        if call.stage is StageName.REVIDEO:
            return replace(made, data={**made.data, "spoiled": spoiled}, artifacts={"video": self._video})
        if call.stage is StageName.UPLOAD:
            return replace(made, data={**made.data, "video_url": Path(self._video.path).as_uri()})
        return made


OUTPUTS: Mapping[StageName, StageOutput] = {
    StageName.BRIEF: StageOutput(data={"brief": brief_to_json(_BRIEF), "origin": "simulated", "stale": False}),
    StageName.SCRIPT_GEN: StageOutput(data={"script": script_to_json(_SCRIPT)}),
    StageName.MANIM: StageOutput(),
    StageName.TTS: StageOutput(),
    StageName.REVIDEO: StageOutput(data={"duration_s": 60.0}),
    StageName.VERIFY: StageOutput(data={"duration_s": 60.0}),
    StageName.UPLOAD: StageOutput(data={"thumbnail_url": None}),
}
"""What each stage leaves, by the contract of ``scheduler.pipeline.stages``."""


def video_at(path: Path) -> Artifact:
    """Write the file that stands for every video."""
    path.write_bytes(b"video")
    return Artifact(str(path), hashlib.sha256(b"video").hexdigest(), 5, "video/mp4")
