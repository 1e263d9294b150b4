from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_scripted import Kept, content, make_job, names, scripted
from services_media import FileMedia
from starlette.responses import JSONResponse, RedirectResponse, Response
from storage_scene import MIB, counted, line_to, settings, upload_call

from config.settings import PipelineSettings, SupabaseSettings
from integrations.kit.objects import object_path
from integrations.kit.serve import serve
from integrations.local_services.faults import parse_fault
from integrations.local_services.running import LocalServices
from integrations.local_services.storage import StorageService
from integrations.supabase_storage import SupabaseStorage
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.render import StageName

PATH = "2026-11-20/daily_ca-2026-11-20-01234567"
UNAVAILABLE, TIMEOUT = FailureClass.UNAVAILABLE, FailureClass.TIMEOUT
API_ERROR, INVALID_OUTPUT = FailureClass.API_ERROR, FailureClass.INVALID_OUTPUT


async def test_a_video_is_stored_with_its_type_and_fetched_by_its_public_address(tmp_path: Path) -> None:
    call = upload_call(tmp_path)
    async with counted(StorageService(tmp_path / "storage").app) as (service, url):
        output = await SupabaseStorage(settings(url, prefix="predawn")).run(call)
        assert output.data["video_url"] == f"{url}/storage/v1/object/public/videos/predawn/{PATH}.mp4"
        assert output.data["thumbnail_url"] == f"{url}/storage/v1/object/public/videos/predawn/{PATH}.jpg"
        assert output.data["duration_s"] == 1.02
        async with httpx.AsyncClient() as client:
            video = await client.get(output.data["video_url"])
            picture = await client.get(str(output.data["thumbnail_url"]))
    assert video.content == content(call.inputs[StageName.REVIDEO].artifacts["video"].path)
    assert (video.headers["content-type"], picture.headers["content-type"]) == ("video/mp4", "image/jpeg")
    sent = service.headers["POST object"]
    assert (sent[b"authorization"], sent[b"apikey"]) == (b"Bearer service-key-1", b"service-key-1")
    assert (sent[b"x-upsert"], sent[b"x-request-id"]) == (b"true", b"corr-1")
    assert b"transfer-encoding" not in sent
    looked = service.headers["GET object/public"]
    assert b"authorization" not in looked
    assert b"apikey" not in looked


async def test_the_second_pass_asks_and_sends_nothing(tmp_path: Path) -> None:
    async with counted(StorageService(tmp_path / "storage").app) as (service, url):
        first = await SupabaseStorage(settings(url)).run(upload_call(tmp_path))
        sent = service.calls["POST object"]
        second = await SupabaseStorage(settings(url)).run(upload_call(tmp_path))
        assert service.calls["POST object"] == sent == 2
    assert second == first


async def test_a_rerender_replaces_what_is_there(tmp_path: Path) -> None:
    async with counted(StorageService(tmp_path / "storage").app) as (_, url):
        first = await SupabaseStorage(settings(url)).run(upload_call(tmp_path, size=5000, seed=1))
        second = await SupabaseStorage(settings(url)).run(upload_call(tmp_path, size=5000, seed=2))
        assert first.data["video_url"] == second.data["video_url"]
        async with httpx.AsyncClient() as client:
            video = await client.get(first.data["video_url"])
    assert video.content == content(tmp_path / "made" / "video.mp4")


async def test_a_store_that_is_restarted_still_knows_what_it_has(tmp_path: Path) -> None:
    async with counted(StorageService(tmp_path / "storage").app) as (_, url):
        await SupabaseStorage(settings(url)).run(upload_call(tmp_path))
    async with counted(StorageService(tmp_path / "storage").app) as (service, url):
        await SupabaseStorage(settings(url)).run(upload_call(tmp_path))
        assert service.calls["POST object"] == 0


async def test_a_long_file_goes_in_pieces_of_six_mebibytes(tmp_path: Path) -> None:
    kept = Kept()
    call = upload_call(tmp_path, size=14 * MIB, kept=kept)
    async with counted(StorageService(tmp_path / "storage").app) as (service, url):
        output = await SupabaseStorage(settings(url)).run(call)
        assert service.calls["PATCH upload/resumable"] == 3
        assert service.calls["POST object"] == 1, "the thumbnail alone"
        again = await SupabaseStorage(settings(url)).run(call)
        assert service.calls["PATCH upload/resumable"] == 3
    assert again == output
    begun = service.headers["POST upload/resumable"]
    metadata = dict(pair.split(" ") for pair in begun[b"upload-metadata"].decode().split(","))
    decoded = {key: b64decode(value).decode() for key, value in metadata.items()}
    assert (decoded["bucketName"], decoded["contentType"]) == ("videos", "video/mp4")
    assert decoded["objectName"] == f"{PATH}.mp4"
    assert json.loads(decoded["metadata"]) == {"sha256": call.inputs[StageName.REVIDEO].artifacts["video"].sha256}
    assert kept.progress == sorted(kept.progress)
    assert len(kept.progress) == 4
    assert names(call.workdir) == [], "the note is gone with the upload"


