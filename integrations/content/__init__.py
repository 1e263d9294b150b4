"""Briefs: Markdown files with front matter and the folder they lie in; the format stands in ``docs/briefs.md``."""

from __future__ import annotations

from integrations.content.brief_file import parse_brief, read_brief
from integrations.content.problems import BriefError, BriefProblem
from integrations.content.source import BriefFolder

__all__ = ["BriefError", "BriefFolder", "BriefProblem", "parse_brief", "read_brief"]
