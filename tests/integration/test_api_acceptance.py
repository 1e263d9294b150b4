"""The Orchestrator contract's acceptance list, as a caller over HTTP meets it (contracts.md)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from api_world import PATIENCE_S, Manim, World, eventually, workflow, world
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.kit.serve import serve
from integrations.media.toolkit import MediaToolkit
from scheduler.domain.access import Role
from scheduler.domain.callback import signature, signature_problem
from scheduler.domain.content import Segment, SegmentKind
from scheduler.domain.job import QueueConfig
from scheduler.ports.media import CardContext

pytestmark = pytest.mark.timeout(300)


@dataclass
class Heard:
    """A server that is told of ends."""

    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list[tuple[dict[str, str], bytes]])
    refuse: int = 0

    async def hear(self, request: Request) -> Response:
        self.got.append((dict(request.headers), await request.body()))
        return Response(status_code=503 if len(self.got) <= self.refuse else 204)

    async def until(self, count: int) -> list[dict[str, Any]]:
        await eventually(lambda: len(self.got) >= count)
        return [json.loads(body) for _, body in self.got]


@asynccontextmanager
async def listening(refuse: int = 0) -> AsyncGenerator[tuple[Heard, str]]:
    heard = Heard(refuse=refuse)
    served = await serve(
        Starlette(routes=[Route("/ended", heard.hear, methods=["POST"])]), name="a callback's receiver"
    )
    try:
        yield heard, f"{served.url}/ended"
    finally:
        await served.stop()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real clip, as a Manim API would answer."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    segment = Segment(0, SegmentKind.POINT, "A scene", ("One line",), "", 2.0, number=1)
    context = CardContext("Test", datetime.now(UTC).date(), 1, "en")
    asyncio.run(MediaToolkit(processes=1).card_clip(segment, context, path, duration_s=2.0))
    return path.read_bytes()


class Studio(Manim):
    """A Manim that really answers with a clip."""

    clip: bytes = b""

    async def video(self, _request: Request) -> Response:
        return Response(self.clip, media_type="video/mp4")

    def app(self) -> Starlette:
        app = super().app()
        app.routes.append(Route("/v.mp4", self.video))
        return app


def studio(clip: bytes, hold_s: float = 0.5) -> Studio:
    made = Studio(hold_s=hold_s, answer=lambda: JSONResponse({"video_url": "/v.mp4"}))
    made.clip = clip
    return made


async def test_a_workflow_from_submission_to_callback(tmp_path: Path, clip: bytes) -> None:
    async with listening(refuse=1) as (heard, address), world(tmp_path, studio(clip)) as here:
        answer = await here.client.post("/render", json=workflow("Bridge", callback_url=address))
        assert answer.status_code == 202
        assert answer.json()["status"] == "pending"
        assert answer.json()["estimated_time"] > 0
        job_id = answer.json()["job_id"]

        seen = ["pending"]
        progress: list[float] = []
        estimates: list[float] = []
        async with asyncio.timeout(PATIENCE_S):
            while (job := await here.job(job_id))["status"] not in {"completed", "failed"}:
                seen += [job["status"]] if job["status"] != seen[-1] else []
                progress.append(job["progress"])
                if job["status"] == "processing":
                    assert job["estimated_time_remaining"] is not None
                    estimates.append(job["estimated_time_remaining"])
                await asyncio.sleep(0.05)
        assert job["status"] == "completed", job["error"]
        assert seen in (["pending", "processing"], ["pending"])
        assert progress == sorted(progress)
        assert any(0 < value < 100 for value in progress)
        assert estimates
        assert job["progress"] == 100
        assert job["duration"] > 1

        stages = [attempt["stage"] for attempt in job["attempts"]]
        assert stages == ["brief", "script_gen", "manim", "tts", "revideo", "verify", "upload"]
        began = [datetime.fromisoformat(attempt["started_at"]) for attempt in job["attempts"]]
        ended = [
            at + timedelta(milliseconds=one["duration_ms"]) for at, one in zip(began, job["attempts"], strict=True)
        ]
        slack = timedelta(milliseconds=50)
        assert all(end <= begin + slack for end, begin in zip(ended[:-1], began[1:], strict=True)), (
            "one after the other"
        )

        await fetch_everything(here, job)
        first, again = (await heard.until(2))[:2]
        assert first == again, "the first was answered with 503: it is told again"
        assert (again["job_id"], again["status"], again["event"]) == (job_id, "completed", "job.completed")
        assert again["video_url"] == job["video_url"]
        headers, body = heard.got[1]
        given = headers["x-predawn-signature"]
        assert signature_problem(given, "a key for callbacks", body, now=datetime.now(UTC), window_s=300) is None
        assert heard.got[0][0]["x-predawn-event-id"] == headers["x-predawn-event-id"] == again["event_id"]


async def fetch_everything(here: World, job: dict[str, Any]) -> None:
    """Outputs of every stage, the video whole and in part, and what is told of it."""
    job_id = job["job_id"]
    outputs = (await here.client.get(f"/jobs/{job_id}/outputs")).json()["items"]
    assert {"manim/clip/0", "tts/narration/0", "revideo/video"} <= {one["name"] for one in outputs}
    for one in outputs:
        fetched = await here.client.get(one["url"])
        assert (fetched.status_code, len(fetched.content)) == (200, one["size"])
        assert fetched.headers["content-type"] == one["media_type"]

    video = await here.client.get(job["video_url"])
    assert video.headers["content-type"] == "video/mp4"
    assert video.content[4:8] == b"ftyp"
    part = await here.client.get(job["video_url"], headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    beyond = await here.client.get(job["video_url"], headers={"Range": "bytes=999999999-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(video.content)}")
    end = await here.client.get(job["video_url"], headers={"Range": "bytes=-100"})
    assert (end.status_code, end.content) == (206, video.content[-100:])
    two = await here.client.get(job["video_url"], headers={"Range": "bytes=0-3,8-11"})
    assert two.status_code == 206
    assert two.headers["content-type"].startswith("multipart/byteranges")
    assert video.content[:4] in two.content
    head = await here.client.head(job["video_url"])
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(video.content)), b"")
    assert head.headers["accept-ranges"] == "bytes"
    assert (await here.client.head(f"/api/videos/{job_id}/stream")).status_code == 405
    metadata = (await here.client.get(f"/api/videos/{job_id}/metadata")).json()
    assert (metadata["title"], metadata["size_bytes"]) == ("Bridge", len(video.content))


async def test_a_submission_may_wait_for_its_video(tmp_path: Path, clip: bytes) -> None:
    async with world(tmp_path, studio(clip, hold_s=0.0)) as here:
        soon = await here.client.post("/render", params={"wait": 0.01}, json=workflow("Bridge"))
        assert soon.status_code == 202
        job = await here.client.post("/render", headers={"Prefer": "wait=60"}, json=workflow("Road"))
        assert (job.status_code, job.json()["status"]) == (200, "completed")
        assert job.json()["duration"] > 1
        spoken = {"job_type": "test", "workflow": [{"step": "tts", "text": "Only spoken."}]}
        told = await here.client.post("/render", headers={"Prefer": "wait=60"}, json=spoken)
        assert (told.status_code, told.json()["status"]) == (200, "completed")
        metadata = (await here.client.get(f"/api/videos/{told.json()['job_id']}/metadata")).json()
        assert metadata["title"] == "Only spoken."
        shown = {"job_type": "test", "workflow": workflow("Only shown")["workflow"][:1]}
        seen = await here.client.post("/render", headers={"Prefer": "wait=60"}, json=shown)
        assert (seen.status_code, seen.json()["status"], seen.json()["degraded"]) == (200, "completed", False)
        here.manim.answer = lambda: JSONResponse({"error": "no such scene"}, status_code=422)
        failed = await here.client.post("/render", params={"wait": 60}, json=workflow("Dam"))
        assert failed.status_code == 502
        assert "no such scene" in failed.json()["error"]


async def test_a_failing_step_is_tried_again_after_1_2_and_4_seconds(tmp_path: Path) -> None:
    manim = Manim(answer=lambda: JSONResponse({"error": "out of order"}, status_code=500))
    async with listening() as (heard, address), world(tmp_path, manim) as here:
        job = await here.until(await here.submit(workflow("Dam", callback_url=address)), "failed")
        at = [call.at for call in manim.calls]
        waits = [later - earlier for earlier, later in pairwise(at)]
        assert len(waits) == 3
        for wait, wanted in zip(waits, (1.0, 2.0, 4.0), strict=True):
            assert wanted - 0.05 <= wait < wanted + 3.0, "late on a busy machine, never early"
        assert job["error"]["type"] == "API_ERROR"
        assert (job["error"]["stage"], job["error"]["provider"]) == ("manim", "manim-api")
        assert "out of order" in job["error"]["message"]
        (told,) = await heard.until(1)
        assert (told["event"], told["error"]["type"]) == ("job.failed", "API_ERROR")


async def test_fifteen_jobs_are_done_in_the_order_they_came_and_high_priority_jumps(tmp_path: Path) -> None:
    manim = Manim(hold_s=0.1)
    async with world(tmp_path, manim, concurrency=1, slots=1) as here:
        ids = [await here.submit(workflow("in hand"))]
        await here.busy()
        manim.hold_s = 0.0
        ids += [await here.submit(workflow(f"{number:02}")) for number in range(15)]
        ids.append(await here.submit(workflow("urgent", priority="high")))
        for job_id in ids:
            await here.until(job_id, "failed")
    order = [call.heading for call in manim.calls]
    waiting = order[1:]
    assert [heading for heading in waiting if heading != "urgent"] == [f"{number:02}" for number in range(15)]
    assert waiting.index("urgent") < 15, "before at least one that was there first"


async def test_high_priority_is_taken_before_all_that_wait(tmp_path: Path) -> None:
    manim = Manim(hold_s=2.0)
    async with world(tmp_path, manim, concurrency=1, slots=1) as here:
        ids = [await here.submit(workflow("in hand"))]
        await here.busy()
        ids += [await here.submit(workflow(name, priority=name)) for name in ("low", "normal", "high")]
        manim.hold_s = 0.0
        for job_id in ids:
            await here.until(job_id, "failed")
    assert [call.heading for call in manim.calls] == ["in hand", "high", "normal", "low"]


async def test_of_twenty_jobs_never_more_than_ten_are_processed_at_once(tmp_path: Path) -> None:
    manim = Manim(hold_s=1.0)
    async with world(tmp_path, manim) as here:
        ids = await asyncio.gather(*(here.submit(workflow(f"{number:02}")) for number in range(20)))
        seen: list[int] = []
        async with asyncio.timeout(PATIENCE_S):
            while sum(seen[-1:]) or not seen or len(manim.calls) < 20:
                told = (await here.client.get("/health")).json()
                seen.append(told["active_jobs"])
                await asyncio.sleep(0.1)
        for job_id in ids:
            await here.until(job_id, "failed")
    assert max(seen) <= 10
    assert 5 <= manim.most_at_once <= 10


async def test_a_job_ends_at_its_time_limit_and_says_so(tmp_path: Path) -> None:
    async with world(tmp_path, Manim(hold_s=600.0)) as here:
        here.installation.store.put_queue_config(QueueConfig("workflow", timeout_s=2.0, max_retries=0))
        job = await here.until(await here.submit(workflow("for ever")), "failed")
    assert job["error"]["type"] == "TIMEOUT"
    assert "2 s" in job["error"]["message"] or "time limit" in job["error"]["message"]


async def test_a_running_job_is_cancelled(tmp_path: Path) -> None:
    async with listening() as (heard, address), world(tmp_path, Manim(hold_s=600.0)) as here:
        job_id = await here.submit(workflow("for ever", callback_url=address))
        await here.until(job_id, "processing")
        answer = await here.client.delete(f"/jobs/{job_id}")
        assert answer.status_code == 202
        assert (await here.until(job_id, "cancelled"))["reason"].startswith("cancelled by tester")
        (told,) = await heard.until(1)
        assert told["event"] == "job.cancelled"


async def test_webhooks_are_taken_once_fresh_and_signed(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        body = json.dumps({"job_id": "nobody-knows-me", "status": "completed"}).encode()
        now = datetime.now(UTC)

        async def tell(given: str, content: bytes = body) -> int:
            headers = {b"x-predawn-signature": given.encode("latin-1"), b"Authorization": b""}
            return (await here.client.post("/webhooks/video-complete", content=content, headers=headers)).status_code

        good = signature("a key for webhooks", body, now)
        assert await tell("") == 401
        assert await tell(signature("another key", body, now)) == 401
        assert await tell(good, body + b" ") == 401
        assert await tell(signature("a key for webhooks", body, now - timedelta(seconds=400))) == 401
        assert await tell(signature("a key for webhooks", body, now + timedelta(seconds=400))) == 401
        assert await tell(good) == 202
        assert await tell(good) == 409
        for spelt in (good.replace("t=", "t=0"), f"\xa0{good}", f"{good}\xa0", good.replace("v1=", "v1=0")):
            assert await tell(spelt) == 401, "written otherwise, it is still the one that was taken"
        assert await tell(signature("a key for webhooks", b"[]", now), b"[]") == 422
        assert await tell(signature("a key for webhooks", b"no json", now), b"no json") == 400
        lines = here.installation.operations.audit(limit=10).items
        assert {"webhook.take"} <= {line.entry.command for line in lines}


async def test_what_operators_do(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        job = await here.until(await here.submit(workflow("wrong")), "failed")
        render_id = job["attempts"][-1]["render_id"]
        viewer = here.token("viewer", Role.VIEWER)
        refused = await here.client.post("/api/admin/rerender", json={"render_id": render_id}, headers=viewer)
        assert refused.status_code == 403
        anew = await here.client.post("/api/admin/rerender", json={"render_id": render_id})
        assert (anew.status_code, anew.json()["retry_count"]) == (202, 0)
        assert anew.json()["status"] in {"pending", "processing"}  # the worker may have been quicker than the answer
        await here.until(job["job_id"], "failed")
        assert len(here.manim.calls) == 2, "a render was started"
        assert (await here.client.post(f"/api/admin/jobs/{job['job_id']}/retry")).status_code == 200
        await here.until(job["job_id"], "failed")
        late = await here.client.post(f"/api/admin/jobs/{job['job_id']}/priority", json={"priority": "high"})
        assert late.status_code == 409
        assert (await here.client.post("/api/admin/rerender", json={"render_id": "nothing"})).status_code == 404
        assert (await here.client.post("/api/admin/schedules/none/pause")).status_code == 404
        trail = (await here.client.get("/api/admin/audit", params={"actor": "tester"})).json()["items"]
        assert {"job.submit", "job.rerender", "job.retry", "job.priority", "schedule.pause"} <= {
            line["command"] for line in trail
        }
        assert {(line["via"], line["role"], line["origin"]) for line in trail} == {("http", "operator", "127.0.0.1")}
        figures = await here.client.get("/metrics")
        assert "predawn_jobs{" in figures.text


async def test_files_that_are_not_ours_are_not_handed_out(tmp_path: Path) -> None:
    async with world(tmp_path / "home") as here:
        secret = tmp_path / "secret.mp4"
        secret.write_bytes(b"secret")
        job_id = await here.submit(workflow("x"))
        await here.until(job_id, "failed")
        link = here.installation.settings.published_dir / "link.mp4"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(secret)
        for url in (f"file://{secret}", str(secret), f"file://{link}", "file:///etc/passwd", "../secret.mp4"):
            plant(here, job_id, url)
            assert (await here.client.get(f"/api/videos/{job_id}/download")).status_code == 404, url


def plant(here: World, job_id: str, url: str) -> None:
    """Another application has written this address into the row."""
    database: Any = here.installation.store
    with database.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE jobs SET status = 'completed', payload = json_set(payload, '$.video_url', ?) WHERE id = ?",
            (url, job_id),
        )
