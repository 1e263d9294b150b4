"""The S3 provider against a real S3-compatible server (moto's, over loopback), and its errors by a scripted one."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_scripted import content
from pydantic import SecretStr
from storage_scene import MIB, upload_call

from config.settings import S3Settings
from integrations.s3_storage import S3Storage
from scheduler.conformance import check_provider
from scheduler.domain.failure import FailureClass, StageFailure

pytest.importorskip("obstore", reason="pip install 'predawn[s3]'")

KEY = "2026-11-20/daily_ca-2026-11-20-01234567.mp4"

PUBLIC = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["s3:GetObject", "s3:HeadObject"],
            "Resource": "arn:aws:s3:::videos/*",
        }
    ],
}


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """moto's server in a process of its own, with a bucket called videos."""
    pytest.importorskip("moto", reason="pip install 'moto[s3]' flask flask-cors")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 30
        while True:
            try:
                httpx.put(f"{url}/videos", trust_env=False)
                httpx.put(f"{url}/private", trust_env=False)
                httpx.put(f"{url}/videos?policy", json=PUBLIC, trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                assert time.monotonic() < end, "moto did not start"
                assert server.poll() is None, "moto ended"
                time.sleep(0.05)
        yield url
    finally:
        server.terminate()
        server.wait()


def settings(url: str, **changes: Any) -> S3Settings:
    values: dict[str, Any] = {"endpoint": url, "bucket": "videos", "access_key": "k", "secret_key": SecretStr("s3cret")}
    return S3Settings(**(values | changes))


def fetched(url: str) -> bytes:
    return httpx.get(url, trust_env=False).content


def head(url: str, key: str) -> httpx.Response:
    return httpx.head(f"{url}/videos/{key}", trust_env=False)


async def test_a_video_is_stored_with_its_type_and_checksum(tmp_path: Path, s3_url: str) -> None:
    call = upload_call(tmp_path)
    output = await S3Storage(settings(s3_url, prefix="one")).run(call)
    assert output.data["video_url"] == f"{s3_url}/videos/one/{KEY}"
    assert str(output.data["thumbnail_url"]).endswith(".jpg")
    told = head(s3_url, f"one/{KEY}").headers
    assert told["content-type"] == "video/mp4"
    assert told["x-amz-meta-sha256"] == output.artifacts["video"].sha256


async def test_the_second_pass_sends_nothing_and_a_rerender_replaces(tmp_path: Path, s3_url: str) -> None:
    provider = S3Storage(settings(s3_url, prefix="two"))
    first = await provider.run(upload_call(tmp_path, size=5000))
    written = head(s3_url, f"two/{KEY}").headers["last-modified"]
    made = tmp_path / "made" / "video.mp4"
    video = content(made)
    again = await provider.run(upload_call(tmp_path, size=5000))
    assert again == first
    assert head(s3_url, f"two/{KEY}").headers["last-modified"] == written
    await provider.run(upload_call(tmp_path, size=5000, seed=2))
    assert fetched(first.data["video_url"]) == content(made) != video


async def test_a_long_file_goes_in_parts(tmp_path: Path, s3_url: str) -> None:
    output = await S3Storage(settings(s3_url, prefix="three")).run(upload_call(tmp_path, size=20 * MIB))
    told = head(s3_url, f"three/{KEY}").headers
    assert told["etag"].endswith('-3"'), "three parts"
    assert int(told["content-length"]) == 20 * MIB
    assert fetched(output.data["video_url"]) == content(tmp_path / "made" / "video.mp4")


async def test_a_bucket_that_is_not_there_is_said_with_the_remedy(tmp_path: Path, s3_url: str) -> None:
    with pytest.raises(StageFailure, match=r"HTTP 404: NoSuchBucket.*make the bucket 'others'") as caught:
        await S3Storage(settings(s3_url, bucket="others")).run(upload_call(tmp_path, size=5000))
    assert not caught.value.retryable


async def test_a_private_bucket_is_said_with_the_remedy(tmp_path: Path, s3_url: str) -> None:
    with pytest.raises(StageFailure, match="make the bucket public, or set public_url") as caught:
        await S3Storage(settings(s3_url, bucket="private")).run(upload_call(tmp_path, size=5000))
    assert not caught.value.retryable


async def test_the_public_address_can_be_elsewhere_and_is_what_counts(tmp_path: Path, s3_url: str) -> None:
    provider = S3Storage(settings(s3_url, prefix="four", public_url=f"{s3_url}/nowhere/{{path}}"))
    with pytest.raises(StageFailure, match="is not there") as caught:
        await provider.run(upload_call(tmp_path, size=5000))
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.INVALID_OUTPUT, True)


