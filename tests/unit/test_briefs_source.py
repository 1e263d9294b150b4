from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from config.settings import SHIPPED_BRIEFS
from integrations.content import BriefFolder
from scheduler.domain.codec import brief_to_json
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.ports.content import BriefSource

DAY = date(2025, 6, 6)


def text_of(day: str, title: str = "Today") -> str:
    return f"---\ndate: {day}\ntitle: {title}\n---\n## One\nIt is so.\nSource: RBI\n"


def put(folder: Path, name: str, title: str = "Today") -> Path:
    path = folder / name
    path.write_text(text_of(name[:10], title), encoding="utf-8")
    return path


def item(**change: Any) -> dict[str, Any]:
    return {"headlines": [{"title": "x", "sentences": ["a"], "source": "y", **change}]}


def refused(folder: Path, payload: Mapping[str, Any], run_date: date | None = None, stale_days: int = 1) -> str:
    with pytest.raises(StageFailure) as caught:
        BriefFolder(folder, stale_days).resolve(payload, run_date)
    assert caught.value.kind is FailureClass.INVALID_INPUT
    assert not caught.value.retryable
    return caught.value.message


def test_the_brief_of_the_day_is_taken(tmp_path: Path) -> None:
    put(tmp_path, "2025-06-05-x.md")
    path = put(tmp_path, "2025-06-06-x.md")
    put(tmp_path, "2025-06-07-x.md")
    source: BriefSource = BriefFolder(tmp_path, 1)
    found = source.resolve({}, DAY)
    assert (found.brief.date, found.stale, found.origin) == (DAY, False, str(path))


def test_of_several_of_one_day_the_first_by_name_is_taken(tmp_path: Path) -> None:
    put(tmp_path, "2025-06-06-b.md", "B")
    put(tmp_path, "2025-06-06-a.md", "A")
    assert BriefFolder(tmp_path, 1).resolve({}, DAY).brief.title == "A"


@pytest.mark.parametrize(
    ("name", "stale_days", "found"),
    [
        ("2025-06-05.md", 1, True),
        ("2025-06-04.md", 1, False),
        ("2025-06-04.md", 2, True),
        ("2025-06-05.md", 0, False),
        ("2025-06-07.md", 5, False),
    ],
)
def test_an_older_brief_within_the_limit_is_taken_as_stale(
    tmp_path: Path, name: str, stale_days: int, *, found: bool
) -> None:
    put(tmp_path, name)
    if found:
        assert BriefFolder(tmp_path, stale_days).resolve({}, DAY).stale
    else:
        message = refused(tmp_path, {}, DAY, stale_days)
        assert f"looked for 2025-06-06*.md in {tmp_path}" in message
        assert f"the newest there is of {name[:10]}" in message


