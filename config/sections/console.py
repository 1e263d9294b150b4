"""The Textual console."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.sections.base import Section


class ConsoleSettings(Section):
    """The Textual console."""

    refresh_s: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    """Seconds between looks at the database."""
    ascii: bool = False
    """Only ASCII signs."""
    theme: Literal["auto", "dark", "light", "contrast", "16", "mono"] = "auto"
    """Colours. auto: dark, or 16 on the Linux console and the like, or mono with NO_COLOR, which stands above this."""
    keys: dict[str, str] = {}
    """Other keys by action id, several separated by blanks: {"job.cancel" = "x", "list.down" = "down n"}."""
    views: dict[str, str] = {}
    """Filters of the job list under a name: {"late nights" = "type:daily_ca after:-7d status:failed"}."""
    arm: bool = False
    """What takes something away (cancel, re-render) has to be armed with ! first; it stays armed for 30 seconds."""
