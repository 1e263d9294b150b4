from __future__ import annotations

import contextlib
import re
import time
import unicodedata
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.content import limits
from integrations.content.brief_file import decode_brief, parse_brief, read_brief
from integrations.content.problems import BriefError
from scheduler.domain.codec import brief_from_json, brief_to_json
from scheduler.domain.content import Brief, Headline

ROOT = Path(__file__).parents[2]
ALL_SHIPPED = sorted((ROOT / "config" / "briefs").glob("*.md"))
SHORT = "2025-09-03-gst-two-slabs"
SHIPPED = [path for path in ALL_SHIPPED if path.stem != SHORT]
HEAD = "---\ndate: 2025-06-06\ntitle: Today\n---\n"
ITEM = "## One\nIt is so.\nSource: RBI\n"


def parse(text: str) -> Brief:
    return parse_brief(text, origin="b.md")


def problems(text: str) -> list[str]:
    with pytest.raises(BriefError) as caught:
        parse(text)
    assert str(caught.value).startswith("brief b.md has ")
    return [str(problem) for problem in caught.value.problems]


def test_a_brief_is_read_whole() -> None:
    text = """\
---
date: 2025-06-06
title: "Rates: a cut"
language: en-IN
edition: evening
---
<!-- a note
over lines -->
## RBI cuts **rates** ##
The rate is _now_ 5.50%. It was
6.00% before.

- A [point](https://x.y/z). And `more`.
1. Last.

Source: [RBI, 6 June](https://www.rbi.org.in/a_(b))

## Second
Text.
**Source:** PIB, https://pib.gov.in/x
"""
    assert parse(text) == Brief(
        date(2025, 6, 6),
        "Rates: a cut",
        (
            Headline(
                "RBI cuts rates",
                ("The rate is now 5.50%.", "It was 6.00% before.", "A point.", "And more.", "Last."),
                "RBI, 6 June",
                "https://www.rbi.org.in/a_(b)",
            ),
            Headline("Second", ("Text.",), "PIB", "https://pib.gov.in/x"),
        ),
        "en",
        "evening",
    )


@pytest.mark.parametrize(
    ("line", "name", "url"),
    [
        ("Source: RBI", "RBI", None),
        ("source : RBI, 6 June 2025", "RBI, 6 June 2025", None),
        ("Sources: RBI and PIB", "RBI and PIB", None),
        ("- Source: [A [b] c](https://x.y)", "A [b] c", "https://x.y"),
        ("Source: RBI <https://x.y/z>", "RBI", "https://x.y/z"),
        ("Source: RBI (https://x.y/z)", "RBI", "https://x.y/z"),
        ("Source: RBI – https://x.y/z.", "RBI", "https://x.y/z"),
        ("स्रोत: [इसरो](https://x.y)", "इसरो", "https://x.y"),
        ("*Source:* RBI", "RBI", None),
    ],
)
def test_sources_are_read_in_their_usual_forms(line: str, name: str, url: str | None) -> None:
    headline = parse(f"{HEAD}## One\nIt is so.\n{line}\n").headlines[0]
    assert (headline.source, headline.source_url) == (name, url)


def test_prose_that_begins_a_line_with_a_number_stays_prose() -> None:
    text = f"{HEAD}## One\nThe list has grown to\n12. It had\n- no, it had 5.\nSource: RBI\n"
    assert parse(text).headlines[0].sentences == ("The list has grown to 12.", "It had", "no, it had 5.")


