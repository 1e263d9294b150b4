"""What is wrong with a configuration.

::

    ConfigError             carries every Problem that was found, not just the first
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        where: the place to change: ``/etc/predawn.toml:12``, ``env PREDAWN_QUEUE__LEASE_S``, ``flag``.
        key: dotted key of the setting; empty when the problem is not one setting's.
        message: what is wrong and what is accepted.
    """

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.message}" if self.key else f"{self.where}: {self.message}"


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` lists everything that is wrong with it."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "the configuration has a problem" if count == 1 else f"the configuration has {count} problems"
        super().__init__("\n  ".join([f"{head}:", *map(str, self.problems)]))


def did_you_mean(key: str, candidates: Iterable[str], *, separator: str = ".", prefix: str = "") -> str:
    """`` (did you mean queue.lease_s?)`` for the candidate nearest to ``key``, or an empty string.

    A candidate with the same last part in another table is nearest, then one of the same table, then any. ``prefix`` is
    what every candidate begins with; it says nothing about how near they are.
    """
    known = [name.removeprefix(prefix) for name in candidates]
    key = key.removeprefix(prefix)
    parent, _, last = key.rpartition(separator)
    same_name = [name for name in known if name.rpartition(separator)[2] == last]
    siblings = {name.rpartition(separator)[2]: name for name in known if name.rpartition(separator)[0] == parent}
    near = difflib.get_close_matches(key, same_name, n=1, cutoff=0)
    if not near:
        near = [siblings[name] for name in difflib.get_close_matches(last, siblings, n=1)]
    if not near:
        near = difflib.get_close_matches(key, known, n=1)
    return f" (did you mean {prefix}{near[0]}?)" if near else ""


def mask_passwords(text: str) -> str:
    """``text`` with the password of every URL in it replaced by ``********``."""
    return re.sub(r"(?<=//)([^/\s:@]*):[^/\s@]+@", r"\1:********@", text)
