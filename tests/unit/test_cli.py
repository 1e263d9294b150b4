from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from console.cli.jobs import parse_deadline, read_payload
from console.cli.output import plain
from console.cli.run import redacted_url
from console.cli.selection import filter_text
from scheduler.domain.job import JobStatus

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


def test_the_command_line_does_not_import_the_console() -> None:
    script = (
        "import sys, console.cli.main as cli; cli.command_line();"
        "sys.exit(any(name.split('.')[0] == 'textual' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_help_needs_neither_database_nor_media() -> None:
    script = (
        "import sys, console.cli.main as cli; cli.command_line();"
        "heavy = {'sqlmodel', 'sqlalchemy', 'av', 'PIL', 'fastapi', 'uvicorn', 'httpx', 'numpy'};"
        "sys.exit(sorted(heavy & {name.split('.')[0] for name in sys.modules}) or None)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_who_only_looks_and_commands_loads_no_worker() -> None:
    script = "import sys, scheduler.operations; sys.exit('scheduler.queue.worker' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_render_loads_neither_the_api_nor_slack_nor_what_its_children_render_with() -> None:
    script = (
        "import sys, console.bootstrap.once;"
        "heavy = {'fastapi', 'slack_sdk', 'aiohttp', 'textual', 'av', 'PIL', 'numpy'};"
        "sys.exit(sorted(heavy & {name.split('.')[0] for name in sys.modules}) or None)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("+90", datetime(2026, 11, 20, 23, 30, tzinfo=UTC)),
        ("2026-11-21T06:00+05:30", datetime(2026, 11, 21, 0, 30, tzinfo=UTC)),
        ("2026-11-21T00:30Z", datetime(2026, 11, 21, 0, 30, tzinfo=UTC)),
    ],
)
def test_deadlines(text: str | None, expected: datetime | None) -> None:
    assert parse_deadline(text, NOW) == expected


@pytest.mark.parametrize("text", ["tomorrow", "+soon", "2026-11-21T06:00"])
def test_deadlines_that_are_none(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="deadline"):
        parse_deadline(text, NOW)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["status:failed", "-tag:test"], "status:failed -tag:test"),
        (["status:failed type:daily_ca"], "status:failed type:daily_ca"),
        (["error:timed out"], 'error:"timed out"'),
        (["-error:timed out"], '-error:"timed out"'),
        (["free text", "word"], '"free text" word'),
        (['error:"timed out" x'], 'error:"timed out" x'),
        (["free text status:failed"], "free text status:failed"),
        ([], ""),
    ],
)
def test_filters_get_the_quotes_back_that_the_shell_took(words: list[str], text: str) -> None:
    assert filter_text(words) == text


def test_option_that_does_not_exist_is_no_filter() -> None:
    with pytest.raises(typer.BadParameter, match="no such option: --limt"):
        filter_text(["--limt=5"])


def test_payload_from_text_and_file(tmp_path: Path) -> None:
    file = tmp_path / "payload.json"
    file.write_text('{"a": 1}', encoding="utf-8")
    assert read_payload('{"a": 1}') == read_payload(str(file)) == {"a": 1}


@pytest.mark.parametrize("text", ["[1]", "{", "no-such-file.json"])
def test_payloads_that_are_none(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        read_payload(text)


def test_plain_values_for_json() -> None:
    value = {"at": NOW, "status": JobStatus.QUEUED, "path": Path("/a"), "many": (1, 2)}
    assert plain(value) == {"at": "2026-11-20T22:00:00+00:00", "status": "queued", "path": "/a", "many": [1, 2]}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("postgresql://ann:secret@db:5432/x", "postgresql://ann:********@db:5432/x"),
    ],
)
def test_a_password_in_a_database_url_is_not_shown(url: str, shown: str) -> None:
    assert redacted_url(url) == shown
