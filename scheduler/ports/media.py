"""Local rendering, as the pipeline and the local services use it. Implemented by ``integrations.media``.

All of it runs in child processes, never on the event loop; cancelling the call ends the child within a second.
Failures are ``StageFailure`` (INVALID_INPUT, INVALID_OUTPUT, TIMEOUT or UNKNOWN).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from scheduler.domain.content import Segment
from scheduler.domain.media import MediaReport

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class CardContext:
    """What a card shows beside its segment.

    Attributes:
        programme: the line at the top, ``Daily Current Affairs``.
        points: how many points the video has, for the progress mark.
        language: BCP 47, chooses month names and hyphenation.
    """

    programme: str
    date: date
    points: int
    language: str = "en"


@dataclass(frozen=True, slots=True)
class TimedSegment:
    """A segment as the composer needs it.

    Attributes:
        clip: mp4 of the picture without sound; held on its last frame where the sound is longer.
        narration: wav/mp3/… of the spoken text, or None for silence.
        duration_s: seconds on screen; at least the narration's length plus a pause, or the composer stretches it.
    """

    segment: Segment
    clip: Path
    narration: Path | None
    duration_s: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """A narration file: its length in seconds."""

    path: Path
    duration_s: float


@dataclass(frozen=True, slots=True)
class Composed:
    """A finished video and its thumbnail (JPEG)."""

    video: Path
    thumbnail: Path
    duration_s: float


class LocalMedia(Protocol):
    """Everything that pip alone can render."""

    async def card_clip(
        self, segment: Segment, context: CardContext, out: Path, *, duration_s: float, progress: Progress | None = None
    ) -> float:
        """Render one segment's card as an animated mp4 (1280×720, 30 fps, H.264, no sound); its length in seconds.

        Text that does not fit one card flows over several within the clip.
        """
        ...

    async def speak(self, text: str, out: Path, *, voice: str, speed: float = 1.0) -> Spoken:
        """Narrate ``text`` into a 22,050 Hz (or higher) mono wav with eSpeak NG.

        ``voice`` is an eSpeak NG voice (``en``, ``en-us``, ``hi``); ``speed`` is 0.25–4, 1.0 is 165 words a minute.
        """
        ...

    async def silence(self, out: Path, *, duration_s: float) -> Spoken:
        """A silent wav of this length."""
        ...

    async def compose(
        self,
        segments: Sequence[TimedSegment],
        out: Path,
        *,
        title: str,
        language: str,
        progress: Progress | None = None,
    ) -> Composed:
        """Join the clips and narrations: captions burned in and as a soft ``mov_text`` track, H.264 + AAC, fast start.

        The thumbnail is written beside ``out`` as ``.jpg``.
        """
        ...

    async def add_captions(
        self, video: Path, segments: Sequence[TimedSegment], out: Path, *, language: str
    ) -> Composed:
        """Copy a video made elsewhere (no re-encoding), with our soft captions, fast start and a thumbnail."""
        ...

    async def probe(self, path: Path) -> MediaReport:
        """Decode the whole file.

        Raises:
            StageFailure: INVALID_OUTPUT when it is no media file or breaks off.
        """
        ...


class ArtifactPublisher(Protocol):
    """Makes a local file reachable for a service over HTTP."""

    def url_for(self, path: Path) -> str:
        """An unguessable URL of this file, good while the process runs.

        Raises:
            ValueError: the file is not below a folder that is served.
        """
        ...
