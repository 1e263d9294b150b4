"""The API under schemathesis: whatever is thrown at it, no 5xx, no answer that the document does not describe.

Run by ``test_api_fuzz.py``, in a process of its own: schemathesis brings a pytest plugin and warnings of its own.

    python tests/integration/api_fuzz.py CASES

On SQLite, or on the empty database that ``PREDAWN_TEST_FUZZ_DATABASE`` names.

Prints one JSON object: how many cases, and what is wrong.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase
from pydantic import SecretStr
from schemathesis import checks as known_checks

from config.sections.api import WebhookSettings
from config.settings import ApiSettings, Settings, SoraSettings
from console.bootstrap.api import build_api
from console.bootstrap.reading import make_operations, open_installation_store
from integrations.kit.serve import serve
from scheduler.api.app import Api
from scheduler.domain.access import Role
from scheduler.domain.job import Job, JobSpec
from scheduler.logs import quiet
from scheduler.ports.operations import Actor
from scheduler.ports.store import Store

os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", tempfile.mkdtemp())


@contextmanager
def serving(api: Api) -> Generator[str]:
    """The API over real HTTP, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    served = asyncio.run_coroutine_threadsafe(serve(api, name="api"), loop).result()
    try:
        yield served.url
    finally:
        asyncio.run_coroutine_threadsafe(served.stop(), loop).result()
        asyncio.run_coroutine_threadsafe(api.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def fuzz(operation: Any, examples: int, ask: Callable[[Any], None]) -> None:
    """Ask an operation in as many ways."""

    @hypothesis.given(case=operation.as_strategy())
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=os.environ.get("PREDAWN_TEST_FUZZ") != "whole",
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    def run(case: Any) -> None:
        ask(case)

    run()


def everything(store: Store) -> Generator[Job]:
    """All jobs there are."""
    cursor = None
    while True:
        page = store.list(limit=500, cursor=cursor)
        yield from page.items
        if (cursor := page.next_cursor) is None:
            return


def main(cases: int) -> dict[str, Any]:

    quiet()
    home = Path(tempfile.mkdtemp(prefix="predawn-fuzz-"))
    base = Settings(home=home)
    settings = base.model_copy(
        update={
            "api": ApiSettings(
                rate_per_s=1e6, burst=1_000_000, max_wait_s=0.0, webhooks=WebhookSettings(secret=SecretStr("x"))
            ),
            "services": base.services.model_copy(update={"sora": SoraSettings(enabled=True)}),
            "database": base.database.model_copy(
                update={"synchronous": "NORMAL", "url": os.environ.get("PREDAWN_TEST_FUZZ_DATABASE")}
            ),
        }
    )
    store = open_installation_store(settings)
    operations = make_operations(settings, store)
    admin = Actor("root", "cli", role=Role.ADMIN)
    secret = operations.add_token("fuzz", role=Role.ADMIN, actor=admin)
    kept = [store.enqueue(JobSpec("doubt", {"question": f"What is number {n}?"})).job.id for n in range(3)]
    api = build_api(settings, operations)
    document = api.http.openapi()
    document["paths"].pop("/api/videos/{job_id}/stream")  # it ends with its job; its own tests follow it
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    taken: set[str] = set()
    headers = {"Authorization": f"Bearer {secret}"}
    known = cast("Any", known_checks)
    checks = [
        known.not_a_server_error,
        known.status_code_conformance,
        known.content_type_conformance,
        known.response_schema_conformance,
    ]
    schema = schemathesis.openapi.from_dict(document)

    def ask(label: str, case: Any, url: str) -> None:
        counts[label] += 1
        if "job_id" in (case.path_parameters or {}) and counts[label] % 3 == 0:
            case.path_parameters["job_id"] = kept[counts[label] % len(kept)]
        try:
            answer = case.call(base_url=url, headers=headers)
            if answer.status_code == 503 and case.path == "/health":
                return  # nobody works here: that is what it is to say
            case.validate_response(answer, checks=checks)
            if answer.status_code == 202 and answer.json().get("created"):  # pyright: ignore[reportUnknownMemberType]
                taken.add(answer.json()["job_id"])
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever it is, it is told
            wrong.append(f"{label}: {str(error)[:600]}")

    every: Any = cast("Any", schema).get_all_operations()
    found: list[Any] = [one.ok() for one in every]
    each = max(cases // len(found), 1)
    with serving(api) as url:
        for operation in found:
            fuzz(operation, each, lambda case, label=operation.label: ask(label, case, url))
    verdict = operations.verify_audit()
    lost = [job_id for job_id in kept if store.get(job_id).payload.get("question") is None]
    lost += taken - {job.id for job in everything(store)}
    store.close()
    return {
        "cases": sum(counts.values()),
        "operations": len(found),
        "jobs": len(kept),
        "taken": len(taken),
        "lost": lost,
        "audit": verdict.holds,
        "wrong": wrong[:20],
        "wrongs": len(wrong),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]))) + "\n")
