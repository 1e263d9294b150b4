"""Everything the keys do as one table: bindings, footer, help, palette and docs/console.md are made from it. Pure.

A key can be given to another by its id (``[console.keys]``). None is taken that tmux or screen take (ctrl-b, ctrl-a),
none that terminals cannot tell from another (ctrl-j, ctrl-m, ctrl-i, ctrl-[, ctrl-enter).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from console.tui.registry import SCREENS, ScreenEntry
from scheduler.domain.access import Role


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a key does.

    Attributes:
        id: stable name, for remapping.
        key: Textual's names, several separated by commas; the first one is shown.
        action: Textual action, run on what has the scope.
        label: a word or two for the footer.
        description: one sentence for help, palette and docs.
        scope: one of ``HEADINGS``: where it works.
        role: who may do it.
        destructive: it takes something away: an arm key is asked for where the config wants one.
        footer: whether the footer shows it.
        at_once: it opens a line to type in, and what is typed behind it in one go belongs there: it is looked at before
            the widget that has the keys. It does not work while something is typed.
    """

    id: str
    key: str
    action: str
    label: str
    description: str
    scope: str
    role: Role = Role.VIEWER
    destructive: bool = False
    footer: bool = True
    at_once: bool = False


HEADINGS: dict[str, str] = {
    "everywhere": "Everywhere",
    "job": "On a job (Tonight, Jobs and a job's detail)",
    "detail": "In a job's detail",
    "marks": "On many jobs (Jobs)",
    "jobs": "On the list of jobs (Jobs)",
    "schedule": "On a schedule",
    "service": "On a service",
    "alert": "On an alert (Tonight, Alerts)",
    "channels": "On the Alerts screen",
    "log": "In the logs",
    "audit": "In the audit trail",
    "metrics": "In the metrics",
    "open": "On a row (Tonight, Jobs, Logs)",
    "list": "In a list",
    "text": "In a text",
}
"""The scopes: the sections of help and docs, in their order."""


def _screen(one: ScreenEntry) -> Action:
    about = f"Go to {one.name}: {one.about}"
    return Action(
        f"screen.{one.mode}", one.key, f"app.screen('{one.mode}')", one.name, about, "everywhere", footer=False
    )


_OPERATOR = Role.OPERATOR

