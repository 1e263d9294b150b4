from __future__ import annotations

import itertools
import re
import string
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import SHIPPED_BRIEFS, ContentSettings
from integrations.content import read_brief
from integrations.template_script import TemplateScript, build_script
from integrations.template_script.condense import COMFORTABLE, LONGEST, MAX_LINES, MAX_RECAP, lines_of, recap_of
from integrations.template_script.script import SHORTEST_VIDEO_S, spoken_words
from integrations.template_script.speech import sentence, spoken
from scheduler.domain.codec import script_from_json
from scheduler.domain.content import Brief, Headline, SegmentKind, name_in
from scheduler.domain.failure import StageFailure
from scheduler.domain.job import Job, JobStatus, Priority
from scheduler.domain.render import StageName
from scheduler.ports.provider import Call, Provider

PROGRAMME = "Daily Current Affairs"
BRIEF = Brief(date(2025, 6, 6), "A cut", (Headline("RBI cuts", ("It is so.",), "RBI"),))
ALL_SHIPPED = sorted(SHIPPED_BRIEFS.glob("*.md"))
SHORT = "2025-09-03-gst-two-slabs"
SHIPPED = [path for path in ALL_SHIPPED if path.stem != SHORT]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("₹ 1,200 crore", "1,200 crore rupees"),
        ("₹2.5 lakh crore were", "2.5 lakh crore rupees were"),
        ("₹1", "1 rupee"),
        ("Rs. 500 and Rs 5", "500 rupees and 5 rupees"),
        ("₹5–7 crore", "5 to 7 crore rupees"),
        ("a ₹500-crore plan", "a 500 crore rupees plan"),
        ("$56 billion and US$5 or €3 million", "56 billion dollars and 5 dollars or 3 million euros"),
        ("5.50%, 4 % or 4–6%", "5.50 per cent, 4 per cent or 4 to 6 per cent"),
        ("voted 5–1", "voted 5 to 1"),
        ("359 m above, 1,315 m long.", "359 metres above, 1,315 metres long."),
        ("the 272 km line of 2,392 kg satellites", "the 272 kilometre line of 2,392 kilogram satellites"),
        ("1 km and 5 km.", "1 kilometre and 5 kilometres."),
        ("40 km/h, 3 sq km", "40 kilometres per hour, 3 square kilometres"),
        ("500 MW of power at 45°C", "500 megawatts of power at 45 degrees Celsius"),
        ("5m people, 5 million", "5 metre people, 5 million"),
        ("No. 5 & No. 6, e.g. this", "number 5 and number 6, for example this"),
        ("Udhampur–Srinagar 2025-26", "Udhampur–Srinagar 2025-26"),
        ("India vs. Pakistan", "India versus Pakistan"),
        ("5:40 p.m. IST; 3 GW", "5:40 p.m. IST; 3 gigawatts"),
    ],
)
def test_english_is_spoken_as_words(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("₹1 लाख करोड़ की योजना", "1 लाख करोड़ रुपये की योजना"),
        ("₹14,260 करोड़ से अधिक", "14,260 करोड़ रुपये से अधिक"),
        ("5.5% और 4–6%", "5.5 प्रतिशत और 4 से 6 प्रतिशत"),
        ("272 कि.मी. लंबी, 5 किमी", "272 किलोमीटर लंबी, 5 किलोमीटर"),
        ("डॉ. सिंह & अन्य", "डॉक्टर सिंह और अन्य"),
        ("₹1", "1 रुपया"),
    ],
)
def test_hindi_is_spoken_as_words(written: str, said: str) -> None:
    assert spoken(written, "hi-IN") == said


@pytest.mark.parametrize(
    ("text", "stopped"),
    [("A cut", "A cut."), ("A cut.", "A cut."), ("So?", "So?"), ("“Yes.”", "“Yes.”"), ("A cut,", "A cut.")],
)
def test_what_is_said_ends_like_a_sentence(text: str, stopped: str) -> None:
    assert sentence(text, ".") == stopped


def test_short_sentences_become_lines_without_their_stop() -> None:
    assert lines_of(["India won.", "Who lost?", "भारत जीता।", "It is in the U.S."]) == (
        "India won",
        "Who lost?",
        "भारत जीता",
        "It is in the U.S.",
    )