@asynccontextmanager
async def answering(status: int, body: bytes, *, hold: bool = False) -> AsyncGenerator[str]:
    """HEAD says that there is nothing; everything else gets this answer, after its body was read."""
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if hold:
                    return
                lines = head.decode().lower().split("\r\n")
                length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
                await reader.readexactly(length)
                code, sent = (404, b"") if lines[0].startswith("head") and status != 401 else (status, body)
                writer.write(f"HTTP/1.1 {code} X\r\nContent-Length: {len(sent)}\r\n\r\n".encode() + sent)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for writer in writers:
            writer.close()
        server.close()
        await server.wait_closed()


def xml(code: str, message: str = "said") -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "said", "retryable"),
    [
        (
            403,
            xml("SignatureDoesNotMatch"),
            "API_ERROR",
            "SignatureDoesNotMatch: said.*check storage.s3.access_key",
            False,
        ),
        (401, b"", "API_ERROR", "check storage.s3.access_key", False),
        (400, xml("AuthorizationHeaderMalformed", "the region is wrong"), "API_ERROR", "set storage.s3.region", False),
        (413, xml("EntityTooLarge"), "API_ERROR", "0.0 MiB are more than the server takes", False),
        (429, b"", "API_ERROR", "HTTP 429", True),
        (503, xml("SlowDown"), "API_ERROR", "HTTP 503: SlowDown", True),
        (500, b"<html>", "API_ERROR", "HTTP 500", True),
        (200, b"<html>hello</html>", "INVALID_OUTPUT", "did not answer like S3", True),
    ],
)
async def test_each_error_has_its_class_and_remedy(
    tmp_path: Path, status: int, body: bytes, kind: str, said: str, *, retryable: bool
) -> None:
    async with answering(status, body) as url:
        with pytest.raises(StageFailure, match=said) as caught:
            await S3Storage(settings(url)).run(upload_call(tmp_path, size=5000, thumbnail=False))
    assert (caught.value.kind.value, caught.value.retryable) == (kind, retryable)
    assert "s3cret" not in caught.value.message
    assert "Debug" not in caught.value.message


async def test_a_server_that_refuses_or_hangs(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(StageFailure, match="is it running") as caught:
            await S3Storage(settings(f"http://127.0.0.1:{held.getsockname()[1]}")).run(upload_call(tmp_path, size=50))
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.UNAVAILABLE, True)
    async with answering(200, b"", hold=True) as url:
        with pytest.raises(StageFailure, match="did not answer") as caught:
            await S3Storage(settings(url)).run(upload_call(tmp_path, size=50, timeout_s=0.3))
        assert caught.value.kind is FailureClass.TIMEOUT
        task = asyncio.create_task(S3Storage(settings(url)).run(upload_call(tmp_path, size=50)))
        await asyncio.sleep(0.05)
        task.cancel()
        async with asyncio.timeout(2):
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_without_the_library_the_failure_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(StageFailure, match=r"pip install 'predawn\[s3\]'") as caught:
        await S3Storage(settings("http://127.0.0.1:1")).run(upload_call(tmp_path, size=50))
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.UNAVAILABLE, False)


def test_amazons_own_addresses() -> None:
    provider = S3Storage(settings("http://x", endpoint=None, region="ap-south-1"))
    assert provider.template == "https://{bucket}.s3.ap-south-1.amazonaws.com/{path}"
    with pytest.raises(ValueError, match=r"storage\.s3\.bucket"):
        S3Storage(S3Settings())


async def test_it_does_what_is_promised_of_every_provider(tmp_path: Path, s3_url: str) -> None:
    output = await check_provider(
        lambda: S3Storage(settings(s3_url, prefix="five")), upload_call(tmp_path, size=20 * MIB), slack_s=20.0
    )
    assert fetched(str(output.data["video_url"])) == content(tmp_path / "made" / "video.mp4")
