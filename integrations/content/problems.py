"""What is wrong with a brief.

::

    BriefError              carries every BriefProblem that was found, not just the first
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BriefProblem:
    """One thing that is wrong.

    Attributes:
        where: ``line 12`` of a file, ``headlines[2].title`` of a JSON object, or empty for the whole.
        message: what is wrong and what to do about it.
        line: 1-based line of the file, or None.
    """

    where: str
    message: str
    line: int | None = None

    @classmethod
    def at_line(cls, line: int, message: str) -> BriefProblem:
        """A problem on a line of a file."""
        return cls(f"line {line}", message, line)

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class BriefError(Exception):
    """A brief cannot be used.

    Args:
        origin: the file or place it came from, for people.
        problems: everything that is wrong, in the order of the text.
    """

    def __init__(self, origin: str, problems: Sequence[BriefProblem]) -> None:
        self.origin = origin
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        count = len(self.problems)
        head = f"brief {origin} has a problem:" if count == 1 else f"brief {origin} has {count} problems:"
        super().__init__("\n  ".join([head, *map(str, self.problems)]))
