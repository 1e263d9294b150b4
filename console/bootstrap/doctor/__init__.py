"""``predawn doctor``: what could keep the morning's video from being there, looked at one by one.

``findings`` is what a check says, ``machine`` looks at Python, libraries, codecs, fonts, speech, clock and time zones,
``home`` at folders, database, recording and schedules, ``reach`` at daemon, ports, services and channels. A check that
breaks is itself a finding: the doctor always ends.
"""

from __future__ import annotations

from collections.abc import Iterator

from config.settings import Settings
from console.bootstrap.doctor.findings import Finding, looked_at
from console.bootstrap.doctor.home import home_checks
from console.bootstrap.doctor.machine import machine_checks
from console.bootstrap.doctor.reach import reach_checks

__all__ = ["Finding", "examine"]


def examine(settings: Settings, *, config_file: str | None) -> Iterator[Finding]:
    """Look at everything, in the order in which it should be put right."""
    for name, check in (*machine_checks(settings), *home_checks(settings, config_file), *reach_checks(settings)):
        yield from looked_at(name, check)
