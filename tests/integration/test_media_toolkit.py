"""Local rendering with the real thing: child processes, encoders, eSpeak NG; what was made is decoded again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from integrations.media import child, process
from integrations.media.encoders import encoders
from integrations.media.process import Children
from integrations.media.toolkit import MediaToolkit
from integrations.media.untyped import av
from scheduler.domain.content import Segment, SegmentKind
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.media import MediaExpectation, media_problems
from scheduler.pipeline.brief import NEEDED_CODECS
from scheduler.ports.media import CardContext, Composed, LocalMedia, TimedSegment

CONTEXT = CardContext("Daily Current Affairs", date(2025, 6, 6), 1)
INTRO = Segment(0, SegmentKind.INTRO, "Repo rate cut", (), "Good morning. The repo rate is cut.", 2.0)
POINT = Segment(
    1,
    SegmentKind.POINT,
    "RBI cuts the repo rate, रेपो दर घटी",
    ("To 5.5%, for ₹2.5 lakh crore.",),
    "RBI cuts the repo rate. रेपो दर घटी।",
    2.0,
    source="RBI",
    number=1,
)
ENDLESS = Segment(1, SegmentKind.POINT, "word " * 200, ("word " * 400,) * 4, "x", 900.0, number=1)
"""A card of so many pages that rendering it takes far longer than any test waits."""


@pytest.fixture(scope="module")
def media() -> LocalMedia:
    return MediaToolkit(processes=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Composed, list[TimedSegment], list[float]]:
    """A small video: made once, looked at by many tests."""
    folder = tmp_path_factory.mktemp("made")
    steps: list[float] = []

    async def make() -> tuple[Composed, list[TimedSegment]]:
        toolkit = MediaToolkit(processes=2)

        async def one(segment: Segment) -> TimedSegment:
            clip, sound = folder / f"clip-{segment.index}.mp4", folder / f"sound-{segment.index}.wav"
            spoken = await toolkit.speak(segment.narration, sound, voice="en-us", speed=1.3)
            await toolkit.card_clip(segment, CONTEXT, clip, duration_s=spoken.duration_s)
            return TimedSegment(segment, clip, sound, spoken.duration_s + 0.6)

        timed = await asyncio.gather(one(INTRO), one(POINT))
        composed = await toolkit.compose(
            timed, folder / "video.mp4", title="नमस्ते", language="hi", progress=lambda done, _text: steps.append(done)
        )
        return composed, list(timed)

    composed, timed = asyncio.run(make())
    return folder, composed, timed, steps


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def frames_of(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray()[:720] for frame in container.decode(video=0)]


async def test_card_clip_is_an_animated_mp4_without_sound(media: LocalMedia, tmp_path: Path) -> None:
    heard: list[float] = []
    out = tmp_path / "clip.mp4"
    length = await media.card_clip(POINT, CONTEXT, out, duration_s=8.0, progress=lambda done, _text: heard.append(done))
    report = await media.probe(out)
    assert (report.width, report.height, report.fps, report.video_codec) == (1280, 720, 30.0, "h264")
    assert report.audio_codec is None
    assert report.duration_s == pytest.approx(length, abs=0.05)
    assert report.distinct_frames > 10
    assert report.black_ratio == 0
    assert heard[-1] == 1.0
    assert names(tmp_path) == ["clip.mp4"]


@pytest.mark.parametrize(
    ("text", "voice"), [("Good morning, 5.5%.", "en-us"), ("नमस्ते।", "hi"), ("Hello", "en-gb-x-rp"), ("RBI ने कहा", "en")]
)
async def test_speech_is_an_evenly_loud_wav(media: LocalMedia, tmp_path: Path, text: str, voice: str) -> None:
    spoken = await media.speak(text, tmp_path / "s.wav", voice=voice)
    with wave.open(str(spoken.path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        assert file.getframerate() >= 22_050
        assert file.getnframes() / file.getframerate() == pytest.approx(spoken.duration_s)
        peak = np.abs(np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)).max() / 32768
    assert 20 * np.log10(peak) == pytest.approx(-3, abs=0.1)
    assert spoken.duration_s > 0.3


async def test_speed_changes_the_length(media: LocalMedia, tmp_path: Path) -> None:
    text = "The Monetary Policy Committee of the Reserve Bank of India voted for a cut."
    slow, fast = await asyncio.gather(
        media.speak(text, tmp_path / "slow.wav", voice="en", speed=0.7),
        media.speak(text, tmp_path / "fast.wav", voice="en", speed=1.6),
    )
    assert slow.duration_s > fast.duration_s * 1.6


@pytest.mark.parametrize(
    ("text", "voice", "speed", "words"),
    [
        ("hello", "en-gb", 1.0, "'en-gb'"),
        ("…", "en", 1.0, "nothing in the narration"),
        ("hello", "en", 9.0, "speed must be"),
    ],
)
async def test_what_cannot_be_spoken_is_refused(
    media: LocalMedia, tmp_path: Path, *, text: str, voice: str, speed: float, words: str
) -> None:
    with pytest.raises(StageFailure, match=words) as raised:
        await media.speak(text, tmp_path / "s.wav", voice=voice, speed=speed)
    assert raised.value.kind is FailureClass.INVALID_INPUT
    assert names(tmp_path) == []


async def test_silence_is_as_long_as_asked_and_silent(media: LocalMedia, tmp_path: Path) -> None:
    silent = await media.silence(tmp_path / "s.wav", duration_s=1.5)
    report = await media.probe(silent.path)
    assert silent.duration_s == pytest.approx(1.5)
    assert report.duration_s == pytest.approx(1.5, abs=0.01)
    assert report.peak_dbfs == float("-inf")
    assert report.silent_ratio == 1.0


async def test_composed_video_is_what_the_pipeline_publishes(
    media: LocalMedia, made: tuple[Path, Composed, list[TimedSegment], list[float]]
) -> None:
    folder, composed, timed, steps = made
    report = await media.probe(composed.video)
    expected = MediaExpectation(
        duration_s=sum(segment.duration_s for segment in timed),
        duration_tolerance=0.01,
        width=1280,
        height=720,
        video_codec="h264",
        audio_codec="aac",
        captions=True,
        max_silence_s=1.5,
        min_distinct_frames=20,
    )
    assert media_problems(report, expected) == ()
    assert report.duration_s == pytest.approx(composed.duration_s, abs=0.04)
    assert (report.fps, report.sample_rate, report.caption_codec, report.faststart) == (30.0, 48_000, "mov_text", True)
    assert report.frames == round(composed.duration_s * 30)
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    assert not list(folder.glob(".*"))


async def test_composed_video_carries_title_language_colours_and_keyframes(
    made: tuple[Path, Composed, list[TimedSegment], list[float]],
) -> None:
    with av.open(str(made[1].video)) as container:
        assert container.metadata["title"] == "नमस्ते"
        assert container.streams.subtitles[0].metadata["language"] == "hin"
        assert container.streams.video[0].codec_context.colorspace == 1
        keyframes = [
            float(p.pts * p.time_base) for p in container.demux(video=0) if p.is_keyframe and p.pts is not None
        ]
    gaps = np.diff([*keyframes, made[1].duration_s])
    assert gaps.max() <= 2.05


async def test_captions_are_burned_in_and_soft_at_the_same_times(
    made: tuple[Path, Composed, list[TimedSegment], list[float]],
) -> None:
    _, composed, timed, _ = made
    with av.open(str(composed.video)) as container:
        texts = [
            (float(p.pts * p.time_base), bytes(p)[2:].decode())
            for p in container.demux(subtitles=0)
            if p.size > 2 and p.pts is not None
        ]
    assert [text for _, text in texts] == [
        "Good morning.",
        "The repo rate is cut.",
        "RBI cuts the repo rate.",
        "रेपो दर घटी।",
    ]
    frames = frames_of(composed.video)
    for start, text in texts:
        band = frames[round((start + 0.25) * 30)][600:706, 200:1080]
        assert band.max() > 200, f"no caption on screen for {text}"
    before_speech = frames[1][600:706, 200:1080]
    assert before_speech.max() < 150
    second = round(timed[0].duration_s * 30)
    assert np.abs(frames[second + 60].astype(int) - frames[second + 1].astype(int)).max() > 100


async def test_thumbnail_is_a_picture_of_the_first_point(
    made: tuple[Path, Composed, list[TimedSegment], list[float]],
) -> None:
    thumbnail = made[1].thumbnail
    assert thumbnail == made[1].video.with_suffix(".jpg")
    with Image.open(thumbnail) as image:
        assert (image.format, image.size) == ("JPEG", (1280, 720))
        heading = np.asarray(image.convert("L"))[132:580, 200:1200]
    assert heading.max() > 230


async def test_clips_from_elsewhere_are_fitted_and_mp3_is_read(media: LocalMedia, tmp_path: Path) -> None:
    clip, sound = tmp_path / "odd.mp4", tmp_path / "voice.mp3"
    with av.open(str(clip), "w") as out:
        stream = out.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 480, 480, "yuv420p"
        for n in range(15):
            frame = av.VideoFrame.from_ndarray(np.full((480, 480, 3), 40 + n * 12, np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with av.open(str(sound), "w") as out:
        stream = out.add_stream("mp3", rate=24_000)
        tone = (np.sin(np.arange(24_000) / 10) * 8000).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(tone, format="s16p", layout="mono")
        frame.sample_rate = 24_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    composed = await media.compose(
        [TimedSegment(POINT, clip, sound, 0.5)], tmp_path / "v.mp4", title="t", language="en"
    )
    report = await media.probe(composed.video)
    assert (report.width, report.height, report.fps) == (1280, 720, 30.0)
    assert report.duration_s > 1.2, "a segment is stretched to its narration"
    assert report.silent_ratio < 0.5
    shown = frames_of(composed.video)
    assert shown[14][300, 640] < shown[-1][300, 640], "the clip moves, then its last frame is held"
    assert shown[0][300, 100] < 40, "bars in the card's night blue"


async def test_add_captions_copies_the_streams_and_replaces_captions(
    media: LocalMedia, made: tuple[Path, Composed, list[TimedSegment], list[float]], tmp_path: Path
) -> None:
    timed = [TimedSegment(item.segment, Path("gone.mp4"), None, item.duration_s) for item in made[2]]
    composed = await media.add_captions(made[1].video, timed, tmp_path / "out.mp4", language="en")
    before, after = await media.probe(made[1].video), await media.probe(composed.video)
    assert (after.frames, after.duration_s, after.peak_dbfs) == (before.frames, before.duration_s, before.peak_dbfs)
    assert after.faststart
    assert after.caption_cues == 4
    with av.open(str(composed.video)) as container:
        assert [stream.metadata["language"] for stream in container.streams.subtitles] == ["eng"]
    with Image.open(composed.thumbnail) as image:
        assert image.size == (1280, 720)


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.995])
async def test_cut_video_is_refused(
    media: LocalMedia, made: tuple[Path, Composed, list[TimedSegment], list[float]], tmp_path: Path, keep: float
) -> None:
    whole = made[1].video.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(StageFailure, match="cut off") as raised:
        await media.probe(cut)
    assert raised.value.kind is FailureClass.INVALID_OUTPUT
    assert "cut.mp4" in raised.value.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<html>502", "web page"),
        (b'{"error":1}', "JSON"),
        (bytes(range(256)) * 40, "damaged"),
        (None, "cannot be read"),
    ],
)
async def test_what_is_no_video_is_refused_by_name(
    media: LocalMedia, tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "answer.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StageFailure, match=words) as raised:
        await media.probe(path)
    assert raised.value.kind is FailureClass.INVALID_OUTPUT


async def test_still_black_and_frozen_pictures_are_seen(media: LocalMedia, tmp_path: Path) -> None:
    path = tmp_path / "still.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for n in range(60):
            frame = av.VideoFrame.from_ndarray(np.full((180, 320, 3), 0 if n < 30 else 128, np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    report = await media.probe(path)
    assert report.black_ratio == pytest.approx(0.5)
    assert report.distinct_frames == 1
    assert report.frozen_s == pytest.approx(1.0, abs=0.05)
    assert not report.faststart
    problems = media_problems(report, MediaExpectation(sound=False))
    assert "a still image for its whole length" in problems
    once = MediaExpectation(sound=False, max_black_ratio=1, min_distinct_frames=1, max_frozen_s=0.9)
    assert media_problems(report, once) == ("stands still for 1.0 s, at most 0.9 s are allowed",)


async def test_bad_clip_or_narration_is_named(media: LocalMedia, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a clip")
    for clip, words in ((broken, "broken.mp4"), (tmp_path / "gone.mp4", "does not exist")):
        with pytest.raises(StageFailure, match=words) as raised:
            await media.compose([TimedSegment(POINT, clip, None, 2.0)], tmp_path / "v.mp4", title="t", language="en")
        assert raised.value.kind is FailureClass.INVALID_INPUT
    assert names(tmp_path) == ["broken.mp4"]


async def test_wrong_arguments_are_refused_before_a_child_is_started(media: LocalMedia, tmp_path: Path) -> None:
    with pytest.raises(StageFailure, match="duration must be"):
        await media.silence(tmp_path / "s.wav", duration_s=0)
    with pytest.raises(StageFailure, match="folder"):
        await media.silence(tmp_path / "missing" / "s.wav", duration_s=1)
    with pytest.raises(StageFailure, match="at least one segment"):
        await media.compose([], tmp_path / "v.mp4", title="t", language="en")


async def test_a_crashed_child_is_an_unknown_failure_with_its_last_words() -> None:
    with pytest.raises(StageFailure, match="exit code 1: TypeError") as raised:
        await Children(1).run("card_clip", {})
    assert raised.value.kind is FailureClass.UNKNOWN
    assert raised.value.retryable
    assert "Traceback" in str(raised.value.details["stderr"])


def is_running(pid: int) -> bool:
    """Whether a process still does anything: one that waits to be reaped does not."""
    with suppress(OSError):
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


async def until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


async def test_children_serve_more_than_one_call_while_the_toolkit_is_open_and_none_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def recorded(*args: Any, **options: Any) -> asyncio.subprocess.Process:
        children.append(await start(*args, **options))
        return children[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", recorded)
    toolkit = MediaToolkit(processes=2)
    async with toolkit:
        await toolkit.silence(tmp_path / "short.wav", duration_s=0.1)
        await toolkit.silence(tmp_path / "long.wav", duration_s=0.2)
        assert [child.returncode for child in children] == [None]
        with pytest.raises(StageFailure, match="nothing in the narration"):
            await toolkit.speak("…", tmp_path / "no.wav", voice="en-us")
        assert [child.returncode for child in children] == [0], "what has failed serves no further call"
        await toolkit.silence(tmp_path / "silence.wav", duration_s=0.1)
        await toolkit.silence(tmp_path / "silence.wav", duration_s=0.2)
        os.kill(children[1].pid, signal.SIGKILL)  # while it waits: the next call does not notice
        await children[1].wait()
        await toolkit.silence(tmp_path / "silence.wav", duration_s=0.3)
        assert len(children) == 3
        await toolkit.speak("Good morning.", tmp_path / "said.wav", voice="en-us")
        assert children[2].returncode == 0, "eSpeak NG is used once: what it says depends on what it has said"
        await toolkit.silence(tmp_path / "silence.wav", duration_s=0.1)
    assert [child.returncode for child in children[1:]] == [-signal.SIGKILL, 0, 0]
    await toolkit.silence(tmp_path / "after.wav", duration_s=0.1)
    assert children[4].returncode == 0, "outside, each call has a child of its own"


def media_children() -> set[int]:
    """The toolkit's processes below ours: other tests keep a PostgreSQL there."""
    return {child.pid for child in psutil.Process().children() if "integrations.media" in command_of(child)}