def test_foreign_line_ends_marks_decomposed_and_control_characters_are_put_right() -> None:
    decomposed = unicodedata.normalize("NFD", "Café ₹5 क़ीमत")
    text = f"\ufeff{HEAD}## {decomposed}\u202e\x07\nIt\u200b is\x00 so.\nक्\u200dष है।\nSource: RBI\n".replace(
        "\n", "\r\n"
    )
    headline = parse(text).headlines[0]
    assert headline.title == unicodedata.normalize("NFC", "Café ₹5 क़ीमत")
    assert headline.sentences == ("It is so.", "क्\u200dष है।")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["it is empty; see docs/briefs.md for an example"]),
        ("## One\nx\nSource: RBI\n", ['line 1: the file must begin with "---"']),
        ("---\ndate: 2025-06-06\n", ['line 1: the front matter is never closed; put a line "---" behind it']),
        (HEAD, ['there is no headline; begin each item with "## "']),
        (HEAD.strip(), ['there is no headline; begin each item with "## "']),
        (f"---\n---\n{ITEM}", ["line 2: date: is missing", "line 2: title: is missing"]),
        (f"---\n- a\n---\n{ITEM}", ["line 2: the front matter must be lines like date: 2025-06-06"]),
        (f"---\ndate: 06/06/2025\ntitle: x\n---\n{ITEM}", ["line 2: date: '06/06/2025' is no date; write it like"]),
        (f"---\ndate: 2025-02-30\ntitle: x\n---\n{ITEM}", ["is no date (day is out of range for month)"]),
        (f"---\ndate: 20250606\ntitle: x\n---\n{ITEM}", ["line 2: date: '20250606' must be written 2025-06-06"]),
        (f"---\ndate: 2025-06-06 10:00\ntitle: x\n---\n{ITEM}", ["line 2: date: '2025-06-06 10:00' is no date"]),
        (
            f"---\ntitle: a: b\ndate: 2025-06-06\n---\n{ITEM}",
            ["line 2: is not YAML (mapping values are not allowed here)"],
        ),
        (f"---\ntitle: &a x\ndate: 2025-06-06\n---\n{ITEM}", ["line 2: YAML anchors (&), aliases (*) and tags (!)"]),
        (
            f"---\ntitle: !!python/object:os.system x\n---\n{ITEM}",
            ["line 2: YAML anchors (&), aliases (*) and tags (!)"],
        ),
        (f"---\ntitle: [a]\ndate: 2025-06-06\n---\n{ITEM}", ['line 2: title: must be one text, like title: "RBI']),
        (f"---\ntitle: {'[' * 1500}\n---\n{ITEM}", ["not YAML"]),
        (
            f"---\ntitle: x\ntitle: y\ndate: 2025-06-06\n---\n{ITEM}",
            ["line 3: title: stands here again (first on line 2)"],
        ),
        (
            f"---\ntitle: x\ndate: 2025-06-06\nlangauge: hi\n---\n{ITEM}",
            ["line 4: there is no key 'langauge'; did you mean language?"],
        ),
        (
            f"---\ntitle: x\ndate: 2025-06-06\nzzz: hi\n---\n{ITEM}",
            ["there is no key 'zzz'; there are date, title, language, edition"],
        ),
        (
            f"---\ntitle: x\ndate: 2025-06-06\nlanguage: fr\n---\n{ITEM}",
            ["line 4: language 'fr' is not spoken here; use en or hi"],
        ),
        (f"---\ntitle: ''\ndate: 2025-06-06\n---\n{ITEM}", ["line 2: the title is empty"]),
        (
            f"---\ntitle: {'x' * 121}\ndate: 2025-06-06\n---\n{ITEM}",
            ["line 2: the title has 121 characters, at most 120 fit"],
        ),
        (f"{HEAD}lost\nlost\n{ITEM}", ["line 5: text before the first headline is not shown: 'lost'"]),
        (f"{HEAD}# One\nIt is so.\nSource: RBI\n", ['line 5: headlines begin with "## ", not "# "']),
        (
            f"{HEAD}## {'x' * 201}\nIt is so.\nSource: RBI\n",
            ["line 5: the headline has 201 characters, at most 200 fit"],
        ),
        (f"{HEAD}## \nIt is so.\nSource: RBI\n", ["line 5: the headline is empty; write it behind ##"]),
        (f"{HEAD}## One\nSource: RBI\n", ["line 5: headline 'One' has no text; write 1 to 8 sentences below it"]),
        (f"{HEAD}## One\n{'It is so. ' * 9}\nSource: RBI\n", ["line 5: headline 'One' has 9 sentences, at most 8"]),
        (f"{HEAD}## One\nA {'b' * 400}.\nSource: RBI\n", ["line 6: the sentence has 403 characters, at most 400 fit"]),
        (f"{HEAD}## One\nIt is so.\n", ["line 5: headline 'One' has no source; end it with"]),
        (f"{HEAD}## One\nIt is so.\nSource:\n", ["line 7: the source is empty; name who says so"]),
        (f"{HEAD}## One\nIt is so.\nSource: https://x.y\n", ["line 7: the source is empty; name who says so"]),
        (
            f"{HEAD}## One\nIt is so.\nSource: [a](ftp://x)\n",
            ["line 7: the source's address 'ftp://x' is no http(s) URL"],
        ),
        (f"{HEAD}## One\nIt is so.\nSource: a\nSource: b\n", ["line 8: a second Source line (the first is line 7)"]),
        (f"{HEAD}## One\nIt is so.\nSource: a\nMore.\n", ["line 8: text behind the Source line (line 7)"]),
        (f"{HEAD}{ITEM}## one!\nIt is so.\nSource: a\n", ["line 8: headline 'one!' is also on line 5; keep one"]),
        (f"{HEAD}## One\n| a |\nSource: a\n", ["line 6: '| a |': tables, quotes, code, pictures and rules"]),
        (f"{HEAD}## One\nIt <b>is</b> so.\nSource: a\n", ["line 6: HTML is not shown: '<b>'; remove it"]),
        (f"{HEAD}## One\nSee www.x.com now.\nSource: a\n", ["line 6: the address 'www.x.com' would be read aloud"]),
        (HEAD + "".join(f"## H{n}\nIt is so.\nSource: a\n" for n in range(13)), ["there are 13 headlines, at most 12"]),
        ("x" * (limits.MAX_BYTES + 1), ["it is larger than 256 KiB"]),
        (f"---\ntitle: x\n#{'y' * 2048}\n---\n{ITEM}", ["line 2: the front matter has 2058 characters, at most 2048"]),
        (f"{HEAD}## One\n{'It is. ' * 600}\nSource: a\n", ["line 6: the paragraph has 4199 characters, at most 4000"]),
        (
            f"{HEAD}## One\nIt is so.\nSource: {'a' * 5000}\n",
            ["line 7: the source has 5000 characters, at most 160 fit"],
        ),
    ],
)
def test_a_bad_brief_is_explained_with_line_and_remedy(text: str, expected: list[str]) -> None:
    found = problems(text)
    assert len(found) == len(expected), found
    for message, part in zip(found, expected, strict=True):
        assert part in message


