"""docs/jobs.md explains every field of the filter language, and its examples can be read."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from scheduler.domain.filter import Field
from scheduler.filters import parse

PAGE = Path(__file__).parents[2] / "docs" / "jobs.md"
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def section() -> str:
    return PAGE.read_text().partition("## Filters")[2].partition("\n## ")[0]


def test_every_field_stands_in_the_table_and_every_example_is_read() -> None:
    examples = [
        code for row in re.findall(r"^\| (`.*?`) \|", section(), re.MULTILINE) for code in re.findall(r"`([^`]+)`", row)
    ]
    assert len(examples) > len(Field)
    fields = {term.field for example in examples for term in parse(example, now=NOW).terms}
    assert fields == set(Field)


def test_filters_of_the_commands_are_read() -> None:
    commands = re.findall(r"^predawn jobs list (.*?)(?: --sort .*)?$", section(), re.MULTILINE)
    commands += re.findall(r"--filter '(.*?)'", section())
    assert len(commands) == 4
    for text in commands:
        assert parse(text, now=NOW).terms, text
