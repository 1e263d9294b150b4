"""The API's gate, its words and its errors, asked without a network."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.settings import Settings, SoraSettings
from console.bootstrap.reading import make_operations
from scheduler.api.app import Api, make_api
from scheduler.api.context import ApiOptions
from scheduler.api.guard import Limits
from scheduler.domain.access import Role
from scheduler.domain.job import Enqueued, JobResult, JobSpec
from scheduler.domain.requests import PromptVideo
from scheduler.logs import quiet
from scheduler.operations import StoreOperations
from scheduler.ports.operations import Actor
from scheduler.testing import FakeClock, Faults, MemoryStore, faulty

ADMIN = Actor("root", "cli", role=Role.ADMIN)
LIMITS = Limits(rate_per_s=1e6, burst=1_000_000, max_body=4096, max_depth=8)
DOUBT = {"job_type": "doubt", "input": {"question": "What is the repo rate?"}}


@pytest.fixture(autouse=True)
def _no_narration() -> None:  # pyright: ignore[reportUnusedFunction] - pytest calls it
    quiet()


@dataclass
class Scene:
    api: Api
    store: MemoryStore
    operations: StoreOperations
    faults: Faults

    def token(self, role: Role = Role.OPERATOR, name: str = "edge") -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.operations.add_token(name, role=role, actor=ADMIN)}"}

    @asynccontextmanager
    async def client(self, headers: Mapping[str, str] | None = None) -> AsyncGenerator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://predawn", headers=headers or {}) as client:
            yield client
        await self.api.close()

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        async with self.client(headers) as client:
            return await client.request(method, path, **more)


def scene(limits: Limits = LIMITS, settings: Settings | None = None, **options: Any) -> Scene:
    store, faults = MemoryStore(FakeClock(datetime.now(UTC))), Faults()
    operations = make_operations(settings or Settings(home=Path("/nowhere")), faulty(store, faults))
    return Scene(make_api(operations, ApiOptions(version="1.2.3", limits=limits, **options)), store, operations, faults)


def alive(store: MemoryStore) -> None:
    store.beat("me", kind="serve", host="box", pid=1, started_at=datetime.now(UTC))


# --- health ----------------------------------------------------------------------------------------------------------


async def test_health_is_short_without_a_token_and_tells_all_with_one() -> None:
    here = scene()
    alive(here.store)
    for _ in range(3):
        here.store.enqueue(JobSpec("daily_ca"))
    here.store.claim("someone", limit=1, lease_s=30)
    short = await here.ask("GET", "/health")
    assert (short.status_code, short.json()) == (
        200,
        {"service": "predawn", "status": "healthy", "version": "1.2.3"},
    )
    told = (await here.ask("GET", "/health", here.token(Role.VIEWER))).json()
    assert told["queue"] == {"pending": 2, "processing": 1, "completed": 0, "failed": 0, "cancelled": 0}
    assert told["active_jobs"] == len(told["active"]) == 1
    assert told["limits"]["concurrency"] == 10
    assert told["problems"] == []


async def test_health_is_503_when_nobody_works() -> None:
    here = scene()
    answer = await here.ask("GET", "/health", here.token())
    assert answer.status_code == 503
    assert "nobody works on jobs" in answer.json()["problems"][0]


async def test_health_is_503_when_the_database_is_out_of_reach() -> None:
    here = scene()
    alive(here.store)
    here.faults.fail("depth", times=5)
    answer = await here.ask("GET", "/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")


# --- the gate --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/jobs", "/jobs/x", "/openapi.json", "/metrics", "/nothing", "/health/x", "/webhooks"]
)
async def test_without_a_token_there_is_only_health(path: str) -> None:
    answer = await scene().ask("GET", path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "given",
    ["Bearer ", "Bearer x", "Bearer pd_aaaaaaaaaa_" + "a" * 43, "Basic cm9vdDpyb290", "pd_", "bearer\t"],
)
async def test_what_is_no_token_is_refused(given: str) -> None:
    answer = await scene().ask("GET", "/jobs", {"Authorization": given})
    assert answer.status_code == 401


async def test_tokens_end_and_are_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    here = scene()
    headers = here.token()
    wrong = {"Authorization": headers["Authorization"][:-1] + ("A" if headers["Authorization"][-1] != "A" else "B")}
    assert (await here.ask("GET", "/jobs", headers)).status_code == 200
    assert (await here.ask("GET", "/jobs", wrong)).status_code == 401
    monkeypatch.setattr("scheduler.api.guard.KEPT_S", 0.0)
    fresh = here.token(name="other")
    assert (await here.ask("GET", "/jobs", fresh)).status_code == 200
    here.operations.revoke_token("other", actor=ADMIN)
    assert (await here.ask("GET", "/jobs", fresh)).status_code == 401


async def test_nothing_of_a_token_is_kept_but_its_hash() -> None:
    here = scene()
    secret = here.token()["Authorization"].removeprefix("Bearer ")
    (kept,) = here.operations.tokens()
    assert secret.split("_", 2)[2] not in repr(kept)
    assert secret not in repr(list(here.store.audit_chain()))
    assert here.operations.authenticate(secret) == kept


async def test_a_viewer_may_look_and_not_submit_and_the_refusal_is_in_the_trail() -> None:
    here = scene()
    headers = here.token(Role.VIEWER, "looker")
    assert (await here.ask("GET", "/jobs", headers)).status_code == 200
    answer = await here.ask("POST", "/render", headers, json=DOUBT)
    assert answer.status_code == 403
    *_, line = here.store.audit_chain()
    assert (line.entry.actor, line.entry.via, line.entry.outcome.value) == ("looker", "http", "refused")
    assert here.store.list().items == ()


async def test_each_token_has_its_rate() -> None:
    here = scene(replace(LIMITS, rate_per_s=0.001, burst=3))
    one, other = here.token(name="one"), here.token(name="other")
    answers = [(await here.ask("GET", "/jobs", one)).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]
    refused = await here.ask("GET", "/jobs", one)
    assert int(refused.headers["retry-after"]) > 100
    assert (await here.ask("GET", "/jobs", other)).status_code == 200


async def test_who_tries_many_tokens_is_slowed() -> None:
    here = scene()
    async with here.client({"Authorization": "Bearer pd_aaaaaaaaaa_" + "a" * 43}) as client:
        answers = [(await client.get("/jobs")).status_code for _ in range(40)]
    assert answers[0] == 401
    assert answers[-1] == 429
    assert (await here.ask("GET", "/jobs", here.token())).status_code in {200, 429}


@pytest.mark.parametrize("chunked", [False, True])
async def test_large_bodies_are_refused(chunked: bool) -> None:
    here = scene()
    body = json.dumps(DOUBT | {"style": "x" * 5000}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 500):
            yield body[start : start + 500]

    content: Any = pieces() if chunked else body
    answer = await here.ask("POST", "/render", {**here.token(), "content-type": "application/json"}, content=content)
    assert answer.status_code == 413


@pytest.mark.parametrize(("depth", "status"), [(6, 202), (9, 422), (2000, 422)])
async def test_deep_json_is_refused(depth: int, status: int) -> None:
    here = scene(replace(LIMITS, max_body=100_000))
    deep = "[" * (depth - 2) + "]" * (depth - 2)
    body = f'{{"job_type":"doubt","input":{{"question":"What is [[[[[[[[[[[ {{{{{{{{{{?","x":{deep}}}}}'
    answer = await here.ask("POST", "/render", {**here.token(), "content-type": "application/json"}, content=body)
    assert answer.status_code == status, answer.text


async def test_pages_of_a_listed_web_app_may_call_and_others_may_not() -> None:
    page = "https://app.example.org"
    wants = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}
    here = scene(origins=(page,))
    first = await here.ask("OPTIONS", "/render", {"Origin": page, **wants})
    assert (first.status_code, first.headers["access-control-allow-origin"]) == (200, page)
    answer = await here.ask("POST", "/render", {**here.token(), "Origin": page}, json=DOUBT)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (202, page)
    stranger = await here.ask("OPTIONS", "/render", {"Origin": "https://evil.example", **wants})
    assert "access-control-allow-origin" not in stranger.headers
    assert (await here.ask("POST", "/render", {"Origin": page}, json=DOUBT)).status_code == 401, (
        "and never without a token"
    )
    closed = await scene().ask("OPTIONS", "/render", {"Origin": page, **wants})
    assert (closed.status_code, "access-control-allow-origin" in closed.headers) == (401, False)


# --- the contract's words --------------------------------------------------------------------------------------------


async def test_a_submission_is_a_job_and_its_key_answers_the_same() -> None:
    here = scene()
    headers = {**here.token(), "Idempotency-Key": "k1"}
    first = await here.ask("POST", "/render", headers, json=DOUBT)
    assert first.status_code == 202
    assert first.json()["status"] == "pending"
    assert first.json()["estimated_time"] > 0
    assert first.headers["location"] == f"/jobs/{first.json()['job_id']}"
    again = await here.ask("POST", "/render", headers, json=DOUBT)
    assert (again.json()["job_id"], again.json()["created"]) == (first.json()["job_id"], False)
    other = await here.ask("POST", "/render", headers, json={**DOUBT, "input": {"question": "Another question?"}})
    assert other.status_code == 409
    someone = {**here.token(name="someone-else"), "Idempotency-Key": "k1"}
    assert (await here.ask("POST", "/render", someone, json=DOUBT)).json()["created"] is True


async def test_a_prompt_is_the_same_request_also_when_its_video_has_changed_the_payload() -> None:
    base = Settings(home=Path("/nowhere"))
    sora = base.services.model_copy(update={"sora": SoraSettings(enabled=True)})
    here = scene(settings=base.model_copy(update={"services": sora}), job_types=("prompt_video",))
    body = {"prompt": "Sunrise over a bridge", "duration": 8}
    async with here.client({**here.token(), "Idempotency-Key": "k1"}) as client:
        first = await client.post("/api/videos/generate", json=body)
        assert first.status_code == 202, first.text
        (lease,) = here.store.claim("w", limit=1, lease_s=30)
        assert here.store.complete(lease, JobResult("file:///v.mp4", None, 8.033, degraded=False))
        again = await client.post("/api/videos/generate", json=body)
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        assert (await client.post("/api/videos/generate", json={**body, "prompt": "Sunset"})).status_code == 409
    made_anew = PromptVideo.of(here.store.get(lease.job.id).payload)
    assert made_anew.duration_s == 8, "not a second longer each time"


async def test_a_job_id_names_the_job_and_a_key_beside_it_says_what_is_the_same_request() -> None:
    here = scene()
    mine = here.token()
    async with here.client(mine) as client:

        async def send(job_id: str, key: str | None, question: str = "What is the repo rate?") -> httpx.Response:
            body = {"job_type": "doubt", "input": {"question": question}, "job_id": job_id}
            return await client.post("/render", json=body, headers={} if key is None else {"Idempotency-Key": key})

        async def found(name: str) -> Any:
            return (await client.get(f"/jobs/{name}")).json().get("job_id")

        plain = (await send("lesson", None)).json()
        assert (await send("lesson", None)).json() == {**plain, "created": False}
        assert (await send("lesson", None, "What is inflation?")).status_code == 409
        first = (await send("news", "k1")).json()
        assert await found("news") == first["job_id"]
        anew = (await send("news", "k2", "What is inflation?")).json()
        assert (anew["created"], await found("news")) == (True, anew["job_id"])
        again = (await send("news", "k1")).json()
        assert (again["job_id"], again["created"]) == (first["job_id"], False)
        assert await found("news") == anew["job_id"], "the newest, also when an older one is asked for again"
        long = "x" * 100
        assert await found(long) is None
        assert (await send(long, None)).json()["job_id"] == await found(long)
    assert len(here.store.list().items) == 4


async def test_many_at_once_go_into_one_transaction_and_each_gets_its_answer() -> None:
    here = scene()
    good, bad = DOUBT, {"job_type": "doubt", "input": {"question": "?"}}
    async with here.client(here.token()) as client:
        answers = await asyncio.gather(*(client.post("/render", json=good if n % 3 else bad) for n in range(60)))
    assert [answer.status_code for answer in answers] == [202 if n % 3 else 422 for n in range(60)]
    ids = [answer.json()["job_id"] for answer in answers if answer.status_code == 202]
    assert len(set(ids)) == 40
    assert here.faults.calls.count("enqueue_many") < 40
    outcomes = [line.entry.outcome.value for line in here.store.audit_chain() if line.entry.command == "job.submit"]
    assert (outcomes.count("done"), outcomes.count("refused")) == (40, 20)


WRONG: list[tuple[Any, str]] = [
    ({"job_type": "nonsense", "input": {}}, "nonsense"),
    ({"job_type": "doubt"}, "question"),
    ({"job_type": "doubt", "input": {"question": 5}}, "question"),
    ({"job_type": "doubt", "input": "x", "workflow": [{}]}, "either input or workflow"),
    ({"job_type": "x", "workflow": [{"step": "dance"}]}, "workflow[0].step"),
    ({"job_type": "x", "workflow": [{"step": "revideo"}]}, "workflow[0]"),
    ({"job_type": "x", "workflow": [{"step": "revideo"}, {"step": "tts", "text": "hello"}]}, "stands at the end"),
    ({"job_type": "doubt", "input": {"question": "What?"}, "priority": "urgent"}, "priority"),
    ({"job_type": "doubt", "input": {"question": "What?"}, "nonsense": 1}, "nonsense"),
    ({"job_type": "doubt", "input": {"question": "What?"}, "callback_url": "http://127.0.0.1/"}, "callback_url"),
    ([], "body: must be a JSON object"),
    *(({**DOUBT, "job_id": bad}, "job_id: take an id that can stand in a path") for bad in ("a/b", "..", ".", "a\0b")),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
async def test_what_is_wrong_is_named(body: Any, field: str) -> None:
    here = scene()
    answer = await here.ask("POST", "/render", here.token(), json=body)
    assert answer.status_code == 422, answer.text
    assert field in answer.json()["detail"]
    assert answer.json()["error"] == answer.json()["detail"]
    assert here.store.list().items == ()


@pytest.mark.parametrize(
    "bad", ['"\\ud800"', '"a\\u0000b"', "NaN", "-Infinity", "1e999", '{"\\udfff": 1}', '["x", ["\\u0000"]]']
)
async def test_what_no_database_takes_is_refused(bad: str) -> None:
    here = scene()
    body = '{"job_type": "doubt", "input": {"question": "What is it?", "more": ' + bad + "}}"
    answer = await here.ask("POST", "/render", {**here.token(), "content-type": "application/json"}, content=body)
    assert answer.status_code == 422, answer.text
    assert "payload" in answer.json()["detail"]
    assert (await here.ask("GET", "/jobs?filter=%00", here.token(name="b"))).status_code == 400


async def test_one_that_breaks_its_group_breaks_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    here = scene()
    enqueue_many = here.store.enqueue_many

    def brittle(specs: Sequence[JobSpec]) -> list[Enqueued]:
        if any("break" in spec.payload["question"] for spec in specs):
            raise ZeroDivisionError("one of them")
        return enqueue_many(specs)

    monkeypatch.setattr(here.store, "enqueue_many", brittle)
    bodies = [
        {"job_type": "doubt", "input": {"question": f"Does {n} break?" if n == 7 else f"Is {n} fine?"}}
        for n in range(20)
    ]
    async with here.client(here.token()) as client:
        answers = await asyncio.gather(*(client.post("/render", json=body) for body in bodies))
    assert [answer.status_code for answer in answers] == [500 if n == 7 else 202 for n in range(20)]


async def test_a_database_that_is_gone_is_503_and_a_fault_of_ours_shows_no_stack() -> None:
    here = scene()
    headers = here.token()
    async with here.client(headers) as client:
        assert (await client.get("/jobs")).status_code == 200
        here.faults.fail("list")
        assert (await client.get("/jobs")).status_code == 503
        here.faults.fail("enqueue_many")
        assert (await client.post("/render", json=DOUBT)).status_code == 503
        here.faults.fail("list", error=ZeroDivisionError("secret detail"))
        broken = await client.get("/jobs")
    assert broken.status_code == 500
    assert "secret" not in broken.text
    assert "Traceback" not in broken.text


async def test_jobs_by_filter_and_pages() -> None:
    here = scene()
    headers = here.token()
    for n in range(5):
        here.store.enqueue(JobSpec("doubt" if n % 2 else "daily_ca"))
    page = (await here.ask("GET", "/jobs", headers, params={"filter": "type:daily_ca", "limit": 2})).json()
    rest = (await here.ask("GET", "/jobs", headers, params={"filter": "type:daily_ca", "cursor": page["next"]})).json()
    assert (len(page["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    wrong = await here.ask("GET", "/jobs", headers, params={"filter": "status:sideways"})
    assert wrong.status_code == 422
    assert "filter" in wrong.json()["detail"]


@pytest.mark.parametrize("cursor", ["zzz", "-1", "1.2.3", "9" * 30, "٣", " "])
@pytest.mark.parametrize("path", ["/jobs", "/api/admin/audit", "/api/admin/alerts", "/api/admin/outbox"])
async def test_what_is_no_cursor_is_refused_with_the_remedy(path: str, cursor: str) -> None:
    here = scene()
    answer = await here.ask("GET", path, here.token(), params={"cursor": cursor})
    assert answer.status_code == 422, answer.text
    assert "ask for the first page without one" in answer.json()["detail"]


async def test_a_follower_that_takes_nothing_is_handed_no_more_and_is_let_go(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("scheduler.api.watch.EVERY_S", 0.001)
    monkeypatch.setattr("scheduler.api.videos.STALLED_S", 1.0)
    here = scene()
    authorization = here.token()["Authorization"].encode()
    job = here.store.enqueue(JobSpec("doubt")).job
    (lease,) = here.store.claim("w", limit=1, lease_s=3600)
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": f"/api/videos/{job.id}/stream", "query_string": b"",
        "headers": [(b"authorization", authorization)], "client": ("192.0.2.1", 5), "root_path": "",
    }  # fmt: skip
    handed: list[Any] = []
    heard: list[bytes] = []
    never, enough = asyncio.Event(), asyncio.Event()

    async def receive() -> Any:
        await never.wait()

    async def take_nothing(message: Any) -> None:
        handed.append(message)
        if message["type"] == "http.response.body":
            await never.wait()

    async def take_all(message: Any) -> None:
        heard.append(message.get("body", b""))
        if sum(b"progress" in one for one in heard) >= 50:
            enough.set()

    stalled = asyncio.create_task(here.api(scope, receive, take_nothing))
    reader = asyncio.create_task(here.api(dict(scope), receive, take_all))
    async with asyncio.timeout(60):
        for step in range(10_000):
            if enough.is_set():
                break
            here.store.heartbeat(lease, lease_s=3600, progress=step / 10_000)
            await asyncio.sleep(0.002)
        assert [one["type"] for one in handed] == ["http.response.start", "http.response.body"], (
            "and no queue behind it"
        )
        await stalled
    assert here.api.context.watch.followed == 1
    assert not [one for one in caplog.records if one.levelno > logging.INFO], "nobody's fault"
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    await here.api.close()


async def test_cancel_and_what_is_not_there() -> None:
    here = scene()
    headers = here.token()
    job = here.store.enqueue(JobSpec("daily_ca")).job
    assert (await here.ask("DELETE", f"/jobs/{job.id}", headers)).json()["outcome"] == "cancelled"
    assert (await here.ask("DELETE", f"/jobs/{job.id}", headers)).status_code == 409
    assert (await here.ask("GET", f"/jobs/{job.id}", headers)).json()["status"] == "cancelled"
    assert (await here.ask("GET", "/jobs/nothing", headers)).status_code == 404
    wrong = await here.ask("PUT", "/jobs", headers)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
    assert "it takes GET" in wrong.json()["detail"]
    assert (await here.ask("PUT", f"/jobs/{job.id}", headers)).headers["allow"] == "DELETE, GET, HEAD"
    nowhere = await here.ask("GET", "/job", headers)
    assert (nowhere.status_code, nowhere.headers["content-type"]) == (404, "application/problem+json")
    assert "/openapi.json" in nowhere.json()["detail"]
    broken = await here.ask("POST", "/render", {**headers, "content-type": "application/json"}, content=b'{"a":')
    assert broken.json()["detail"].startswith("body: is no JSON (at character 5")


async def test_a_job_is_found_by_the_id_that_its_caller_gave_it_and_by_nobody_elses() -> None:
    here = scene()
    mine, other = here.token(name="mine"), here.token(name="other")
    async with here.client() as client:
        taken = await client.post("/render", json={**DOUBT, "job_id": "lesson 7"}, headers=mine)
        job_id = taken.json()["job_id"]
        assert (await client.get("/jobs/lesson 7", headers=mine)).json()["job_id"] == job_id
        assert (await client.get("/api/videos/lesson 7/status", headers=mine)).json()["id"] == job_id
        assert (await client.get("/jobs/lesson 7", headers=other)).status_code == 404
        assert (await client.get(f"/jobs/{job_id}", headers=other)).status_code == 200
        gone = await client.delete("/jobs/lesson 7", headers=mine)
        assert (gone.status_code, gone.json()["job_id"]) == (202, job_id)
