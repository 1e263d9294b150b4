"""What the local Orchestrator, chat endpoint and text-to-video server take and answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_scripted import tone
from services_media import FileMedia, moving_picture

from integrations.local_services.plan import plan_of
from integrations.local_services.running import LocalServices
from scheduler.domain.codec import brief_to_json
from scheduler.domain.content import Brief, Headline

BRIEF = brief_to_json(
    Brief(
        date(2026, 11, 20), "The day", tuple(Headline(f"Item {n}", ("One.", "Two.", "Three."), "PIB") for n in (1, 2))
    )
)
SCENE = {"scene_type": "point", "content": {"heading": "Hello", "number": 1}}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("media")
    return {
        "clip": moving_picture(folder / "clip.mp4", seconds=1, sound=False),
        "video": moving_picture(folder / "video.mp4", seconds=2, sound=True),
        "sound": tone(folder / "sound.wav", seconds=1),
    }


@pytest.fixture
def media(files: dict[str, Path]) -> FileMedia:
    return FileMedia(**files)


@asynccontextmanager
async def service(name: str, media: FileMedia, tmp_path: Path) -> AsyncGenerator[httpx.AsyncClient]:
    async with (
        LocalServices(media, tmp_path / "services", {name: 0}) as running,
        httpx.AsyncClient(base_url=running.urls[name], trust_env=False, timeout=10) as client,
    ):
        yield client


async def finished(client: httpx.AsyncClient, path: str, running: set[str]) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            told = (await client.get(path)).json()
            if told["status"] not in running:
                return told


@pytest.mark.parametrize(
    ("given", "segments"),
    [
        ({"brief": BRIEF}, 3),
        ({"question": "What is the repo rate?"}, 2),
        ({"prompt": "a river"}, 2),
        ("just words", 2),
    ],
)
async def test_whole_jobs_become_videos_in_the_contracts_words(
    media: FileMedia, tmp_path: Path, given: Any, segments: int
) -> None:
    async with service("orchestrator", media, tmp_path) as client:
        media.gate.clear()
        answer = await client.post("/render", json={"job_id": "x", "job_type": "doubt", "input": given})
        told = answer.json()
        assert (answer.status_code, told["status"], told["estimated_time"] > 0) == (202, "pending", True)
        await media.started.wait()
        assert (await client.get(told["status_url"])).json()["status"] == "processing"
        media.gate.set()
        told = await finished(client, told["status_url"], {"pending", "processing"})
        assert (told["status"], told["duration"]) == ("completed", 2.0)
        assert "estimated_time" not in told
        assert (await client.get(told["video_url"])).status_code == 200
        assert (await client.get(told["thumbnail_url"])).status_code == 200
    assert len(media.segments) == segments


async def test_a_workflow_without_a_composition_joins_its_scenes_and_texts(media: FileMedia, tmp_path: Path) -> None:
    steps = [
        {"step": "manim", "scene_spec": SCENE},
        {"step": "tts", "text": "Said over the first."},
        {"step": "manim", "scene_spec": SCENE},
        {"step": "revideo"},
    ]
    async with service("orchestrator", media, tmp_path) as client:
        answer = await client.post("/render?wait=1", json={"job_type": "daily_ca", "workflow": steps})
        assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert [timed.segment.narration for timed in media.segments] == ["Said over the first.", ""]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"job_type": "x"}, "input: give either input or workflow"),
        ({"job_type": "x", "input": {"question": " "}}, "it needs a brief, a question or a prompt"),
        ({"job_type": "x", "input": {"brief": {"title": "x"}}}, "input.brief: headlines must be list|input.brief"),
        ({"job_type": "x", "workflow": [{"step": "manim", "scene_spec": SCENE}]}, "ends with its one revideo step"),
        ({"job_type": "x", "workflow": [{"step": "revideo"}]}, "there must be manim steps"),
        ({"job_type": "x", "workflow": [{"step": "manim"}, {"step": "revideo"}]}, "needs its scene_spec"),
        ({"job_type": "x", "workflow": [{"step": "tts"}, {"step": "revideo"}]}, "needs its text"),
        ({"input": "x"}, "job_type: Field required"),
    ],
)
async def test_bad_jobs_are_refused_by_their_field(
    media: FileMedia, tmp_path: Path, body: dict[str, Any], said: str
) -> None:
    async with service("orchestrator", media, tmp_path) as client:
        answer = await client.post("/render", json=body)
    assert answer.status_code == 422
    assert any(part in answer.json()["error"] for part in said.split("|"))


@pytest.mark.parametrize(("length", "said"), [("short", "Item 1. One."), ("long", "Item 1. One. Two. Three.")])
def test_a_plan_is_as_long_as_it_was_asked_for(length: str, said: str) -> None:
    assert plan_of({"brief": BRIEF}, length=length).segments[1].narration == said


async def test_a_chat_is_answered_the_same_each_time(media: FileMedia, tmp_path: Path) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": json.dumps({"brief": BRIEF})}]}
    async with service("script", media, tmp_path) as client:
        answers = [(await client.post("/v1/chat/completions", json=body)).json() for _ in range(2)]
    first, second = (answer["choices"][0]["message"]["content"] for answer in answers)
    assert first == second
    assert [point["headline"] for point in json.loads(first)["points"]] == [1, 2]


@pytest.mark.parametrize("content", ["hello", "[]", "{}"])
async def test_a_chat_about_nothing_is_refused(media: FileMedia, tmp_path: Path, content: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": content}]}
    async with service("script", media, tmp_path) as client:
        answer = await client.post("/v1/chat/completions", json=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_a_video_is_made_told_of_fetched_and_deleted(media: FileMedia, tmp_path: Path) -> None:
    async with service("sora", media, tmp_path) as client:
        media.gate.clear()
        told = (await client.post("/v1/videos", json={"prompt": "a river", "seconds": "1"})).json()
        path = f"/v1/videos/{told['id']}"
        assert (told["status"], told["seconds"], told["error"]) == ("queued", "1", None)
        assert (await client.get(f"{path}/content")).status_code == 409
        media.gate.set()
        assert (await finished(client, path, {"queued", "in_progress"}))["status"] == "completed"
        assert (await client.get(f"{path}/content")).headers["content-type"] == "video/mp4"
        media.gate.clear()
        other = (await client.post("/v1/videos", json={"prompt": "another river"})).json()["id"]
        assert (await client.delete(f"/v1/videos/{other}")).json()["deleted"] is True
        assert (await client.get(f"/v1/videos/{other}")).json()["status"] == "cancelled"
        assert (await client.get("/v1/videos/nobody")).json()["error"]["message"].startswith("no such video")


@pytest.mark.parametrize(
    "body",
    [{}, {"prompt": " "}, {"prompt": "x" * 2001}, {"prompt": "x", "seconds": 61}, {"prompt": "x", "size": "1x1"}],
)
async def test_bad_prompts_are_refused(media: FileMedia, tmp_path: Path, body: dict[str, Any]) -> None:
    async with service("sora", media, tmp_path) as client:
        answer = await client.post("/v1/videos", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]
