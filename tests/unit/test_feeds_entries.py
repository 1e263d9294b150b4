"""Real-world feed documents, good and bad."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from integrations.content.feeds.entries import MAX_ENTRIES, read_entries
from integrations.content.html import paragraphs
from scheduler.domain.failure import FailureClass, StageFailure

RSS = b"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel><title>PIB</title><link>https://pib.gov.in</link>
<item><title>Cabinet approves \xe2\x82\xb9 1,200 crore for rail</title>
<link>https://pib.gov.in/a?utm_source=rss</link>
<pubDate>Thu, 20 Nov 2026 08:30:00 +0530</pubDate>
<description><![CDATA[<p>The <b>Cabinet</b> approved it. &#8220;Good&#8221; news.</p><p>Read more</p>]]></description>
</item>
<item><title>Second &amp; last</title><link>https://pib.gov.in/b</link>
<description></description><content:encoded><![CDATA[<div>From the content.</div>]]></content:encoded></item>
</channel></rss>"""

ATOM = """<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title>
<entry><title type="html">&lt;b&gt;आरबीआई&lt;/b&gt; ने रेपो दर घटाई</title><link href="https://a.example/1"/>
<updated>2026-11-20T01:00:00Z</updated><summary>पचास आधार अंक की कटौती हुई।</summary></entry>
</feed>""".encode()


EMPTY = b"<rss version='2.0'><channel><item><title>&b;</title></item></channel></rss>"


def test_rss_with_html_in_cdata() -> None:
    first, second = read_entries(RSS, feed="PIB")
    assert first.title == "Cabinet approves ₹ 1,200 crore for rail"
    assert first.at == datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    assert first.url == "https://pib.gov.in/a?utm_source=rss"
    assert paragraphs(first.html) == ("The Cabinet approved it. “Good” news.",)
    assert second.at is None
    assert paragraphs(second.html) == ("From the content.",)
    assert second.title == "Second & last"


def test_atom_in_hindi() -> None:
    (entry,) = read_entries(ATOM, feed="A", content_type="application/atom+xml")
    assert paragraphs(entry.title) == ("आरबीआई ने रेपो दर घटाई",)
    assert entry.at == datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


def test_what_is_broken_is_read_as_far_as_it_goes() -> None:
    cut = RSS[: RSS.index(b"<item><title>Second") + 30]
    assert [entry.title for entry in read_entries(cut, feed="PIB")][:1] == ["Cabinet approves ₹ 1,200 crore for rail"]
    ampersand = RSS.replace(b"&amp;", b"&")
    assert len(read_entries(ampersand, feed="PIB")) == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<!doctype html><html><head><title>Gone</title></head></html>", "is a web page"),
        (b'{"error": "no"}', "no RSS or Atom"),
        (b"", "no RSS or Atom"),
        (b"<?xml version='1.0'?><urlset></urlset>", "no RSS or Atom"),
        (b'<!DOCTYPE rss [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>' + EMPTY, "declares XML entities"),
        (b'<!DOCTYPE rss [<!entity x SYSTEM "file:///etc/passwd">]>' + EMPTY, "declares XML entities"),
        ('<!DOCTYPE rss [<!ENTITY a "b">]><rss version="2.0"/>'.encode("utf-16"), "declares XML entities"),
    ],
)
def test_a_document_that_is_no_feed_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(StageFailure, match=said) as caught:
        read_entries(data, feed="X")
    assert caught.value.kind is FailureClass.INVALID_OUTPUT


def test_a_feed_without_entries_is_a_feed() -> None:
    assert read_entries(b"<rss version='2.0'><channel><title>x</title></channel></rss>", feed="X") == ()


def test_a_huge_feed_is_cut_and_quick() -> None:
    item = b"<item><title>T</title><description>" + b"&lt;b&gt;" * 2000 + b"</description></item>"
    data = b"<rss version='2.0'><channel>" + item * 300 + b"</channel></rss>"
    start = time.perf_counter()
    assert len(read_entries(data, feed="X")) == MAX_ENTRIES
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("2026-11-20T10:00:00+05:30", datetime(2026, 11, 20, 4, 30, tzinfo=UTC)),
        ("Fri, 20 Nov 2026 10:00:00 GMT", datetime(2026, 11, 20, 10, 0, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_that_cannot_be_read_are_missing(date: str, at: datetime | None) -> None:
    data = f"<rss version='2.0'><channel><item><title>T</title><pubDate>{date}</pubDate></item></channel></rss>"
    (entry,) = read_entries(data.encode(), feed="X")
    assert entry.at == at


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One.</p><p>Two.</p>", ("One.", "Two.")),
        ("a<br/>b", ("a", "b")),
        ("<script>alert(1)</script>Fine.<style>p{}</style>", ("Fine.",)),
        ("<p>It is so.</p><p>The post It is so appeared first on Blog.</p>", ("It is so.",)),
        ("<p>It is so.</p><a href='x'>Continue reading →</a>", ("It is so.",)),
        ("&lt;b&gt; is text", ("<b> is text",)),
        ("plain & simple", ("plain & simple",)),
        ("x\u202ey\x1b[31m", ("xy[31m",)),
        ("<p><p><p", ()),
        ("<figure><figcaption>A picture</figcaption></figure>Words.", ("Words.",)),
    ],
)
def test_html_as_prose(html: str, text: tuple[str, ...]) -> None:
    assert paragraphs(html) == text


def test_hostile_html_takes_time_in_proportion() -> None:
    start = time.perf_counter()
    paragraphs("<script>" * 50_000)
    paragraphs("<" * 100_000)
    paragraphs("<a " * 33_000)
    paragraphs("<!--" * 25_000)
    paragraphs("&" * 100_000)
    assert time.perf_counter() - start < 3
