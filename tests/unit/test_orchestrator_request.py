from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from config.settings import ApiSettings, Settings
from console.bootstrap.reading import chains, is_own_api, job_types, unconfigured
from integrations.content.asked import DoubtSource, PromptSource
from integrations.orchestrator.request import job_request, workflow_request
from integrations.orchestrator.service import own_api_problem
from scheduler.domain.access import Role
from scheduler.domain.content import Brief, Headline
from scheduler.domain.job import Job, JobSpec, JobStatus, Priority
from scheduler.domain.render import StageName
from scheduler.domain.requests import RequestError
from scheduler.operations import StoreOperations
from scheduler.ports.operations import Actor
from scheduler.testing import FakeClock, MemoryStore

NOW = datetime(2026, 11, 20, tzinfo=UTC)
JOB = Job("j1", 1, "daily_ca", Priority.HIGH, JobStatus.PROCESSING, {}, 0, 3, NOW, NOW)
NEWS = Brief(date(2026, 11, 20), "Today", (Headline("One", ("It happened.",), "PIB"),))


def test_the_workflow_form_holds_the_composition() -> None:
    assert workflow_request(JOB, composition_spec={"segments": []}) == {
        "job_id": "j1",
        "job_type": "daily_ca",
        "workflow": [{"step": "revideo", "composition_spec": {"segments": []}}],
        "priority": "high",
    }
    assert workflow_request(JOB, composition_spec={}, callback_url="http://x/done")["callback_url"] == "http://x/done"


def test_the_job_form_of_news_holds_the_checked_brief() -> None:
    body = job_request(JOB, NEWS, voice="en-us")
    assert body["input"]["brief"]["headlines"][0]["title"] == "One"
    assert {key: body[key] for key in ("job_id", "job_type", "style", "length", "voice", "priority")} == {
        "job_id": "j1",
        "job_type": "daily_ca",
        "style": "standard",
        "length": "medium",
        "voice": "en-us",
        "priority": "high",
    }
    hindi = replace(NEWS, language="hi")
    assert job_request(JOB, hindi, voice="en-us")["voice"] == "hi"
    wish = replace(JOB, payload={"style": "bold", "length": "long", "voice": "anna"})
    assert [job_request(wish, NEWS, voice="x")[key] for key in ("style", "length", "voice")] == ["bold", "long", "anna"]


@pytest.mark.parametrize(
    ("payload", "given", "words"),
    [
        ({"question": "Why?"}, {"question": "Why?"}, ("simple", "short", "en-us")),
        (
            {"question": "Why?", "style": "exam", "length": "long", "voice": "hi"},
            {"question": "Why?"},
            ("exam", "long", "hi"),
        ),
    ],
)
def test_the_job_form_of_a_doubt(payload: dict[str, Any], given: dict[str, Any], words: tuple[str, ...]) -> None:
    job = replace(JOB, job_type="doubt", payload=payload)
    body = job_request(job, DoubtSource().resolve(payload, None).brief, voice="en-us")
    assert body["input"] == given
    assert (body["style"], body["length"], body["voice"]) == words


def test_the_job_form_of_a_prompt() -> None:
    payload = {"prompt": "a river", "duration": 5, "fps": 24, "size": "640x360"}
    job = replace(JOB, payload=payload)
    body = job_request(job, PromptSource().resolve(payload, None).brief, voice="en-us")
    assert body["input"] == {"prompt": "a river", "duration": 5.0, "fps": 24, "size": "640x360"}


def test_a_payload_that_changed_its_mind_is_refused() -> None:
    brief = DoubtSource().resolve({"question": "Why?"}, None).brief
    with pytest.raises(RequestError, match="question is missing"):
        job_request(JOB, brief, voice="en-us")


@pytest.mark.parametrize(
    ("health", "ours"),
    [
        ({"service": "predawn", "status": "healthy"}, True),
        ({"service": " Predawn "}, True),
        ({"service": "video-orchestrator", "status": "healthy"}, False),
        ({"status": "healthy", "active_jobs": 1}, False),
        ({"service": None}, False),
        ({}, False),
    ],
)
def test_our_own_api_is_told_by_what_its_health_says(health: dict[str, Any], *, ours: bool) -> None:
    problem = own_api_problem(health, "http://user:secret@127.0.0.1:8103")
    assert (problem is not None) is ours
    if problem is not None:
        assert "services.orchestrator.url (http://127.0.0.1:8103) is predawn's own API" in problem
        assert "secret" not in problem


@pytest.mark.parametrize(
    ("url", "api", "own"),
    [
        ("http://127.0.0.1:8103", ApiSettings(), True),
        ("http://localhost:8103/", ApiSettings(), True),
        ("http://127.0.0.1:8103", ApiSettings(host="0.0.0.0"), True),
        ("http://127.0.0.1:8103", ApiSettings(port=9000), False),
        ("http://127.0.0.1:8103", ApiSettings(enabled=False), False),
        ("http://10.0.0.5:8103", ApiSettings(), False),
        ("http://10.0.0.5:8103", ApiSettings(host="10.0.0.5"), True),
    ],
)
def test_an_address_of_our_own(url: str, api: ApiSettings, *, own: bool, tmp_path: Path) -> None:
    assert is_own_api(url, Settings(home=tmp_path, api=api)) is own


def test_by_default_the_orchestrator_is_ourselves_and_left_out(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert {"orchestrator", "orchestrator-route", "sora", "chat-script"} <= unconfigured(settings)
    assert chains(settings)[StageName.REVIDEO] == ("revideo-api", "local-composer")
    elsewhere = settings.services.orchestrator.model_copy(update={"url": "http://10.0.0.5:8103"})
    with_it = settings.model_copy(update={"services": settings.services.model_copy(update={"orchestrator": elsewhere})})
    assert chains(with_it)[StageName.REVIDEO] == ("revideo-api", "orchestrator", "local-composer")
    assert job_types(with_it)["doubt"].default_route(with_it.pipeline) == "orchestrator"
    assert job_types(settings)["doubt"].default_route(settings.pipeline) == "pipeline"


def test_job_types_check_what_is_submitted(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    types = job_types(settings)
    assert sorted(types) == ["daily_ca", "doubt", "prompt_video", "workflow"]
    assert "set services.sora.enabled" in str(
        types["prompt_video"].check(JobSpec("prompt_video", {"prompt": "a river"}))
    )
    assert types["doubt"].check(JobSpec("doubt", {"question": "Why?"})) is None
    assert "question is missing" in str(types["doubt"].check(JobSpec("doubt", {})))
    problem = types["doubt"].check(JobSpec("doubt", {"question": "Why?", "route": "orchestrator"}))
    assert problem == "payload.route must be one of pipeline for job type doubt, not 'orchestrator'"
    on = settings.services.sora.model_copy(update={"enabled": True})
    with_sora = settings.model_copy(update={"services": settings.services.model_copy(update={"sora": on})})
    prompts = job_types(with_sora)["prompt_video"]
    assert prompts.check(JobSpec("prompt_video", {"prompt": "a river"})) is None
    wish = JobSpec("prompt_video", {"prompt": "a river", "priority": "high"})
    assert prompts.prioritised(wish).priority is Priority.HIGH
    assert prompts.prioritised(replace(wish, priority=Priority.LOW)).priority is Priority.LOW
    operations = StoreOperations(
        MemoryStore(FakeClock()), with_sora, FakeClock(), job_types=job_types(with_sora), chains={}
    )
    job = operations.submit(wish, actor=Actor("ann", "cli", Role.OPERATOR)).job
    assert job.priority is Priority.HIGH, "what the payload asks for, where the caller says nothing"
