"""What is asked before something is done. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        title: ``Stop this job?``
        touches: what will be changed, one line; harmless text.
        effect: what will happen, a sentence or two.
        verb: the button that does it.
    """

    title: str
    touches: str
    effect: str
    verb: str
