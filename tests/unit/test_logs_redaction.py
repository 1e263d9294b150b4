"""What is written down: JSON lines and rows, without secrets, of bounded length, and with the render's id."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from config.settings import AlertSettings, Settings, SpeechSettings
from scheduler import redaction
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.logs import MAX_VALUE, configure, quiet
from scheduler.pipeline.retry import classify
from scheduler.redaction import HIDDEN, keep_secret, redacted, writable

KEY = "a4f-live-3f9d2c"


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(redaction, "_known", set[str]())
    alerts = AlertSettings(apprise_urls=SecretStr("ntfy://one-topic, json://other-host/hook"))
    settings = Settings(home=tmp_path, speech=SpeechSettings(a4f_key=SecretStr(KEY)), alerts=alerts)
    keep_secret(settings, "db-password", None, "abc")


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Any]:
    configure(tmp_path / "predawn.jsonl", "info", stderr=False)
    yield lambda: [json.loads(line) for line in (tmp_path / "predawn.jsonl").read_text("utf-8").splitlines()]
    quiet()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"asked with {KEY}.", f"asked with {HIDDEN}."),
        ("postgresql://ann:db-password@db/x", f"postgresql://{HIDDEN}@db/x"),
        ("Authorization: Bearer abcdef123456", f"Authorization: Bearer {HIDDEN}"),
        ("https://ann:s3cret@store/x?sig=1", f"https://{HIDDEN}@store/x?sig=1"),
        ("GET /x?api_key=0123456789&page=2", f"GET /x?api_key={HIDDEN}&page=2"),
        ('{"access_token": "zzz", "n": 1}', f'{{"access_token": "{HIDDEN}", "n": 1}}'),
        ("bad eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl here", f"bad {HIDDEN} here"),
        ("json://other-host/hook answers 500", f"{HIDDEN} answers 500"),
        ("xoxb-1234567890-abc was revoked", f"{HIDDEN} was revoked"),
        ("check its token and what it may do (abc)", "check its token and what it may do (abc)"),
        ("basic operations that matter", "basic operations that matter"),
        ("Authorization: Basic YW5uOnB3", f"Authorization: Basic {HIDDEN}"),
        ("12:30:05 http://127.0.0.1:5000/render", "12:30:05 http://127.0.0.1:5000/render"),
    ],
)
def test_what_looks_like_a_credential_is_taken_out_and_nothing_else(text: str, kept: str) -> None:
    assert redacted(text) == kept


def test_values_become_json_of_bounded_size() -> None:
    given = {
        "idempotency_key": "job:upload",
        "max_tokens": 4000,
        "apikey": "short",
        "deep": [[[[[[["far"]]]]]]],
        "many": list(range(60)),
        "what": FailureClass.TIMEOUT,
        "path": Path("/x"),
        "text": "begin" + "x" * 9_000 + "end",
    }
    kept = writable(given)
    assert json.loads(json.dumps(kept)) == kept
    assert (kept["idempotency_key"], kept["max_tokens"], kept["apikey"]) == ("job:upload", 4000, HIDDEN)
    assert "far" not in json.dumps(kept["deep"])
    assert (len(kept["many"]), kept["many"][-1]) == (51, "… 10 more")
    assert (kept["what"], kept["path"]) == ("TIMEOUT", "/x")
    assert len(kept["text"]) == redaction.TEXT_CHARS
    assert (kept["text"][:5], kept["text"][-3:]) == ("begin", "end")


def test_a_failure_is_kept_without_secrets_whoever_raised_it() -> None:
    raised = StageFailure(
        f"refused {KEY}",
        kind=FailureClass.API_ERROR,
        retryable=True,
        retry_after_s=3,
        details={"http_status": 401, "body": {"echo": f"Bearer {KEY}"}},
    )
    kept = classify(raised, "a4f", timed_out_s=None, cancelled=False)
    assert kept is not None
    assert (kept.message, kept.kind, kept.retryable, kept.retry_after_s) == (
        f"refused {HIDDEN}",
        FailureClass.API_ERROR,
        True,
        3,
    )
    assert kept.details == {"http_status": 401, "body": {"echo": f"Bearer {HIDDEN}"}}
    plain = StageFailure.timeout("late")
    assert classify(plain, "a4f", timed_out_s=None, cancelled=False) is plain
    unforeseen = classify(ValueError(KEY), "a4f", timed_out_s=None, cancelled=False)
    assert unforeseen is not None
    assert KEY not in unforeseen.message + unforeseen.details["stack"]


def test_lines_hold_neither_secrets_nor_endless_bodies(lines: Any) -> None:
    log = structlog.get_logger("predawn.test")
    with structlog.contextvars.bound_contextvars(correlation_id="job-1"):
        log.info(
            "asked", token="t", body="x" * 9_000, detail={"payload": {"password": "p", "n": 1}}, idempotency_key="k"
        )
        log.error("failed", exc_info=ValueError(f"no {KEY}"))
        logging.getLogger("library").warning("said %s", KEY)
    asked, failed, foreign = lines()
    assert {asked["correlation_id"], failed["correlation_id"], foreign["correlation_id"]} == {"job-1"}
    assert (asked["token"], asked["idempotency_key"]) == (HIDDEN, "k")
    assert asked["detail"] == {"payload": {"password": HIDDEN, "n": 1}}
    assert len(asked["body"]) == MAX_VALUE
    assert "ValueError" in failed["exception"]
    assert KEY not in json.dumps([asked, failed, foreign])
    assert foreign["event"] == f"said {HIDDEN}"


def test_the_file_is_its_owner_s_and_rotates(lines: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (handler,) = (one for one in logging.getLogger().handlers if isinstance(one, RotatingFileHandler))
    monkeypatch.setattr(handler, "maxBytes", 500)
    for number in range(8):
        structlog.get_logger("predawn.test").info("line", number=number, text="x" * 100)
    files = sorted(path.name for path in tmp_path.glob("predawn.jsonl*"))
    assert files[:3] == ["predawn.jsonl", "predawn.jsonl.1", "predawn.jsonl.2"]
    assert lines()[-1]["number"] == 7
    assert (tmp_path / "predawn.jsonl").stat().st_mode & 0o077 == 0