async def test_a_dropped_connection_is_resumed_where_it_broke(tmp_path: Path) -> None:
    call = upload_call(tmp_path, size=14 * MIB, thumbnail=False)
    app = StorageService(tmp_path / "storage").app
    async with counted(app) as (service, there), line_to(there) as (line, url):
        provider = SupabaseStorage(settings(url))
        line.cut_after = 2 * MIB
        with pytest.raises(StageFailure, match="broke off") as caught:
            await provider.run(call)
        assert (caught.value.kind, caught.value.retryable) == (UNAVAILABLE, True)
        assert names(call.workdir) == ["upload.mp4.tus"]
        line.cut_after = 1 * MIB
        with pytest.raises(StageFailure):
            await provider.run(call)
        output = await provider.run(call)
        assert line.cuts == service.calls["HEAD upload/resumable"] == 2
        assert service.calls["POST upload/resumable"] == 1
        async with httpx.AsyncClient() as client:
            video = await client.get(output.data["video_url"])
    assert video.content == content(tmp_path / "made" / "video.mp4")


async def test_an_upload_of_another_file_or_that_is_forgotten_is_begun_anew(tmp_path: Path) -> None:
    app = StorageService(tmp_path / "storage").app
    async with counted(app) as (service, there), line_to(there) as (line, url):
        line.cut_after = MIB
        with pytest.raises(StageFailure):
            await SupabaseStorage(settings(url)).run(upload_call(tmp_path, size=7 * MIB, thumbnail=False))
        await SupabaseStorage(settings(url)).run(upload_call(tmp_path, size=7 * MIB, seed=2, thumbnail=False))
        assert service.calls["HEAD upload/resumable"] == 0
    # Another storage on the same note: it has never heard of the upload.
    async with counted(StorageService(tmp_path / "other").app) as (service, url):
        call = upload_call(tmp_path, size=7 * MIB, seed=2, thumbnail=False)
        video = call.inputs[StageName.REVIDEO].artifacts["video"]
        note = {"url": f"{url}/storage/v1/upload/resumable/gone", "path": f"{PATH}.mp4"}
        note_file = call.workdir / "upload.mp4.tus"
        note_file.write_text(json.dumps(note | {"sha256": video.sha256, "size": video.size}))
        await SupabaseStorage(settings(url)).run(call)
        assert service.calls["HEAD upload/resumable"] == 1
        assert service.calls["POST upload/resumable"] == 1


async def test_a_flaky_store_gets_further_with_every_attempt(tmp_path: Path) -> None:
    kept, failures = Kept(), 0
    fault = parse_fault("storage=flaky:0.4")[1]
    async with LocalServices(
        _no_media(tmp_path), tmp_path / "s", {"storage": 0}, {"storage": fault}, seed=3
    ) as running:
        provider = SupabaseStorage(settings(running.urls["storage"]))
        while True:
            try:
                await provider.run(upload_call(tmp_path, size=5000, kept=kept))
                break
            except StageFailure:
                failures += 1
                assert failures < 8
    assert failures > 0
    assert {name: part.data["state"] for name, part in kept.parts.items()} == {
        "supabase.jpg": "seen",
        "supabase.mp4": "seen",
    }


async def test_what_was_seen_wrong_is_asked_for_again(tmp_path: Path) -> None:
    kept = Kept()
    spoilt = parse_fault("storage=truncated")[1]
    async with counted(StorageService(tmp_path / "storage", fault=spoilt).app) as (_, url):
        with pytest.raises(StageFailure, match="were sent"):
            await SupabaseStorage(settings(url)).run(upload_call(tmp_path, kept=kept, thumbnail=False))
        port = int(url.rpartition(":")[2])
    assert kept.parts["supabase.mp4"].data["state"] == "doubted"
    served = await serve(StorageService(tmp_path / "storage").app, name="storage", port=port)
    try:
        await SupabaseStorage(settings(url)).run(upload_call(tmp_path, kept=kept, thumbnail=False))
    finally:
        await served.stop()
    assert kept.parts["supabase.mp4"].data["state"] == "seen"


