"""Feeds over real HTTP, and the chain of all sources."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from http_scripted import Scripted, raw_server, scripted
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.settings import FeedSettings, Settings
from console.bootstrap.content import brief_source, schedule_zone
from integrations.content.chain import PATIENCE, BriefChain
from integrations.content.feeds import FeedBriefs
from integrations.content.feeds.memory import FeedMemory
from integrations.content.source import BriefFolder
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.job import JobSpec
from scheduler.job_types import JobType
from scheduler.ports.content import ResolvedBrief

DAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def item(title: str, *, hours: float | None = 2, link: str = "", text: str = "It is so.") -> str:
    at = "" if hours is None else f"<pubDate>{(NOW - timedelta(hours=hours)):%a, %d %b %Y %H:%M:%S +0000}</pubDate>"
    return f"<item><title>{title}</title><link>{link}</link>{at}<description>{text}</description></item>"


def rss(*items: str) -> str:
    return f"<?xml version='1.0'?><rss version='2.0'><channel><title>F</title>{''.join(items)}</channel></rss>"


def feed(text: str, status: int = 200, **headers: str) -> Response:
    return Response(
        text, status, {name.replace("_", "-"): value for name, value in headers.items()}, "application/rss+xml"
    )


class World:
    """Feed addresses of one scripted service, a memory, and a folder of briefs."""

    def __init__(self, folder: Path, service: Scripted) -> None:
        self.folder, self.service = folder, service
        self.briefs = folder / "briefs"
        self.briefs.mkdir()
        self.now = NOW

    def source(self, *names: str, timeout_s: float = 5.0, urls: dict[str, str] | None = None) -> FeedBriefs:
        chosen = [
            FeedSettings(url=(urls or {}).get(name, f"{self.service.url}/{name}"), name=name.upper()) for name in names
        ]
        return FeedBriefs(
            chosen,
            FeedMemory(self.folder / "memory"),
            zone=ZoneInfo("Asia/Kolkata"),
            hours=24,
            most=6,
            repeat_days=3,
            told=BriefFolder(self.briefs, 1).headlines,
            now=lambda: self.now,
            timeout_s=timeout_s,
        )

    async def ask(self, *names: str, day: date = DAY, **options: Any) -> ResolvedBrief | None:
        return await asyncio.to_thread(self.source(*names, **options).brief_of, day)

    async def titles(self, *names: str, day: date = DAY) -> list[str]:
        found = await self.ask(*names, day=day)
        return [] if found is None else [headline.title for headline in found.brief.headlines]

    def put(self, day: str, title: str) -> None:
        text = f"---\ndate: {day}\ntitle: T\n---\n## {title}\nIt is so.\nSource: RBI\n"
        (self.briefs / f"{day}.md").write_text(text, encoding="utf-8")


Worlds = Callable[[Scripted], World]


@pytest.fixture
def world(tmp_path: Path) -> Worlds:
    return lambda service: World(tmp_path, service)


async def test_a_brief_is_made_of_two_feeds_and_says_so(world: Worlds) -> None:
    async with scripted() as service:
        service.on(
            "GET /pib", feed(rss(item("Cabinet approves rail corridor", link="https://pib.gov.in/1?utm_source=x")))
        )
        service.on("GET /hindu", feed(rss(item("Chenab bridge is opened", text="&lt;p&gt;One.&lt;/p&gt;"))))
        found = await world(service).ask("pib", "hindu")
    assert found is not None
    assert (found.origin, found.stale, found.brief.date) == ("feeds: PIB, HINDU", False, DAY)
    assert [(h.title, h.sentences, h.source) for h in found.brief.headlines] == [
        ("Cabinet approves rail corridor", ("It is so.",), "PIB, 20 November 2026"),
        ("Chenab bridge is opened", ("One.",), "HINDU, 20 November 2026"),
    ]


async def test_an_unchanged_feed_is_not_sent_again(world: Worlds) -> None:
    marks: list[tuple[str | None, str | None]] = []

    async def answer(request: Request) -> Response:
        marks.append((request.headers.get("if-none-match"), request.headers.get("if-modified-since")))
        if request.headers.get("if-none-match") == '"v1"':
            return Response(status_code=304)
        return feed(
            rss(item("Cabinet approves rail corridor")), ETag='"v1"', Last_Modified="Fri, 20 Nov 2026 01:00:00 GMT"
        )

    async with scripted() as service:
        service.on("GET /pib", answer)
        here = world(service)
        first = await here.ask("pib")
        assert await here.ask("pib") == first
        # A spoiled memory is no memory.
        (document,) = (here.folder / "memory").glob("*.xml")
        document.write_bytes(b"<rss/>")
        assert await here.ask("pib") == first
    assert marks == [(None, None), ('"v1"', "Fri, 20 Nov 2026 01:00:00 GMT"), (None, None)]


async def test_nothing_is_told_twice_over_days_but_the_same_day_may_be_made_again(world: Worlds) -> None:
    async with scripted() as service:
        service.on("GET /pib", feed(rss(item("Cabinet approves rail corridor"), item("Chenab bridge is opened"))))
        here = world(service)
        here.put("2026-11-19", "Cabinet approves the rail corridor")
        assert await here.titles("pib") == ["Chenab bridge is opened"]
        assert await here.titles("pib") == ["Chenab bridge is opened"], "a retry of the same day"
        here.now += timedelta(hours=12)
        assert await here.titles("pib", day=DAY + timedelta(days=1)) == []
        here.now = NOW
        assert await here.titles("pib", day=DAY + timedelta(days=5)) != [], "too long ago to count"


async def test_entries_without_dates_count_from_when_they_were_first_seen(world: Worlds) -> None:
    async with scripted() as service:
        service.on("GET /pib", feed(rss(item("Cabinet approves rail corridor", hours=None))))
        here = world(service)
        assert await here.titles("pib") == ["Cabinet approves rail corridor"]
        here.now += timedelta(days=10)
        assert await here.titles("pib", day=DAY + timedelta(days=10)) == [], "it is old by now"


async def test_one_dead_feed_does_not_matter_and_all_dead_is_unavailable(world: Worlds) -> None:
    async with scripted() as service:
        service.on("GET /pib", Response("busy", 503, {"Retry-After": "9"}))
        service.on("GET /web", HTMLResponse("<!doctype html><title>Not found</title>"))
        service.on("GET /ok", feed(rss(item("Chenab bridge is opened"))))
        here = world(service)
        assert await here.titles("pib", "ok") == ["Chenab bridge is opened"]
        with pytest.raises(StageFailure, match=r"2 of 2 feeds failed.*HTTP 503.*is a web page") as caught:
            await here.ask("pib", "web")
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.UNAVAILABLE, True)
    assert caught.value.retry_after_s == 9


BOMB = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss version="2.0"/>'


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (feed("x" * (2 * 2**20 + 1)), "more than 2 MiB"),
        (feed(BOMB), "declares XML entities"),
        (feed("nonsense"), "no RSS or Atom"),
        (Response("", 404), "HTTP 404"),
        (RedirectResponse("ftp://x/y"), "no web page"),
        (Response(b"\x1f\x8bjunk", headers={"Content-Encoding": "gzip"}), "cannot be decoded"),
    ],
)
async def test_a_hostile_or_broken_feed_is_bounded_and_unavailable(world: Worlds, answer: Response, said: str) -> None:
    async with scripted() as service:
        service.on("GET /pib", answer)
        with pytest.raises(StageFailure, match=said) as caught:
            await world(service).ask("pib")
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.UNAVAILABLE, True)


async def test_redirects_are_followed_five_times_and_cost_the_same_time(world: Worlds) -> None:
    async with scripted() as service:
        service.on("GET /pib", RedirectResponse("/next"))
        service.on("GET /next", feed(rss(item("Chenab bridge is opened"))))
        service.on("GET /loop", RedirectResponse("/loop"))
        here = world(service)
        assert await here.titles("pib") == ["Chenab bridge is opened"]
        with pytest.raises(StageFailure, match="redirects more than 5 times"):
            await here.ask("loop")
        assert service.count("GET /loop") == 6


@pytest.mark.parametrize(
    ("answer", "hold", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<rss>", False, "broke off"),
        (b"", True, "did not answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", True, "did not answer"),
    ],
)
async def test_a_feed_that_breaks_off_or_hangs(world: Worlds, answer: bytes, said: str, *, hold: bool) -> None:
    async with scripted() as service, raw_server(answer, hold=hold) as url:
        with pytest.raises(StageFailure, match=said) as caught:
            await world(service).ask("pib", urls={"pib": url}, timeout_s=0.3)
    assert caught.value.kind is FailureClass.UNAVAILABLE


class Source:
    """A source whose answers are set."""

    def __init__(self, *answers: ResolvedBrief | StageFailure | None) -> None:
        self.answers, self.asked = list(answers), 0

    def brief_of(self, run_date: date) -> ResolvedBrief | None:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, StageFailure):
            raise answer
        return answer


DOWN = StageFailure.unavailable("it is down")


def made(world: World, origin: str) -> ResolvedBrief:
    world.put("2026-11-20", "Made elsewhere")
    found = BriefFolder(world.briefs, 0).resolve({}, DAY)
    (world.briefs / "2026-11-20.md").unlink()
    return ResolvedBrief(found.brief, stale=False, origin=origin)


@pytest.fixture
def here(tmp_path: Path) -> World:
    return World(tmp_path, Scripted())


def chain(here: World, *remote: Source, stale_days: int = 1, ask: bool = True) -> BriefChain:
    return BriefChain(BriefFolder(here.briefs, stale_days), remote, ask=ask)


def test_the_payload_and_the_folder_come_first(here: World) -> None:
    far = Source(made(here, "feeds"))
    here.put("2026-11-20", "In the folder")
    assert chain(here, far).resolve({}, DAY).brief.headlines[0].title == "In the folder"
    text = (here.briefs / "2026-11-20.md").read_text("utf-8").replace("In the folder", "Given")
    assert chain(here, far).resolve({"brief_text": text}, DAY).brief.headlines[0].title == "Given"
    assert far.asked == 0


def test_a_fresh_brief_from_afar_beats_an_old_one_of_the_folder(here: World) -> None:
    here.put("2026-11-19", "Yesterday")
    assert chain(here, Source(None), Source(made(here, "feeds: X"))).resolve({}, DAY).origin == "feeds: X"
    found = chain(here, Source(None), Source(None)).resolve({}, DAY)
    assert (found.stale, found.brief.headlines[0].title) == (True, "Yesterday")


def test_a_source_that_fails_does_not_keep_the_next_from_being_asked(here: World) -> None:
    assert chain(here, Source(DOWN), Source(made(here, "feeds: X"))).resolve({}, DAY).origin == "feeds: X"


def test_failing_sources_can_be_tried_again_and_are_not_waited_for_for_ever(here: World) -> None:
    here.put("2026-11-19", "Yesterday")
    looks = chain(here, Source(DOWN), Source(None))
    for _ in range(PATIENCE):
        with pytest.raises(StageFailure, match="no brief: it is down") as caught:
            looks.resolve({}, DAY)
        assert (caught.value.kind, caught.value.retryable) == (FailureClass.UNAVAILABLE, True)
    found = looks.resolve({}, DAY)
    assert found.stale
    assert "it is down" in found.origin


def test_without_an_old_brief_failing_sources_stay_unavailable(here: World) -> None:
    looks = chain(here, Source(DOWN))
    for _ in range(PATIENCE + 2):
        with pytest.raises(StageFailure, match="it is down") as caught:
            looks.resolve({}, DAY)
        assert caught.value.kind is FailureClass.UNAVAILABLE


def test_nothing_anywhere_is_bad_input_and_says_where_was_looked(here: World) -> None:
    with pytest.raises(
        StageFailure, match=r"no brief for 2026-11-20.*the 2 further sources have none either"
    ) as caught:
        chain(here, Source(None), Source(None)).resolve({}, DAY)
    assert caught.value.kind is FailureClass.INVALID_INPUT


def test_a_bad_row_is_not_papered_over_by_feeds(here: World) -> None:
    bad, feeds = Source(StageFailure.invalid_input("the row is wrong")), Source(made(here, "feeds"))
    with pytest.raises(StageFailure, match="the row is wrong"):
        chain(here, bad, feeds).resolve({}, DAY)
    assert feeds.asked == 0


def test_a_bad_file_of_the_day_is_not_papered_over_either(here: World) -> None:
    (here.briefs / "2026-11-20.md").write_text("nonsense", encoding="utf-8")
    far = Source(made(here, "feeds"))
    (here.briefs / "2026-11-20.md").write_text("nonsense", encoding="utf-8")
    with pytest.raises(StageFailure, match=r"2026-11-20\.md") as caught:
        chain(here, far).resolve({}, DAY)
    assert (caught.value.kind, far.asked) == (FailureClass.INVALID_INPUT, 0)


def test_a_job_is_queued_without_asking_anybody(here: World) -> None:
    far = Source(DOWN)
    kind = JobType("daily_ca", chain(here, far, ask=False))
    assert kind.check(JobSpec("daily_ca", run_date=DAY)) is None
    assert far.asked == 0
    assert "no .md file" in str(kind.check(JobSpec("daily_ca", {"brief": "x.txt"})))


def test_the_composer_takes_the_schedules_zone_and_builds_what_is_configured(tmp_path: Path) -> None:
    plain = Settings(home=tmp_path)
    assert isinstance(brief_source(plain), BriefFolder)
    assert schedule_zone(plain).key == "Asia/Kolkata"
    document = plain.model_dump()
    document["content"] |= {
        "feeds": [{"url": "https://a.b/rss", "name": "A"}],
        "postgrest": {"url": "https://a.b/rest/v1"},
    }
    document["schedules"]["nightly"]["timezone"] = "Europe/Berlin"
    full = Settings.model_validate(document)
    assert isinstance(brief_source(full), BriefChain)
    assert schedule_zone(full).key == "Europe/Berlin"
    assert json.loads(full.model_dump_json())["content"]["feeds"] == [{"url": "https://a.b/rss", "name": "A"}]
