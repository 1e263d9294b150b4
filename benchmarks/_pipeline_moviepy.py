"""The cards of ``benchmarks.render`` through moviepy: run by the interpreter of a venv of its own, never by ours.

``python _pipeline_moviepy.py SPEC OUT``: SPEC is JSON of the cards, OUT the mp4. The same size, rate, codec, preset,
texts, entrances, narrations and burned-in captions; what is ours alone (soft captions, thumbnail, a designed layout)
is left out. Prints the seconds it took, without the imports.
"""

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

mp: Any = importlib.import_module("moviepy")  # it has no types, and is only in the venv of the benchmark

SIZE = (1280, 720)
ENTRANCE_S = 0.55
MARGIN = 90
WIDTH = SIZE[0] - 2 * MARGIN


def text(words: str, size: int, font: str, *, colour: str = "#f2f4f8") -> Any:
    """A text that wraps at the width of a card."""
    return mp.TextClip(
        font=font, text=words, font_size=size, color=colour, size=(WIDTH, None), method="caption", margin=(0, 10)
    )


def entering(clip: Any, *, at: float, y: int, until: float) -> Any:
    """The clip fades and slides in, and stands until the card ends."""
    moved = clip.with_start(at).with_duration(until - at)

    def place(t: float) -> tuple[int, int]:
        return MARGIN, int(y + 24 * max(0.0, 1 - t / ENTRANCE_S))

    return moved.with_position(place).with_effects([mp.vfx.CrossFadeIn(ENTRANCE_S)])


def card(one: dict[str, Any]) -> Any:
    """One segment: background, heading, lines one after another, source, captions, narration."""
    seconds, font = one["duration_s"], one["font"]
    layers: list[Any] = [mp.ColorClip(SIZE, color=(16, 24, 48)).with_duration(seconds)]
    y = 110
    heading = text(one["heading"], 52, font)
    layers.append(entering(heading, at=0.2, y=y, until=seconds))
    y += heading.h + 30
    for number, line in enumerate(one["lines"]):
        clip = text(line, 34, font, colour="#c8d0e0")
        layers.append(entering(clip, at=0.6 + 0.4 * number, y=y, until=seconds))
        y += clip.h + 18
    if one["source"]:
        layers.append(entering(text(one["source"], 22, font, colour="#8090b0"), at=0.4, y=600, until=seconds))
    for start, end, words in one["captions"]:
        shown = text(words, 28, font).with_start(start).with_duration(end - start)
        layers.append(shown.with_position((MARGIN, 640)))
    sound = mp.AudioFileClip(one["narration"]).with_start(0.2)
    return mp.CompositeVideoClip(layers, size=SIZE).with_duration(seconds).with_audio(mp.CompositeAudioClip([sound]))


def main(spec: Path, out: Path) -> None:
    """Render and tell how long it took."""
    began = time.perf_counter()
    cards = [card(one) for one in json.loads(spec.read_text("utf-8"))]
    video = mp.concatenate_videoclips(cards)
    video.write_videofile(
        str(out), fps=30, codec="libx264", audio_codec="aac", preset="superfast", threads=2, logger=None
    )
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