RATIO = "The cash reserve ratio falls from 4% to 3% in four equal steps between September and November"
CENSUS = "In Ladakh and the snow-bound areas of Jammu and Kashmir, Himachal Pradesh and Uttarakhand the date is 1 March"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{RATIO}, which frees about ₹2.5 lakh crore for lending.", RATIO),
        (f"{CENSUS} 2026.", f"{CENSUS} 2026"),
        (f"The scheme ({'x ' * 40}) costs ₹5 crore in all states.", "The scheme costs ₹5 crore in all states"),
    ],
)
def test_long_sentences_are_shortened_at_a_clause_or_kept(text: str, line: str) -> None:
    assert lines_of([text]) == (line,)


def test_a_sentence_without_a_place_to_cut_ends_after_a_whole_word() -> None:
    (line,) = lines_of([f"{'The word and ' * 20}end."])
    assert line.endswith("…")
    assert len(line) <= LONGEST
    assert line[:-1].split()[-1] in {"The", "word", "and"}


def test_independent_clauses_are_lines_of_their_own_and_those_with_figures_stay() -> None:
    assert lines_of(["He presides; the other waits."]) == ("He presides", "The other waits")
    sentences = ["First.", "No figure.", "It cost ₹5 crore.", "Nothing.", "On 5 June 2025.", "It has 3 parts."]
    assert lines_of(sentences) == ("First", "It cost ₹5 crore", "On 5 June 2025", "It has 3 parts")


def test_the_recap_never_cuts_a_list_in_two() -> None:
    long = (
        "Prime Minister inaugurates the Chenab Bridge, the world's highest railway arch bridge, and flags off a train"
    )
    assert recap_of(long) == "Prime Minister inaugurates the Chenab Bridge"
    assert recap_of("A short one.") == "A short one"
    listed = "Ministers of Agriculture, Rural Development, Water, Power, Coal, Steel, Mines and Railways met in Delhi"
    assert recap_of(listed).endswith("…")
    assert len(recap_of(listed)) <= MAX_RECAP


@pytest.mark.parametrize(("text", "words"), [("two words", 2), ("x" * 60, 5), ("– ।", 0)])
def test_words_are_counted_as_they_are_said(text: str, words: float) -> None:
    assert spoken_words(text) == pytest.approx(words)


def test_figures_take_longer_than_words() -> None:
    assert spoken_words("1,315 metres") > spoken_words("some metres") + 1


def test_a_script_has_intro_points_and_outro() -> None:
    brief = replace(BRIEF, edition="evening", headlines=tuple(replace(BRIEF.headlines[0], title=t) for t in "ABC"))
    script = build_script(brief, PROGRAMME)
    assert [segment.kind.value for segment in script.segments] == ["intro", "point", "point", "point", "outro"]
    assert [segment.number for segment in script.segments] == [None, 1, 2, 3, None]
    intro, first, second, last, outro = script.segments
    assert intro.narration == f"{PROGRAMME} for Friday, 6 June 2025. A cut. 3 stories today."
    assert (intro.heading, intro.lines) == ("A cut", ("Evening edition",))
    assert first.narration == "First. A. It is so."
    assert second.narration.startswith("Next. B.")
    assert last.narration.startswith("And finally. C.")
    assert first.source == "RBI"
    assert outro.lines == ("A", "B", "C")
    assert PROGRAMME in outro.narration


def test_a_hindi_brief_gets_a_hindi_script() -> None:
    brief = Brief(date(2025, 11, 3), "शीर्षक", (Headline("भारत जीता", ("यह सच है।",), "आईसीसी"),), "hi")
    script = build_script(brief, "समाचार")
    assert script.segments[0].narration == "समाचार। सोमवार, 3 नवंबर 2025। शीर्षक। आज 1 ख़बर।"
    assert script.segments[1].narration == "आज की ख़बर। भारत जीता। यह सच है।"
    assert not set("".join(f"{s.heading}{s.narration}{s.lines}" for s in script.segments)) & set(string.ascii_letters)


def test_a_recap_of_many_headlines_says_how_many_more_there_are() -> None:
    headlines = tuple(Headline(f"Headline {n}", ("It is so.",), "RBI") for n in range(12))
    outro = build_script(replace(BRIEF, headlines=headlines), PROGRAMME).segments[-1]
    assert len(outro.lines) == 6
    assert outro.lines[-1] == "and 7 stories more"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_briefs_make_videos_of_one_to_two_and_a_half_minutes(path: Path) -> None:
    script = build_script(read_brief(path), PROGRAMME)
    assert 60 <= script.duration_s <= 150
    for segment in script.segments:
        assert len(segment.lines) <= 6
        assert all(len(line) <= LONGEST and not line.endswith("…") for line in segment.lines)
        assert "₹" not in segment.narration
        assert "%" not in segment.narration
    points = [segment for segment in script.segments if segment.kind is SegmentKind.POINT]
    assert all(2 <= len(segment.lines) <= MAX_LINES for segment in points)