_JOB = (
    Action("job.open", "enter", "open", "open", "Open the job: payload, renders, attempts, errors, result", "open"),
    Action("job.cancel", "c", "job('cancel')", "cancel", "Cancel the job (asks first)", "job", _OPERATOR, destructive=True),  # noqa: E501
    Action("job.retry", "r", "job('retry')", "retry", "Queue a failed or cancelled job again; finished stages are kept (asks first)", "job", _OPERATOR),  # noqa: E501
    Action("job.raise", "plus", "job('raise')", "priority up", "Raise the priority of a queued job (asks first)", "job", _OPERATOR, footer=False),  # noqa: E501
    Action("job.lower", "minus", "job('lower')", "priority down", "Lower the priority of a queued job (asks first)", "job", _OPERATOR, footer=False),  # noqa: E501
    Action("job.rerender", "R,shift+r", "job('rerender')", "re-render", "Make an ended job anew from the first stage (asks first)", "job", _OPERATOR, destructive=True),  # noqa: E501
    Action("type.pause", "P,shift+p", "pause_type", "pause type", "Pause the job's type, or resume a paused one (asks first)", "job", _OPERATOR, footer=False),  # noqa: E501
)  # fmt: skip
_DETAIL = (
    Action("detail.copy", "y", "copy('url')", "copy", "Copy the address of the result (OSC 52)", "detail"),
    Action(
        "detail.copy-id", "Y,shift+y", "copy('id')", "copy id", "Copy the job's id (OSC 52)", "detail", footer=False
    ),
    Action("detail.raw", "t", "raw", "tree/raw", "The payload as a tree, or as it is", "detail"),
)
_MARKS = (
    Action("marks.toggle", "space", "mark", "mark", "Mark the job, or take its mark away, and go to the next", "marks"),
    Action(
        "marks.all", "asterisk", "mark_all", "mark all", "Mark all that match, also out of sight; again: none", "marks"
    ),
)
_JOBS = (
    Action(
        "jobs.filter", "slash", "filter", "filter", "Filter the list as you type; tab completes", "jobs", at_once=True
    ),
    Action("jobs.sort", "o", "sort", "order", "The next order: newest, oldest, as they will be claimed", "jobs"),
    Action("jobs.views", "v", "views", "views", "Kept filters: choose one, keep this one", "jobs"),
)
_SCHEDULE = (
    Action("schedule.run", "r", "run_schedule", "run now", "Queue the schedule's run now (asks first)", "schedule", _OPERATOR),  # noqa: E501
    Action("schedule.skip", "s", "skip_schedule", "skip/unskip", "Skip a run date of the schedule, or owe a skipped one again (asks for the date)", "schedule", _OPERATOR),  # noqa: E501
    Action("schedule.pause", "p", "pause_schedule", "pause/resume", "Pause the schedule, or resume a paused one (asks first)", "schedule", _OPERATOR),  # noqa: E501
)  # fmt: skip
_SERVICE = (
    Action("service.probe", "p", "probe", "probe now", "Probe all services now", "service", _OPERATOR),
    Action("service.maintenance", "m", "maintenance", "take out", "Maintenance: take the service out for a while (asks for how long, then whether)", "service", _OPERATOR, destructive=True),  # noqa: E501
    Action("service.maintenance-end", "M,shift+m", "maintenance_end", "take in", "Take the service in again (asks first)", "service", _OPERATOR),  # noqa: E501
)  # fmt: skip
_ALERT = (
    Action("alert.ack", "a", "ack", "acknowledge", "See to the alert: no repeats and no escalation for a while", "alert", _OPERATOR),  # noqa: E501
    Action("alert.mute", "m", "mute", "mute", "Keep the alert quiet for a while (asks for how long)", "alert", _OPERATOR),  # noqa: E501
    Action("alert.unmute", "M,shift+m", "unmute", "unmute", "End the mute", "alert", _OPERATOR),
)  # fmt: skip
_CHANNELS = (
    Action("alert.test", "t", "test_channels", "send a test", "Send a test over every channel that is set up (asks first)", "channels", _OPERATOR),  # noqa: E501
)  # fmt: skip
_LOG = (
    Action("log.filter", "slash", "filter", "filter", "Show only the calls in which all the words occur", "log"),
    Action("log.wrap", "w", "wrap", "wrap", "Long messages on several rows, or cut", "log"),
    Action("log.follow", "f", "follow", "follow", "Follow the newest call, or hold; going up holds", "log"),
)
_AUDIT = (
    Action("audit.filter", "slash", "filter", "filter", "Show only the lines in which all the words occur", "audit"),
    Action("audit.verify", "v", "verify", "verify", "Hold the chain of hashes against itself", "audit"),
)
_METRICS = (Action("metrics.days", "d", "days", "days", "Another number of days: 7, 30, 90, 365", "metrics"),)
_PAST = (
    Action("past.back", "left_square_bracket", "app.past(-10)", "back", "Look back: 10 seconds before what is shown", "everywhere", footer=False),  # noqa: E501
    Action("past.forward", "right_square_bracket", "app.past(10)", "forward", "10 seconds on again; past the present is the present", "everywhere", footer=False),  # noqa: E501
    Action("past.far-back", "left_parenthesis", "app.past(-300)", "far back", "5 minutes back", "everywhere", footer=False),  # noqa: E501
    Action("past.far-forward", "right_parenthesis", "app.past(300)", "far forward", "5 minutes on again", "everywhere", footer=False),  # noqa: E501
    Action("past.event-before", "left_curly_bracket", "app.event(-1)", "event before", "To the moment worth a look before: a verdict, a fallback, an alert, a service", "everywhere", footer=False),  # noqa: E501
    Action("past.event-after", "right_curly_bracket", "app.event(1)", "event after", "To the next one", "everywhere", footer=False),  # noqa: E501
    Action("past.jump", "at", "app.jump", "look back", "Choose a past moment: type a time, or take one from the list", "everywhere", footer=False),  # noqa: E501
)  # fmt: skip
_LIST = (
    Action("list.down", "down,j", "cursor(1)", "down", "One row down", "list", footer=False),
    Action("list.up", "up,k", "cursor(-1)", "up", "One row up", "list", footer=False),
    Action("list.page-down", "pagedown", "page(1)", "page down", "One page down", "list", footer=False),
    Action("list.page-up", "pageup", "page(-1)", "page up", "One page up", "list", footer=False),
    Action("list.first", "home,g", "edge(-1)", "first", "To the first row", "list", footer=False),
    Action("list.last", "end,G", "edge(1)", "last", "To the last row", "list", footer=False),
)
_TEXT = (
    Action("text.down", "down,j", "scroll_down", "down", "Scroll a line down", "text", footer=False),
    Action("text.up", "up,k", "scroll_up", "up", "Scroll a line up", "text", footer=False),
    Action("text.page-down", "pagedown,space", "page_down", "page", "Scroll a page down", "text", footer=False),
    Action("text.page-up", "pageup", "page_up", "page up", "Scroll a page up", "text", footer=False),
    Action("text.first", "home,g", "scroll_home", "start", "To the start of the text", "text", footer=False),
    Action("text.last", "end,G", "scroll_end", "end", "To the end of the text", "text", footer=False),
)
_APP = (
    Action("app.back", "escape", "back", "back", "Close what is open; on a screen, put the notice away", "everywhere", footer=False),  # noqa: E501
    Action("app.help", "question_mark", "app.help", "help", "Show this help", "everywhere"),
    Action("app.palette", "colon,ctrl+p", "app.palette", "commands", "Find a command by name", "everywhere"),
    Action("app.undo", "u", "app.undo", "undo", "Undo the last command, for a minute, where it can be", "everywhere", _OPERATOR, footer=False),  # noqa: E501
    Action("app.arm", "exclamation_mark", "app.arm", "arm", "Arm what takes something away, for 30 seconds (where the config asks for it)", "everywhere", _OPERATOR, footer=False),  # noqa: E501
    Action("app.theme", "T,shift+t", "app.next_theme", "theme", "The next theme: dark, light, high contrast, 16 colours, mono", "everywhere", footer=False),  # noqa: E501
    Action("app.redraw", "ctrl+l", "app.redraw", "redraw", "Draw the whole screen anew", "everywhere", footer=False),
    Action("app.brief", "B,shift+b", "app.brief", "brief", "What has happened since you last looked: verdicts, new failures, who did what", "everywhere", footer=False),  # noqa: E501
    Action("app.export", "E,shift+e", "app.export", "export", "Write this view into a file: text, JSON or SVG", "everywhere", footer=False),  # noqa: E501
    Action("app.quit", "q", "app.quit", "quit", "Leave; under up and demo the daemon stops too", "everywhere"),
)  # fmt: skip

ACTIONS: tuple[Action, ...] = (
    *map(_screen, SCREENS),
    *_JOB,
    *_DETAIL,
    *_JOBS,
    *_MARKS,
    *_SCHEDULE,
    *_SERVICE,
    *_ALERT,
    *_CHANNELS,
    *_LOG,
    *_AUDIT,
    *_METRICS,
    *_LIST,
    *_TEXT,
    *_APP,
    *_PAST,
)
"""All of them."""

BY_ID = {action.id: action for action in ACTIONS}
"""The same by id."""


def actions_of(*scopes: str) -> tuple[Action, ...]:
    """The actions of these scopes, in the table's order."""
    return tuple(action for action in ACTIONS if action.scope in scopes)


def actions_by_id(ids: Iterable[str]) -> tuple[Action, ...]:
    """The actions of these ids, in the order given."""
    return tuple(BY_ID[name] for name in ids)
