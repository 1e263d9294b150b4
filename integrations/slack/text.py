"""Text as Slack takes it: escaped, and never longer than the field allows. Pure."""

from __future__ import annotations

HEADER, SECTION, BUTTON, VALUE, CONTEXT = 150, 3000, 75, 2000, 2000
"""Characters that Slack's Block Kit allows."""
TEXT = 4000
"""Characters of a message's own text, which notifications show."""
MENTION_START = ("<!subteam^", "<@", "<!here>", "<!channel>")
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escape(text: str, limit: int) -> str:
    """Text of others for Slack: a logged ``<!channel>`` must ping nobody.

    Never longer than ``limit``, and never cut inside an escape.
    """
    clean = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    out: list[str] = []
    length = 0
    for char in clean:
        piece = _ESCAPED.get(char, char)
        if length + len(piece) > limit - 1:
            return "".join(out) + "…"
        out.append(piece)
        length += len(piece)
    return "".join(out)


def mention_of(text: str | None) -> str:
    """The mention of the settings if it is one; nothing else goes out unescaped."""
    word = (text or "").strip()
    return word if word.startswith(MENTION_START) and word.endswith(">") and word.count("<") == 1 else ""