async def test_the_key_never_goes_to_another_server(tmp_path: Path) -> None:
    async with scripted() as elsewhere, scripted() as service:
        service.on("GET /storage/v1/object/info/videos/" + PATH + ".mp4", JSONResponse({"statusCode": "404"}, 400))
        moved = Response(status_code=201, headers={"Location": f"{elsewhere.url}/upload/1"})
        service.on("POST /storage/v1/upload/resumable", moved)
        call = upload_call(tmp_path, size=3 * MIB, thumbnail=False)
        with pytest.raises(StageFailure, match="another server than"):
            await SupabaseStorage(settings(service.url, resumable_above_mb=1)).run(call)
        service.on("GET /storage/v1/object/info/videos/" + PATH + ".mp4", RedirectResponse(elsewhere.url + "/info"))
        with pytest.raises(StageFailure, match="redirects"):
            await SupabaseStorage(settings(service.url)).run(upload_call(tmp_path, thumbnail=False))
        assert not elsewhere.seen


@pytest.mark.parametrize(
    ("status", "body", "said", "retryable"),
    [
        (
            400,
            {"statusCode": "403", "error": "Unauthorized", "message": "new row violates"},
            "storage.supabase.key",
            False,
        ),
        (400, {"statusCode": "400", "error": "Error", "message": "Invalid Compact JWS"}, "storage.supabase.key", False),
        (401, {"message": "Invalid API key"}, "storage.supabase.key", False),
        (400, {"statusCode": "404", "error": "x", "message": "Bucket not found"}, "make the bucket 'videos'", False),
        (400, {"statusCode": "413", "error": "Payload too large", "message": "too big"}, "file size limit", False),
        (413, {}, r"0.0 MiB are over the file size limit of bucket 'videos'", False),
        (400, {"statusCode": "409", "error": "Duplicate", "message": "exists"}, "in truth 409", True),
        (423, {"message": "locked"}, "locked", True),
        (429, {"message": "slow down"}, "429", True),
        (500, {"message": "boom"}, "boom", True),
        (503, "<html><title>503 Bad</title></html>", "503 Bad", True),
    ],
)
async def test_each_error_has_its_remedy_and_its_retry(
    tmp_path: Path, status: int, body: Any, said: str, *, retryable: bool
) -> None:
    async with scripted() as service:
        answer = Response(body, status, media_type="text/html") if isinstance(body, str) else JSONResponse(body, status)
        service.on(f"GET /storage/v1/object/info/videos/{PATH}.mp4", JSONResponse({"message": "Object not found"}, 404))
        service.script[f"POST /storage/v1/object/videos/{PATH}.mp4"] = [answer]
        call = upload_call(tmp_path, size=1, seed=39, thumbnail=False)  # one digit: it reads bodies as JSON
        with pytest.raises(StageFailure, match=said) as caught:
            await SupabaseStorage(settings(service.url)).run(call)
    assert (caught.value.kind, caught.value.retryable) == (API_ERROR, retryable)
    assert "service-key-1" not in caught.value.message


async def test_too_large_for_the_store_is_final_in_pieces_too(tmp_path: Path) -> None:
    async with counted(StorageService(tmp_path / "storage", max_object=8 * MIB).app) as (_, url):
        with pytest.raises(StageFailure, match=r"9\.0 MiB are over the file size limit") as caught:
            await SupabaseStorage(settings(url)).run(upload_call(tmp_path, size=9 * MIB, thumbnail=False))
    assert not caught.value.retryable


async def test_a_private_bucket_is_said_with_the_remedy(tmp_path: Path) -> None:
    async with counted(StorageService(tmp_path / "storage").app) as (_, url), scripted() as public:
        public.on(
            "GET /videos/" + PATH + ".mp4", JSONResponse({"statusCode": "404", "message": "Bucket not found"}, 400)
        )
        template = f"{public.url}/{{bucket}}/{{path}}"
        with pytest.raises(StageFailure, match="make the bucket public, or set public_url") as caught:
            await SupabaseStorage(settings(url, public_url=template)).run(upload_call(tmp_path, thumbnail=False))
    assert (caught.value.kind, caught.value.retryable) == (API_ERROR, False)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Response(b"x" * 5000, media_type="text/plain"), "served as text/plain, not video/mp4"),
        (Response(b"x" * 4999, media_type="video/mp4"), "has 4999 bytes, 5000 were sent"),
        (Response(b"x" * 5000, media_type="video/mp4"), "is not what was sent"),
        (Response(b"<html>", 404, media_type="text/html"), "is not there"),
    ],
)
async def test_a_public_address_that_holds_something_else_does_not_count(
    tmp_path: Path, answer: Response, said: str
) -> None:
    async with counted(StorageService(tmp_path / "storage").app) as (_, url), scripted() as public:
        public.on(f"GET /{PATH}.mp4", answer)
        provider = SupabaseStorage(settings(url, public_url=f"{public.url}/{{path}}"))
        with pytest.raises(StageFailure, match=said) as caught:
            await provider.run(upload_call(tmp_path, size=5000, thumbnail=False))
    assert (caught.value.kind, caught.value.retryable) == (INVALID_OUTPUT, True)