def test_the_short_brief_of_the_demo_makes_a_video_of_about_a_minute() -> None:
    (path,) = (path for path in ALL_SHIPPED if path.stem == SHORT)
    script = build_script(read_brief(path), PROGRAMME)
    assert 30 <= script.duration_s <= 75
    assert script.points == 3


words = st.text(alphabet="abcXYZ 123.,;()₹%–…’कखा़।-", min_size=1, max_size=120).filter(
    lambda text: any(map(str.isalnum, text))
)
headlines = st.builds(Headline, words, st.lists(words, min_size=1, max_size=8).map(tuple), words)
briefs = st.builds(
    Brief,
    st.dates(),
    words,
    st.lists(headlines, min_size=1, max_size=12).map(tuple),
    st.sampled_from(["en", "hi", "en-IN"]),
    st.none() | words,
)


@settings(deadline=None, max_examples=100)
@given(briefs)
def test_any_brief_makes_a_whole_script(brief: Brief) -> None:
    script = build_script(brief, PROGRAMME)
    assert script == build_script(brief, PROGRAMME)
    assert [segment.index for segment in script.segments] == list(range(len(script.segments)))
    points = [segment for segment in script.segments if segment.kind is SegmentKind.POINT]
    assert [segment.heading for segment in points] == [headline.title for headline in brief.headlines]
    assert [segment.number for segment in points] == list(range(1, len(points) + 1))
    assert script.duration_s >= SHORTEST_VIDEO_S - 1e-6
    for segment in script.segments:
        assert segment.duration_s > 0
        assert segment.heading.strip()
        assert segment.narration.strip()
        assert "\n" not in segment.narration
        assert all(line.strip() for line in segment.lines)
    assert all(1 <= len(segment.lines) <= MAX_LINES for segment in points)


part = st.tuples(
    st.text(alphabet="abc", min_size=1, max_size=20),
    st.sampled_from([" ", ", ", ", which ", "; ", " – ", " (x) ", ", the "]),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(part, min_size=1, max_size=60))
def test_no_word_is_cut(parts: list[tuple[str, str]]) -> None:
    text = "".join(map("".join, parts)) + "end"
    for line in itertools.chain(lines_of([text]), [recap_of(text)]):
        assert set(re.findall(r"\w+", line.lower())) <= set(re.findall(r"\w+", text.lower()))
        assert len(line) <= LONGEST
    assert COMFORTABLE < LONGEST


def call(brief: Brief | None, workdir: Path) -> Call:
    now = datetime(2025, 6, 6, tzinfo=UTC)
    job = Job("j", 1, "daily_ca", Priority.HIGH, JobStatus.PROCESSING, {}, 0, 3, now, now)
    return Call(job, StageName.SCRIPT_GEN, workdir, 60, "c", "j:script_gen", brief)


async def test_the_provider_hands_on_the_script(tmp_path: Path) -> None:
    provider: Provider = TemplateScript(PROGRAMME)
    assert (provider.name, provider.service) == ("template-script", None)
    output = await provider.run(call(BRIEF, tmp_path))
    assert output.provider == "template-script"
    assert not output.degraded
    assert script_from_json(output.data["script"]) == build_script(BRIEF, PROGRAMME)


async def test_the_provider_refuses_a_brief_without_headlines(tmp_path: Path) -> None:
    with pytest.raises(StageFailure, match="needs a headline"):
        await TemplateScript(PROGRAMME).run(call(replace(BRIEF, headlines=()), tmp_path))
    with pytest.raises(RuntimeError, match="must need stage brief"):
        await TemplateScript(PROGRAMME).run(call(None, tmp_path))


async def test_a_brief_in_hindi_gets_the_programme_s_hindi_name(tmp_path: Path) -> None:
    names = ContentSettings().programme_names
    hindi = replace(BRIEF, language="hi-IN")
    output = await TemplateScript(PROGRAMME, names).run(call(hindi, tmp_path))
    said = " ".join(segment.narration for segment in script_from_json(output.data["script"]).segments)
    assert names["hi"] in said
    assert PROGRAMME not in said
    own = ContentSettings(programme="Our Institute", programmes={"mr": "आमची संस्था"}).programme_names
    assert name_in("hi", "Our Institute", own) == "Our Institute", "the name that ships is not put over another one"
    assert name_in("mr", "Our Institute", own) == "आमची संस्था"
