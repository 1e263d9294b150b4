"""The Textual console."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.sections.base import Section


class ConsoleSettings(Section):
    """The Textual console."""

    refresh_s: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    """Seconds between looks at the database."""
    ascii: bool = False
    """Only ASCII signs."""