async def test_a_changed_or_missing_video_is_not_published(tmp_path: Path) -> None:
    async with counted(StorageService(tmp_path / "storage").app) as (service, url):
        call = upload_call(tmp_path, size=5000, thumbnail=False)
        (tmp_path / "made" / "video.mp4").write_bytes(b"y" * 5000)
        with pytest.raises(StageFailure, match="has changed") as caught:
            await SupabaseStorage(settings(url)).run(call)
        assert (caught.value.kind, caught.value.retryable) == (FailureClass.INVALID_INPUT, False)
        (tmp_path / "made" / "video.mp4").unlink()
        with pytest.raises(StageFailure, match="is gone"):
            await SupabaseStorage(settings(url)).run(call)
        assert service.calls["POST object"] == 0


async def test_a_cancel_in_the_middle_is_prompt_and_the_next_pass_goes_on(tmp_path: Path) -> None:
    fault = parse_fault("storage=hang")[1]
    async with LocalServices(_no_media(tmp_path), tmp_path / "s", {"storage": 0}, {"storage": fault}) as running:
        task = asyncio.create_task(SupabaseStorage(settings(running.urls["storage"])).run(upload_call(tmp_path)))
        await asyncio.sleep(0.05)
        task.cancel()
        async with asyncio.timeout(2):
            with pytest.raises(asyncio.CancelledError):
                await task


CASES = [
    ("down", UNAVAILABLE, "is it running"),
    ("hang", TIMEOUT, "did not answer within"),
    ("slow:30", TIMEOUT, "did not answer within"),
    ("http:503", API_ERROR, "HTTP 503: injected fault"),
    ("flaky:1", API_ERROR, "HTTP 500"),
    ("garbage", INVALID_OUTPUT, "HTML page"),
    ("error200", API_ERROR, "renderer crashed"),
    ("missing", INVALID_OUTPUT, "is not there"),
    ("truncated", INVALID_OUTPUT, r"bytes, \d+ were sent"),
    ("silent", INVALID_OUTPUT, "were sent|not what was sent"),
    ("forgets", INVALID_OUTPUT, "is not there"),
]


@pytest.mark.parametrize(("kind", "expected", "said"), CASES)
@pytest.mark.parametrize("resumable_above_mb", [6.0, 0.0], ids=["whole", "in pieces"])
async def test_each_fault_of_storage_has_its_class_and_is_tried_again(
    tmp_path: Path, kind: str, expected: FailureClass, said: str, *, resumable_above_mb: float
) -> None:
    service, fault = parse_fault(f"storage={kind}")
    call = upload_call(tmp_path, timeout_s=0.4 if expected is TIMEOUT else 8)
    if kind == "forgets" and resumable_above_mb == 0:
        expected, said = API_ERROR, "begun again"
    async with LocalServices(_no_media(tmp_path), tmp_path / "s", {service: 0}, {service: fault}) as running:
        provider = SupabaseStorage(settings(running.urls[service], resumable_above_mb=resumable_above_mb))
        with pytest.raises(StageFailure, match=said) as caught:
            await provider.run(call)
    assert (caught.value.kind, caught.value.retryable) == (expected, True)


async def test_storage_is_started_only_when_it_is_named(tmp_path: Path) -> None:
    async with LocalServices(_no_media(tmp_path), tmp_path / "s", {"storage": 0}) as running:
        assert set(running.urls) == {"storage"}
        async with httpx.AsyncClient() as client:
            health = await client.get(f"{running.urls['storage']}/health")
    assert health.json()["status"] == "healthy"


def test_paths_are_the_jobs_own_and_safe() -> None:
    job = make_job()
    assert object_path(job, "a/", ".mp4") == f"a/{PATH}.mp4"
    other = replace(job, id="fedcba9876543210")
    assert object_path(other, "", ".mp4") != object_path(job, "", ".mp4")
    strange = replace(job, id="../../etc", job_type="a b/ç", run_date=None)
    assert object_path(strange, "", ".mp4") == "2026-11-20/a-b---2026-11-20-------et.mp4"


def test_without_a_url_there_is_no_such_provider() -> None:
    with pytest.raises(ValueError, match=r"storage\.supabase\.url"):
        SupabaseStorage(SupabaseSettings())
    assert PipelineSettings().stages.upload.providers[-1] == "local-directory"


def _no_media(tmp_path: Path) -> FileMedia:
    return FileMedia(tmp_path, tmp_path, tmp_path)