def command_of(process: psutil.Process) -> list[str]:
    """What it runs; nothing of one that ends in this moment."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def test_an_idle_child_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = media_children()
    monkeypatch.setattr(process, "IDLE_S", 0.05)
    async with MediaToolkit(processes=1) as toolkit:
        await toolkit.silence(tmp_path / "silence.wav", duration_s=0.1)
        assert await until(lambda: not media_children() - before, 10)
        monkeypatch.setattr(process, "IDLE_S", 60)
        await toolkit.silence(tmp_path / "silence.wav", duration_s=0.1)
        assert len(media_children() - before) == 1
    assert not media_children() - before


async def test_who_has_nothing_to_do_goes_before_one_composes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = media_children()
    async with MediaToolkit(processes=2) as toolkit:
        await asyncio.gather(*(toolkit.silence(tmp_path / f"{n}.wav", duration_s=0.1) for n in range(2)))
        assert len(media_children() - before) == 2
        monkeypatch.setattr(process, "LARGE", {"silence"})
        await toolkit.silence(tmp_path / "last.wav", duration_s=0.1)
        assert await until(lambda: len(media_children() - before) == 1, 10)


async def test_the_encoders_are_asked_for_in_another_process() -> None:
    encoders.cache_clear()
    assert await asyncio.to_thread(encoders) >= NEEDED_CODECS


async def test_an_idle_child_that_holds_much_goes_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = media_children()
    monkeypatch.setattr(process, "IDLE_S", 60)
    monkeypatch.setattr(process, "HEAVY_MB", 1)
    async with MediaToolkit(processes=1) as toolkit:
        await toolkit.silence(tmp_path / "silence.wav", duration_s=0.1)
        assert await until(lambda: not media_children() - before, 10)


def test_a_child_that_is_large_or_leaves_traces_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def served(_request: Any, _progress: Any) -> dict[str, Any]:
        return {}

    monkeypatch.setattr(child, "_serve", served)
    traces = next(iter(child.LEAVES_TRACES))
    for megabytes, call, again in ((100, "silence", True), (121, "silence", False), (100, traces, False)):
        monkeypatch.setattr(child, "_memory", lambda megabytes=megabytes: megabytes * child.MEGABYTE)
        assert child._answer({"call": call}, lambda _: None)["again"] is again  # pyright: ignore[reportPrivateUsage]


async def test_cancelling_kills_the_child_within_a_second(
    media: LocalMedia, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def recorded(*args: Any, **options: Any) -> asyncio.subprocess.Process:
        children.append(await start(*args, **options))
        return children[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", recorded)
    working = asyncio.Event()
    task = asyncio.create_task(
        media.card_clip(
            ENDLESS, CONTEXT, tmp_path / "c.mp4", duration_s=60.0, progress=lambda _done, _text: working.set()
        )
    )
    await asyncio.wait_for(working.wait(), 30)
    (half_written,) = names(tmp_path)
    assert half_written.endswith(".part")
    begun = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begun < 1.0
    assert children[0].returncode == -signal.SIGKILL
    assert names(tmp_path) == []


PARENT = """
import asyncio, sys
from datetime import date
from pathlib import Path
from integrations.media.toolkit import MediaToolkit
from scheduler.domain.content import Segment, SegmentKind
from scheduler.pipeline.brief import NEEDED_CODECS
from scheduler.ports.media import CardContext

