"""The screens as one table: keys, tabs, palette, help and the app's modes are made from it. Pure.

A screen is a file in ``console/tui/screens`` and a line here. Its module is imported when it is first shown, so that
the first paint waits for the home screen alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScreenEntry:
    """One screen.

    Attributes:
        mode: stable name, also in action ids: ``screen.<mode>``.
        key: the digit that goes to it.
        name: in the tabs.
        about: one sentence for help and palette.
        where: ``module:Class`` of a ``ViewScreen`` without arguments.
        scopes: the scopes of ``console.tui.actions`` whose keys work on it, ``everywhere`` not counted.
    """

    mode: str
    key: str
    name: str
    about: str
    where: str
    scopes: tuple[str, ...] = ()


_AT = "console.tui.screens"

SCREENS: tuple[ScreenEntry, ...] = (
    ScreenEntry(
        "tonight",
        "1",
        "Tonight",
        "the verdict, open alerts, the stages, the queue, the services",
        f"{_AT}.tonight:TonightScreen",
        ("list", "job", "alert"),
    ),
    ScreenEntry(
        "jobs",
        "2",
        "Jobs",
        "every job, with filter, views and marks",
        f"{_AT}.jobs:JobsScreen",
        ("list", "job", "marks", "jobs"),
    ),
    ScreenEntry(
        "schedule", "3", "Schedule", "what is due, and when", f"{_AT}.schedule:ScheduleScreen", ("list", "schedule")
    ),
    ScreenEntry(
        "services",
        "4",
        "Services",
        "how each stands, its latencies, what changed",
        f"{_AT}.services:ServicesScreen",
        ("list", "service"),
    ),
    ScreenEntry(
        "metrics",
        "5",
        "Metrics",
        "on time or not, why renders fail, how long stages take",
        f"{_AT}.metrics:MetricsScreen",
        ("text", "metrics"),
    ),
    ScreenEntry(
        "alerts",
        "6",
        "Alerts",
        "what fires, who sees to it, what was said of it",
        f"{_AT}.alerts:AlertsScreen",
        ("list", "alert"),
    ),
    ScreenEntry("logs", "7", "Logs", "every call, as it happens", f"{_AT}.logs:LogsScreen", ("list", "log")),
    ScreenEntry(
        "audit",
        "8",
        "Audit",
        "who did what, and what came of it",
        f"{_AT}.audit:AuditScreen",
        ("list", "audit"),
    ),
)
"""In the order of their keys. The first is where the console opens."""

DIALOG_SCOPES: tuple[tuple[str, ...], ...] = (("job", "text", "detail"),)
"""Scopes that meet outside of the screens above: a job's detail."""


def entry(mode: str) -> ScreenEntry:
    """The screen of this mode.

    Raises:
        KeyError: there is none.
    """
    for one in SCREENS:
        if one.mode == mode:
            return one
    raise KeyError(mode)
