"""predawn's own HTTP API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.sections.base import Section


class ApiSettings(Section):
    """predawn's own HTTP API inside the daemon."""

    enabled: bool = True
    """Whether the daemon serves it."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8103
    """Port to listen on; 0: any free one."""