start = asyncio.create_subprocess_exec
pids = []

async def recorded(*args, **options):
    child = await start(*args, **options)
    pids.append(child.pid)
    return child

asyncio.create_subprocess_exec = recorded
endless = Segment(1, SegmentKind.POINT, "word " * 200, ("word " * 400,) * 4, "x", 900.0, number=1)
context = CardContext("P", date(2025, 6, 6), 1)
asyncio.run(MediaToolkit(1).card_clip(
    endless, context, Path(sys.argv[1]), duration_s=60.0, progress=lambda done, text: print(pids[0], flush=True)
))
"""


async def test_a_killed_parent_leaves_no_child_and_no_half_written_file(tmp_path: Path) -> None:
    parent = subprocess.Popen(  # noqa: ASYNC220 - it is killed without asyncio's help
        [sys.executable, "-c", PARENT, str(tmp_path / "c.mp4")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent, parent.stdout:
        child = int(await asyncio.to_thread(parent.stdout.readline))
        assert is_running(child)
        assert names(tmp_path)[0].endswith(".part")
        parent.kill()
    assert await until(lambda: not is_running(child), 3)
    assert names(tmp_path) == []


async def test_no_more_children_than_allowed_run_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = most = 0
    start = asyncio.create_subprocess_exec

    async def counted(*args: Any, **options: Any) -> asyncio.subprocess.Process:
        nonlocal running, most
        child = await start(*args, **options)
        running += 1
        most = max(most, running)
        wait = child.wait

        async def ended() -> int:
            nonlocal running
            code = await wait()
            if running and child.stdin is not None:
                child.stdin = None
                running -= 1
            return code

        monkeypatch.setattr(child, "wait", ended)
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", counted)
    toolkit = MediaToolkit(processes=2)
    await asyncio.gather(*(toolkit.silence(tmp_path / f"{n}.wav", duration_s=0.1) for n in range(6)))
    assert most == 2
    assert len(names(tmp_path)) == 6
