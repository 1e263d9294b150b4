from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.loader import load_settings
from config.problems import ConfigError
from console.bootstrap.once import bring_home, video_file
from console.bootstrap.reading import chains
from console.bootstrap.services import exercised, local_service_urls, with_services
from scheduler.domain.job import JobSpec
from scheduler.domain.render import Artifact, Checkpoint, StageName, StageOutput
from scheduler.ports.operations import JobDetail
from scheduler.testing import FakeClock, MemoryStore


@pytest.fixture(autouse=True)
def _no_usual_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("config.loader.default_config_file", lambda: tmp_path / "usual.toml")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"storage.supabase.url": "https://a.supabase.co"}, "KEY_FILE"),
        ({"storage.s3.bucket": "videos"}, "both halves of the access key"),
        ({"storage.s3.bucket": "videos", "storage.s3.access_key": "k"}, "storage.s3.secret_key"),
        ({"storage.supabase.public_url": "https://cdn/{name}"}, "must hold {path}"),
        ({"storage.supabase.public_url": "cdn/{path}"}, "no http(s) URL"),
        ({"storage.s3.prefix": "../x"}, "no prefix for objects"),
        ({"storage.s3.prefix": "a b"}, "no prefix for objects"),
        ({"storage.supabase.bucket": "a/b"}, "storage.supabase.bucket"),
        ({"content.feeds": [{"url": "ftp://x", "name": "X"}]}, "no http(s) URL"),
        ({"content.feeds": [{"url": "https://x"}]}, "content.feeds"),
        ({"content.feeds": "https://x"}, "a list of tables"),
        ({"content.postgrest.table": "a b"}, "content.postgrest.table"),
    ],
)
def test_what_is_wrong_is_said(overrides: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={}, overrides=overrides)
    assert said in str(caught.value)


def test_storage_and_sources_are_off_until_they_are_set(tmp_path: Path) -> None:
    plain = load_settings(environ={}).settings
    assert chains(plain)[StageName.UPLOAD] == ("local-directory",)
    (tmp_path / "key").write_text("service-key\n")
    environ = {
        "PREDAWN_STORAGE__SUPABASE__URL": "https://a.supabase.co/",
        "PREDAWN_STORAGE__SUPABASE__KEY_FILE": str(tmp_path / "key"),
        "PREDAWN_STORAGE__SUPABASE__PREFIX": "/predawn/tv",
        "PREDAWN_CONTENT__FEEDS": '[{"url": "https://a.b/rss", "name": "A"}]',
    }
    settings = load_settings(environ=environ).settings
    assert chains(settings)[StageName.UPLOAD] == ("supabase", "local-directory")
    assert settings.storage.supabase.prefix == "predawn/tv/"
    assert settings.storage.supabase.key is not None
    assert settings.storage.supabase.key.get_secret_value() == "service-key"
    assert [(feed.name, feed.url) for feed in settings.content.feeds] == [("A", "https://a.b/rss")]


def test_feeds_can_be_written_as_tables(tmp_path: Path) -> None:
    file = tmp_path / "predawn.toml"
    file.write_text(
        '[[content.feeds]]\nname = "A"\nurl = "https://a.b/rss"\n\n[[content.feeds]]\nname = "B"\nurl = "x"\n'
    )
    with pytest.raises(ConfigError, match=r"content\.feeds") as caught:
        load_settings(config_file=file, environ={})
    assert "predawn.toml:" in str(caught.value)
    file.write_text('[[content.feeds]]\nname = "A"\nurl = "https://a.b/rss"\n')
    assert load_settings(config_file=file, environ={}).settings.content.feeds[0].name == "A"


def test_a_fault_of_storage_brings_the_storage_with_it() -> None:
    plain = load_settings(environ={}).settings
    urls = local_service_urls({"storage": "http://127.0.0.1:5005"})
    settings = with_services(exercised(plain, ("storage=down",)), urls)
    assert chains(settings)[StageName.UPLOAD] == ("supabase", "local-directory")
    assert settings.storage.supabase.key is not None


def detail(folder: Path, url: str, *, file: bool = True) -> JobDetail:
    store = MemoryStore(FakeClock())
    job = store.enqueue(JobSpec("daily_ca")).job
    video = folder / "video.mp4"
    if file:
        video.write_bytes(b"video")
    output = StageOutput(artifacts={"video": Artifact(str(video), "0" * 64, 5, "video/mp4")})
    kept = Checkpoint(job.id, StageName.UPLOAD, "", output, 1, datetime(2026, 11, 20, tzinfo=UTC))
    job = replace(job, payload={"video_url": url})
    return JobDetail(job=job, renders=(), attempts=(), failures=(), checkpoints=(kept,))


def test_a_video_that_was_published_elsewhere_is_brought_home(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    done = detail(tmp_path / "work", "http://127.0.0.1:1/storage/v1/object/public/videos/d/a%20b.mp4?x=1")
    assert video_file(done) == tmp_path / "work" / "video.mp4"
    home = bring_home(done, tmp_path / "out")
    assert home == tmp_path / "out" / "a b.mp4"
    assert home is not None
    assert home.read_bytes() == b"video"


def test_a_video_that_was_published_here_stays_where_it_is(tmp_path: Path) -> None:
    assert bring_home(detail(tmp_path, "file:///x/y.mp4"), tmp_path / "out") == Path("/x/y.mp4")
    (tmp_path / "gone").mkdir()
    assert bring_home(detail(tmp_path / "gone", "https://cdn/y.mp4", file=False), tmp_path / "out") is None
