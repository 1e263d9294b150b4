"""Who may do what at the console and the command line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from config.sections.base import Section

UnixName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}\$?$")]
RoleWord = Literal["viewer", "operator", "admin"]


class AccessSettings(Section):
    """Roles at the console and the command line. Nobody listed: the owner of ``home`` is admin, others are viewers."""

    users: dict[UnixName, RoleWord] = {}
    """Roles by login name: ``{ ann = "admin" }``. Who is listed neither here nor by a group is a viewer."""
    groups: dict[UnixName, RoleWord] = {}
    """Roles by Unix group, for who is not listed by name; of several the highest counts."""