def test_other_files_and_folders_are_no_briefs(tmp_path: Path) -> None:
    (tmp_path / "2025-06-06.md").mkdir()
    for name in ("2025-06-06.txt", "2025-06-066.md", "2025-13-01.md", "notes.md"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    assert "there is none at all" in refused(tmp_path, {}, DAY)


def test_a_bad_brief_of_the_day_is_not_passed_over_for_an_older_one(tmp_path: Path) -> None:
    put(tmp_path, "2025-06-05.md")
    (tmp_path / "2025-06-06.md").write_text("---\ndate: 2025-06-06\n---\n## One\nSource: x\n", encoding="utf-8")
    message = refused(tmp_path, {}, DAY)
    assert "2025-06-06.md has 2 problems:\n  line 3: title: is missing" in message
    with pytest.raises(StageFailure) as caught:
        BriefFolder(tmp_path, 1).resolve({}, DAY)
    assert [str(problem)[:6] for problem in caught.value.details["problems"]] == ["line 3", "line 4"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "nowhere does not exist; make it, or set content.briefs_dir" in refused(tmp_path / "nowhere", {}, DAY)


def test_without_date_and_brief_the_job_says_what_it_needs(tmp_path: Path) -> None:
    assert "neither a run date nor a brief" in refused(tmp_path, {})


def test_a_payload_may_name_a_file_by_relative_or_absolute_path(tmp_path: Path) -> None:
    path = put(tmp_path, "2025-06-06-x.md")
    for name in ("2025-06-06-x.md", str(path)):
        found = BriefFolder(tmp_path, 1).resolve({"brief": name}, date(2026, 1, 1))
        assert (found.brief.date, found.stale, found.origin) == (DAY, False, str(path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/etc/passwd", "is no .md file"),
        ("../../etc/passwd", "is no .md file"),
        ("link.md", "is no .md file"),
        ("pipe.md", "there is no file"),
        ("folder.md", "there is no file"),
        ("none.md", "there is no file"),
        ("a\0.md", "is no path"),
        ("x" * 5000 + ".md", "is no path"),
        ("", "is no .md file"),
    ],
)
def test_a_payload_can_only_name_markdown_files(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "secret.txt").write_text("s3cret", encoding="utf-8")
    (tmp_path / "link.md").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "folder.md").mkdir()
    os.mkfifo(tmp_path / "pipe.md")
    found = refused(tmp_path, {"brief": name})
    assert message in found
    assert "s3cret" not in found


def test_a_payload_may_hold_the_markdown_or_the_object(tmp_path: Path) -> None:
    folder = BriefFolder(tmp_path, 1)
    by_text = folder.resolve({"brief_text": text_of("2025-06-06")}, None)
    assert by_text.origin == "payload.brief_text"
    by_object = folder.resolve({"brief": brief_to_json(by_text.brief)}, None)
    assert by_object.brief == by_text.brief
    assert by_object.origin == "payload.brief"


def test_an_object_is_put_right_and_checked_as_a_file_is(tmp_path: Path) -> None:
    headline = {"title": " Cafe\u0301\x07 ", "sentences": ["It\ud800 is  so."], "source": "RBI"}
    payload: dict[str, Any] = {
        "brief": {"date": "2025-06-06", "title": "T", "language": "hi-IN", "headlines": [headline]}
    }
    brief = BriefFolder(tmp_path, 1).resolve(payload, None).brief
    assert brief.language == "hi"
    assert (brief.headlines[0].title, brief.headlines[0].sentences) == ("Café", ("It is so.",))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"date": "x"}, "brief.date must be a date like"),
        ({"title": None}, "brief.title must be str"),
        ({"title": "  "}, "title: the title is empty"),
        ({"language": 5}, "language: must be text, not int"),
        ({"language": "fr"}, "language: language 'fr' is not spoken here"),
        ({"edition": ["x"]}, "edition: must be text, not list"),
        ({"headlines": []}, "headlines: there is no headline"),
        (item(sentences=[]), "headlines[0].sentences: headline 'x' has no text"),
        (item(source=""), "headlines[0].source: the source is empty"),
        (item(source_url=5), "headlines[0].source_url: the source's"),
        ({"headlines": item()["headlines"] * 2}, "headlines[1].title: is the same as headlines[0]"),
        (item(sentences=["z" * 401]), "headlines[0].sentences[0]: the sentence has 401"),
    ],
)
def test_a_bad_object_is_explained_with_its_field(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    good = {"date": "2025-06-06", "title": "T", **item()}
    assert expected in refused(tmp_path, {"brief": {**good, **change}})


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"brief": 5}, "payload.brief must be an object or the path of a .md file, not int"),
        ({"brief_text": 5}, "payload.brief_text must be Markdown, not int"),
        ({"brief": "x.md", "brief_text": "y"}, "both brief and brief_text"),
        ({"brief_text": ""}, "brief payload.brief_text has a problem"),
    ],
)
def test_a_payload_of_another_kind_is_refused(tmp_path: Path, payload: dict[str, Any], message: str) -> None:
    assert message in refused(tmp_path, payload)


def test_the_shipped_briefs_are_found_by_date() -> None:
    folder = BriefFolder(SHIPPED_BRIEFS, 1)
    assert folder.resolve({}, date(2025, 11, 4)).stale
    assert folder.resolve({}, date(2025, 11, 3)).brief.language == "hi"
