"""The YAML head of a brief: a few plain ``key: value`` lines, with the line number of each."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from integrations.content.limits import edition_problems, language_of, language_problem, title_problems
from integrations.content.problems import BriefProblem
from integrations.content.text import one_line

if TYPE_CHECKING:
    import yaml

KEYS = ("date", "title", "language", "edition")
REQUIRED = ("date", "title")
FENCE = "---"
MAX_CHARACTERS = 2048
"""A YAML parser takes long over text that is meant to make it do so."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the front matter says; fields with a problem are None."""

    date: date | None = None
    title: str | None = None
    language: str = "en"
    edition: str | None = None
    problems: Sequence[BriefProblem] = field(default_factory=tuple[BriefProblem, ...])


@dataclass(frozen=True, slots=True)
class _Entry:
    text: str
    line: int


def split_front_matter(lines: Sequence[str]) -> tuple[Head, int]:
    """Read the front matter.

    Args:
        lines: the whole file.

    Returns:
        The head, and the index of the first line behind it.
    """
    start = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    if start == len(lines):
        return Head(problems=[BriefProblem("", "it is empty; see docs/briefs.md for an example")]), start
    if lines[start].strip() != FENCE:
        problem = f'the file must begin with "{FENCE}", then date: and title:, then "{FENCE}" again'
        return Head(problems=[BriefProblem.at_line(start + 1, problem)]), start
    end = next((index for index in range(start + 1, len(lines)) if lines[index].strip() in {FENCE, "..."}), None)
    if end is None:
        problem = f'the front matter is never closed; put a line "{FENCE}" behind it'
        return Head(problems=[BriefProblem.at_line(start + 1, problem)]), len(lines)
    return _read("\n".join(lines[start + 1 : end]), first_line=start + 2, end_line=end + 1), end + 1


def _read(text: str, *, first_line: int, end_line: int) -> Head:
    problems: list[BriefProblem] = []
    entries = _entries(text, first_line, problems)
    broken = bool(problems) and not entries
    if not broken:
        problems += [
            BriefProblem.at_line(end_line, f"{key}: is missing; add {_example(key)}")
            for key in REQUIRED
            if key not in entries
        ]
    day = title = edition = None
    if (entry := entries.get("date")) is not None:
        day = _date(entry, problems)
    language = "en"
    if (entry := entries.get("title")) is not None:
        title = one_line(entry.text)
        problems += [BriefProblem.at_line(entry.line, message) for message in title_problems(title)]
    if (entry := entries.get("edition")) is not None:
        edition = one_line(entry.text)
        problems += [BriefProblem.at_line(entry.line, message) for message in edition_problems(edition)]
    if (entry := entries.get("language")) is not None:
        language = language_of(entry.text) or "en"
        if language_of(entry.text) is None:
            problems.append(BriefProblem.at_line(entry.line, language_problem(entry.text)))
    return Head(day, title, language, edition, problems)


def _entries(text: str, first_line: int, problems: list[BriefProblem]) -> dict[str, _Entry | None]:
    """The keys and their texts, None for a value that is no text.

    Values are never built by YAML: a date stays the text that was written.
    """
    if len(text) > MAX_CHARACTERS:
        message = (
            f"the front matter has {len(text)} characters, at most {MAX_CHARACTERS} are read; the text goes below it"
        )
        problems.append(BriefProblem.at_line(first_line, message))
        return {}
    import yaml  # noqa: PLC0415 - 15 ms that a console which opens no brief does not wait for

    root = None
    try:
        problems += _refused_tokens(text, first_line)
        root = None if problems else yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark is not None else 0)
        message = f'is not YAML ({error.problem}); write "key: value", with the value in "quotes" when it holds a colon'
        problems.append(BriefProblem.at_line(line, message))
    except (yaml.YAMLError, RecursionError) as error:
        message = f"the front matter is not YAML ({type(error).__name__}); write only key: value lines"
        problems.append(BriefProblem.at_line(first_line, message))
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        problems.append(BriefProblem.at_line(first_line, f"the front matter must be lines like {_example('date')}"))
        return {}
    return _mapping(root, first_line, problems)


def _refused_tokens(text: str, first_line: int) -> list[BriefProblem]:
    import yaml  # noqa: PLC0415 - see _entries

    message = 'YAML anchors (&), aliases (*) and tags (!) are not taken; put the text in "quotes"'
    return [
        BriefProblem.at_line(first_line + token.start_mark.line, message)
        for token in yaml.scan(text, Loader=yaml.SafeLoader)
        if isinstance(token, yaml.AnchorToken | yaml.AliasToken | yaml.TagToken)
    ]


def _mapping(root: yaml.MappingNode, first_line: int, problems: list[BriefProblem]) -> dict[str, _Entry | None]:
    import yaml  # noqa: PLC0415 - see _entries

    entries: dict[str, _Entry | None] = {}
    lines: dict[str, int] = {}
    for key, value in root.value:
        line = first_line + key.start_mark.line
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
        if name not in KEYS:
            near = difflib.get_close_matches(name.lower(), KEYS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(KEYS)}"
            problems.append(BriefProblem.at_line(line, f"there is no key {name!r}; {hint}"))
        elif name in entries:
            message = f"{name}: stands here again (first on line {lines[name]}); keep one"
            problems.append(BriefProblem.at_line(line, message))
        elif not isinstance(value, yaml.ScalarNode):
            problems.append(BriefProblem.at_line(line, f"{name}: must be one text, like {_example(name)}"))
            entries[name] = None
        else:
            entries[name] = _Entry(str(value.value), line)
        lines.setdefault(name, line)
    return entries


def _date(entry: _Entry, problems: list[BriefProblem]) -> date | None:
    text = entry.text.strip()
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        reason = f" ({error})" if "month" in str(error) or "day" in str(error) else ""
        message = f"date: {text!r} is no date{reason}; write it like {_example('date')}"
        problems.append(BriefProblem.at_line(entry.line, message))
        return None
    if text != day.isoformat():
        # Python reads 20250606 and 2025-W23-5, too; files are found by the one form that people read.
        problems.append(BriefProblem.at_line(entry.line, f"date: {text!r} must be written {day.isoformat()}"))
    return day


def _example(key: str) -> str:
    examples = {"date": "date: 2025-06-06", "title": 'title: "RBI cuts the repo rate"', "language": "language: en"}
    return examples.get(key, "edition: morning")
