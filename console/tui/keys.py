"""All keys as one table: bindings, footer, help, palette and docs/console.md are made from it. Pure.

A key can be remapped by its id. None that tmux or screen take (ctrl-b, ctrl-a), none that terminals cannot tell apart
from another (ctrl-j, ctrl-enter).
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class KeyAction:
    """One thing a key does.

    Attributes:
        id: stable name, for remapping.
        key: Textual's names, several separated by commas; the first one is shown.
        action: Textual action, run on what ``where`` names.
        short: a word or two for the footer.
        description: one sentence for help, palette and docs.
        where: ``everywhere``, ``list``, ``job``, ``schedule``, ``text``, ``dialog``.
        footer: whether the footer shows it.
    """

    id: str
    key: str
    action: str
    short: str
    description: str
    where: str
    footer: bool = True


KEYS: tuple[KeyAction, ...] = (
    KeyAction("screen.tonight", "1", "app.screen('tonight')", "Tonight", "Go to Tonight: the verdict, the stages, the queue, the services", "everywhere", footer=False),  # noqa: E501
    KeyAction("screen.jobs", "2", "app.screen('jobs')", "Jobs", "Go to Jobs: the list at full size", "everywhere", footer=False),  # noqa: E501
    KeyAction("screen.schedule", "3", "app.screen('schedule')", "Schedule", "Go to Schedule: what is due, and when", "everywhere", footer=False),  # noqa: E501
    KeyAction("job.open", "enter", "open", "open", "Open the job: payload, renders, attempts, errors, result", "list"),
    KeyAction("job.cancel", "c", "job('cancel')", "cancel", "Cancel the job (asks first)", "job"),
    KeyAction("job.retry", "r", "job('retry')", "retry", "Queue a failed or cancelled job again; finished stages are kept (asks first)", "job"),  # noqa: E501
    KeyAction("job.rerender", "R,shift+r", "job('rerender')", "re-render", "Make an ended job anew from the first stage (asks first)", "job"),  # noqa: E501
    KeyAction("schedule.run", "r", "run_schedule", "run now", "Queue the schedule's run now (asks first)", "schedule"),
    KeyAction("schedule.pause", "p", "pause_schedule", "pause/resume", "Pause the schedule, or resume a paused one (asks first)", "schedule"),  # noqa: E501
    KeyAction("list.down", "down,j", "cursor(1)", "down", "One row down", "list", footer=False),
    KeyAction("list.up", "up,k", "cursor(-1)", "up", "One row up", "list", footer=False),
    KeyAction("list.page-down", "pagedown,space", "page(1)", "page down", "One page down", "list", footer=False),
    KeyAction("list.page-up", "pageup", "page(-1)", "page up", "One page up", "list", footer=False),
    KeyAction("list.first", "home,g", "edge(-1)", "first", "To the first row", "list", footer=False),
    KeyAction("list.last", "end,G", "edge(1)", "last", "To the last row", "list", footer=False),
    KeyAction("text.down", "down,j", "scroll_down", "down", "Scroll a line down", "text", footer=False),
    KeyAction("text.up", "up,k", "scroll_up", "up", "Scroll a line up", "text", footer=False),
    KeyAction("text.page-down", "pagedown,space", "page_down", "page", "Scroll a page down", "text", footer=False),
    KeyAction("text.page-up", "pageup", "page_up", "page up", "Scroll a page up", "text", footer=False),
    KeyAction("text.first", "home,g", "scroll_home", "start", "To the start of the text", "text", footer=False),
    KeyAction("text.last", "end,G", "scroll_end", "end", "To the end of the text", "text", footer=False),
    KeyAction("app.back", "escape", "back", "back", "Close what is open; on a screen, put the notice away", "everywhere", footer=False),  # noqa: E501
    KeyAction("app.help", "question_mark", "app.help", "help", "Show this help", "everywhere"),
    KeyAction("app.palette", "colon,ctrl+p", "app.command_palette", "commands", "Find a command by name", "everywhere"),
    KeyAction("app.redraw", "ctrl+l", "app.redraw", "redraw", "Draw the whole screen anew", "everywhere", footer=False),
    KeyAction("app.quit", "q", "app.quit", "quit", "Leave; under up and demo the daemon stops too", "everywhere"),
)  # fmt: skip

_LABELS = {
    "question_mark": "?",
    "colon": ":",
    "escape": "esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "up": "up",
    "down": "down",
    "shift+r": "",
}

HEADINGS: dict[str, str] = {
    "everywhere": "Everywhere",
    "job": "On a job (Tonight, Jobs and a job's detail)",
    "schedule": "On a schedule",
    "list": "In a list",
    "text": "In a text",
}
"""The sections of help and docs, in their order."""


def keys_of(*places: str) -> tuple[KeyAction, ...]:
    """The actions of these places, in the table's order."""
    return tuple(key for key in KEYS if key.where in places)


def keys_by_id(*ids: str) -> tuple[KeyAction, ...]:
    """The actions of these ids."""
    return tuple(key for key in KEYS if key.id in ids)


def bindings_of(*places: str) -> list[BindingType]:
    """The same as Textual bindings; Textual's own footer is not used."""
    return [
        Binding(key.key, key.action, key.description, show=False, id=key.id, priority=False) for key in keys_of(*places)
    ]


def key_label(keys: str) -> str:
    """The first of ``keys`` as people write it: ``?``, ``ctrl-p``, ``PgDn``."""
    first = keys.split(",", maxsplit=1)[0]
    return _LABELS.get(first, first.replace("+", "-"))


def all_labels(keys: str) -> str:
    """All of ``keys``: ``: ctrl-p``."""
    labels = [_LABELS.get(key, key.replace("+", "-")) for key in keys.split(",")]
    return " ".join(label for label in labels if label)


def keys_table() -> str:
    """The table of docs/console.md, in Markdown."""
    rows = ["| where | key | does | id |", "|---|---|---|---|"]
    for place, heading in HEADINGS.items():
        for key in keys_of(place):
            labels = " ".join(f"`{label}`" for label in all_labels(key.key).split())
            rows.append(f"| {heading} | {labels} | {key.description} | `{key.id}` |")
    return "\n".join(rows)
