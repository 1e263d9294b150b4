from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipeline_scene import SEGMENTS, Maker, Scene

from config.settings import StageSettings, StagesSettings
from scheduler.domain.failure import FailureClass
from scheduler.domain.render import StageName
from scheduler.store import open_store

PAGE = (Path(__file__).parents[2] / "docs" / "pipeline.md").read_text(encoding="utf-8")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    store = open_store(f"sqlite:///{tmp_path / 'predawn.db'}", synchronous="NORMAL")
    yield Scene(store, tmp_path)
    store.close()


def example() -> Any:
    """The class that the page shows, as it stands there."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(compile(code, "docs/pipeline.md", "exec"), namespace)  # noqa: S102 - the page's own code is what is tested
    return namespace["ClipLibrary"]


async def test_the_provider_of_the_page_renders(scene: Scene) -> None:
    library = scene.folder / "library"
    library.mkdir()
    for segment in SEGMENTS:
        (library / f"{segment.index}.mp4").write_bytes(b"clip")
    scene.chains[StageName.MANIM] = [example()(library)]

    result = await scene.render()

    assert [(row.provider, row.status.value) for row in scene.rows(StageName.MANIM)] == [("clip-library", "completed")]
    assert not result.degraded


async def test_the_provider_of_the_page_says_what_is_missing_and_the_next_one_makes_only_that(scene: Scene) -> None:
    library = scene.folder / "library"
    library.mkdir()
    (library / "0.mp4").write_bytes(b"clip")
    cards = Maker("static-cards")
    scene.chains[StageName.MANIM] = [example()(library), cards]

    await scene.render()

    first = scene.rows(StageName.MANIM)[0]
    assert first.error_class is FailureClass.INVALID_INPUT
    assert "1.mp4: render it, or take it off the chain" in str(first.error_message)
    assert cards.made == ["1", "2"]


@pytest.mark.parametrize("stage", list(StageName))
def test_the_table_of_stages_is_what_the_settings_say(stage: StageName) -> None:
    (row,) = re.findall(rf"^\| `{stage.value}` \|.*$", PAGE, flags=re.MULTILINE)
    _, _, providers, calls, seconds = (cell.strip() for cell in row.strip("|").split("|"))
    settings: StageSettings = getattr(StagesSettings(), stage.value)

    assert tuple(re.findall(r"`([^`]+)`", providers)) == settings.providers
    assert (int(calls), float(seconds)) == (settings.attempts, settings.timeout_s)


def test_every_class_of_failure_is_explained() -> None:
    for kind in FailureClass:
        assert f"| `{kind.value}` |" in PAGE
