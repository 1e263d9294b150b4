from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from integrations.artifact_server import ArtifactServer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "job" / "manim").mkdir(parents=True)
    (folder / "job" / "manim" / "clip-0.mp4").write_bytes(b"0123456789")
    (folder / "job" / "manim" / "other.mp4").write_bytes(b"other")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    return folder


async def test_a_registered_file_is_served_whole_and_in_ranges(root: Path) -> None:
    async with ArtifactServer([root]) as server, httpx.AsyncClient(trust_env=False) as client:
        url = server.url_for(root / "job" / "manim" / "clip-0.mp4")
        assert url == server.url_for(root / "job" / ".." / "job" / "manim" / "clip-0.mp4")
        whole = await client.get(url)
        part = await client.get(url, headers={"Range": "bytes=2-4"})
        late = await client.get(url, headers={"Range": "bytes=50-"})
        head = await client.head(url)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, b"0123456789", "video/mp4")
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert (late.status_code, head.headers["content-length"]) == (416, "10")


async def test_nothing_else_is_served(root: Path) -> None:
    async with ArtifactServer([root]) as server, httpx.AsyncClient(trust_env=False) as client:
        url = server.url_for(root / "job" / "manim" / "clip-0.mp4")
        base, token = url.rsplit("/", 2)[0], url.rsplit("/", 2)[1]
        tries = [
            f"{base}/",
            f"{base}/{token}",
            f"{base}/{token}/",
            f"{base}/{token}/other.mp4",
            f"{base}/wrong/clip-0.mp4",
            f"{base}/{token}/..%2f..%2f..%2fsecret.txt",
            f"{base}/{token}/%2e%2e/secret.txt",
            f"{base}//etc/passwd",
            f"{base}/{token}/clip-0.mp4%00.txt",
        ]
        answers = [(await client.get(attempt)).status_code for attempt in tries]
        posted = (await client.post(url)).status_code
    assert answers == [404] * len(tries)
    assert posted == 405


async def test_raw_path_tricks_are_refused(root: Path) -> None:
    async with ArtifactServer([root]) as server:
        url = httpx.URL(server.url_for(root / "job" / "manim" / "clip-0.mp4"))
        import asyncio  # noqa: PLC0415 - only this test speaks without a client, which would tidy the path

        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"GET /../../../secret.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert b" 404 " in answer.splitlines()[0]
    assert b"secret" not in answer


async def test_files_outside_the_roots_have_no_address(root: Path) -> None:
    (root / "link.txt").symlink_to(root.parent / "secret.txt")
    async with ArtifactServer([root]) as server:
        for path in (root.parent / "secret.txt", root / ".." / "secret.txt", root / "link.txt", root):
            with pytest.raises(ValueError, match="not below a folder that is served"):
                server.url_for(path)


async def test_a_link_put_in_a_files_place_is_not_followed(root: Path) -> None:
    clip = root / "job" / "manim" / "clip-0.mp4"
    async with ArtifactServer([root]) as server, httpx.AsyncClient(trust_env=False) as client:
        url = server.url_for(clip)
        clip.unlink()
        assert (await client.get(url)).status_code == 404
        clip.symlink_to(root.parent / "secret.txt")
        assert (await client.get(url)).status_code == 404


async def test_it_listens_on_loopback_and_only_while_it_runs(root: Path) -> None:
    server = ArtifactServer([root])
    with pytest.raises(RuntimeError, match="not started"):
        server.url_for(root / "job" / "manim" / "clip-0.mp4")
    await server.start()
    await server.start()
    url = httpx.URL(server.url_for(root / "job" / "manim" / "clip-0.mp4"))
    assert url.host == "127.0.0.1"
    await server.stop()
    await server.stop()
    with pytest.raises(ConnectionRefusedError), socket.create_connection((url.host, url.port or 0), timeout=1):
        pass