def test_all_problems_are_listed_at_once_in_the_order_of_the_file() -> None:
    text = """\
---
date: tomorrow
titel: x
---
## One
See https://x.y now.

## One
> quote
Source: [a](x)
"""
    lines = [re.match(r"line (\d+)", message) for message in problems(text)]
    assert [int(line[1]) for line in lines if line] == [2, 3, 4, 5, 6, 8, 9, 10]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"---\ndate: 2025-06-06\ntitle: caf\xe9\n", r"line 3: byte 31 \(0xe9\) is not UTF-8; save the file as UTF-8"),
        (b"\xef\xbb\xbfab\n\xff", r"line 2: byte 6 \(0xff\)"),
        ("---\n".encode("utf-16"), "it is UTF-16"),
        (b"x" * (limits.MAX_BYTES + 1), "larger than 256 KiB"),
    ],
)
def test_a_wrong_encoding_names_the_byte(data: bytes, message: str) -> None:
    with pytest.raises(BriefError, match=message):
        decode_brief(data, origin="b.md")


def test_the_date_in_the_name_must_be_the_briefs_own(tmp_path: Path) -> None:
    path = tmp_path / "2025-06-07-x.md"
    path.write_text(HEAD + ITEM, encoding="utf-8")
    with pytest.raises(BriefError, match="name says 2025-06-07, its front matter 2025-06-06"):
        read_brief(path)
    with pytest.raises(BriefError, match="cannot be read: No such file"):
        read_brief(tmp_path / "none.md")


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=300))
def test_any_text_is_a_brief_or_a_list_of_problems(text: str) -> None:
    for candidate in (text, f"---\n{text}\n---\n{ITEM}", f"{HEAD}## {text}\n{text}\nSource: {text}\n"):
        with contextlib.suppress(BriefError):
            brief = parse(candidate)
            assert brief_from_json(brief_to_json(brief)) == brief


@pytest.mark.parametrize(
    "filling",
    ["<!--", " _a", "**a ", "[a](", "- ", "a. a ", "## x # ", "--- ", "((((", "<a ", "Source: -", "\u0915\u093f "],
)
def test_a_hostile_text_of_the_largest_size_is_refused_soon(filling: str) -> None:
    body = filling * (250_000 // len(filling.encode()))
    started = time.perf_counter()
    for text in (
        f"{HEAD}## One\n{body}\nSource: x\n",
        f"{HEAD}## One\nx\nSource: {body}\n",
        f"{HEAD}## {body}\n",
        body,
    ):
        problems(text)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_briefs_are_good(path: Path) -> None:
    brief = read_brief(path)
    assert 4 <= len(brief.headlines) <= 6
    assert all(2 <= len(headline.sentences) <= 4 for headline in brief.headlines)
    assert path.read_text(encoding="utf-8") == unicodedata.normalize("NFC", path.read_text(encoding="utf-8"))


def test_the_shipped_briefs_hold_hindi_rupees_and_long_headlines() -> None:
    briefs = [read_brief(path) for path in SHIPPED]
    assert [brief.language for brief in briefs] == ["en", "en", "hi"]
    english = SHIPPED[0].read_text(encoding="utf-8")
    assert "₹" in english
    assert re.search("[\u0900-\u097f]", english)
    assert max(len(headline.title) for headline in briefs[0].headlines) > 180
    hindi = "".join(f"{h.title}{''.join(h.sentences)}" for h in briefs[2].headlines)
    assert re.findall("[A-Za-z]+", hindi) == []


def test_the_documentation_states_the_limits_and_its_example_is_good() -> None:
    text = (ROOT / "docs" / "briefs.md").read_text(encoding="utf-8")
    example = text.partition("```markdown\n")[2].partition("```")[0]
    assert len(parse(example).headlines) == 2
    for words in (
        f"at most {limits.MAX_TITLE} characters",
        f"at most {limits.MAX_EDITION} characters",
        f"At most {limits.MAX_HEADLINES}, none twice",
        f"at most {limits.MAX_HEADLINE} characters",
        f"1 to {limits.MAX_SENTENCES} sentences of at most {limits.MAX_SENTENCE} characters",
        f"at most {limits.MAX_SOURCE} characters",
        f"at most {limits.MAX_BYTES // 1024} KiB",
        *(f"`{language}`" for language in limits.LANGUAGES),
    ):
        assert words in " ".join(text.split()), words
