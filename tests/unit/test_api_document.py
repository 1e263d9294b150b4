"""The OpenAPI document: every operation with a document shows one, and each fits its own schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import jsonschema_rs
import pytest

from config.settings import Settings, SoraSettings
from console.bootstrap.reading import make_operations
from scheduler.api.app import make_api
from scheduler.api.context import ApiOptions
from scheduler.api.examples import EXAMPLES
from scheduler.domain.access import Role
from scheduler.domain.callback import signature
from scheduler.logs import quiet
from scheduler.ports.operations import Actor
from scheduler.testing import FakeClock, MemoryStore


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    operations = make_operations(Settings(home=Path("/nowhere")), MemoryStore(FakeClock()))
    return make_api(operations, ApiOptions(version="1.2.3")).http.openapi()


def contents(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(operation, media type, what is said of it) of every body and every good answer."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answers = {"body": operation.get("requestBody", {}), **operation["responses"]}
            for status, one in answers.items():
                for media_type, content in one.get("content", {}).items():
                    if "json" in media_type or media_type.startswith("text/"):
                        yield f"{method.upper()} {path} {status}", media_type, content


def examples_of(document: dict[str, Any], content: dict[str, Any]) -> list[Any]:
    """The examples beside a content, or of the schemas that it names."""
    if "example" in content:
        return [content["example"]]
    schema = content["schema"]
    named = [one["$ref"].rsplit("/", 1)[1] for one in schema.get("anyOf", [schema]) if "$ref" in one]
    schemas = [document["components"]["schemas"][name] for name in named]
    return [example for one in schemas for example in one.get("examples", [one["example"]] if "example" in one else [])]


def test_every_document_has_an_example_that_fits(document: dict[str, Any]) -> None:
    seen = 0
    for place, media_type, content in contents(document):
        found = examples_of(document, content)
        assert found, f"{place}: no example"
        if "json" in media_type:
            schema = {**content["schema"], "components": document["components"]}
            for example in found:
                problems = [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(example)]
                assert not problems, f"{place}: {problems}"
                seen += 1
    assert seen > 200


def test_examples_name_every_field_that_is_answered(document: dict[str, Any]) -> None:
    """A view that gains a field gains it here, too."""
    for name, example in EXAMPLES.items():
        schema = cast("dict[str, Any]", document["components"]["schemas"][name])
        if not name.endswith("Body"):
            assert set(schema["properties"]) <= set(example), name


def test_who_may_ask_without_a_token_is_told(document: dict[str, Any]) -> None:
    open_to_all = {
        path
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if {} in operation.get("security", document["security"])
    }
    assert open_to_all == {"/health", "/webhooks/video-complete"}


CHANGES_NOTHING = {"POST /api/videos/{job_id}/sync"}


async def test_every_write_of_the_document_is_in_the_trail_under_its_tokens_name_and_address(
    document: dict[str, Any],
) -> None:
    """Whatever is added later, too: each is asked with its own example, by a token of each role."""
    quiet()
    base = Settings(home=Path("/nowhere"))
    sora = base.services.model_copy(update={"sora": SoraSettings(enabled=True)})
    store = MemoryStore(FakeClock())
    operations = make_operations(base.model_copy(update={"services": sora}), store)
    api = make_api(operations, ApiOptions(version="1.2.3", job_types=("prompt_video",), webhook_secret="secret"))
    asked = 0
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://predawn") as client:
        for role in Role:
            token = operations.add_token(f"a-{role}", role=role, actor=Actor("root", "cli", role=Role.ADMIN))
            for path, named in document["paths"].items():
                for method in named.keys() - {"get"}:
                    operation = f"{method.upper()} {path}"
                    body = named[method].get("requestBody", {}).get("content", {}).get("application/json")
                    content = json.dumps(examples_of(document, body)[0]).encode() if body else b""
                    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                    if path.startswith("/webhooks/"):
                        headers["X-Predawn-Signature"] = signature("secret", content, datetime.now(UTC))
                    before = len(list(store.audit_chain()))
                    answer = await client.request(
                        method, re.sub(r"\{.*?\}", "nothing", path), content=content, headers=headers
                    )
                    assert answer.status_code < 500, f"{operation}: {answer.text}"
                    lines = list(store.audit_chain())[before:]
                    assert bool(lines) is (operation not in CHANGES_NOTHING), f"{operation}: {answer.text}"
                    who = "webhook" if path.startswith("/webhooks/") else f"a-{role}"
                    assert {(one.entry.actor, one.entry.via, one.entry.origin) for one in lines} <= {
                        (who, "http", "127.0.0.1")
                    }
                    asked += 1
    await api.close()
    assert asked >= 60
