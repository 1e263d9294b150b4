"""The doctor at home: config, folders, database, recording, schedules, briefs."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from config.settings import Settings
from console.bootstrap.database import open_maintenance
from console.bootstrap.doctor.findings import Finding, Named, fail, ok, warn
from console.format import size, stamp
from scheduler.ports.recording import RecordingError
from scheduler.ports.store import SchemaError, StoreError
from scheduler.recording.file import MEGABYTE
from scheduler.recording.reader import RecordingReader

LEAST_FREE = 500 * MEGABYTE
ENOUGH_FREE = 5_000 * MEGABYTE
_FULL = 0.95


def home_checks(settings: Settings, config_file: str | None) -> Sequence[Named]:
    """All of them."""
    return (
        ("config", lambda: _config(settings, config_file)),
        ("home", lambda: _home(settings)),
        ("disk", lambda: _disk(settings)),
        ("database", lambda: _database(settings)),
        ("recording", lambda: _recording(settings)),
        ("schedules", lambda: _schedules(settings)),
        ("briefs", lambda: _briefs(settings)),
    )


def _config(settings: Settings, config_file: str | None) -> Iterable[Finding]:
    """It was read, or we would not be here; who may read its secrets?"""
    if config_file is None:
        yield ok("config", "no file: defaults and environment")
        return
    mode = Path(config_file).stat().st_mode
    secret = settings.speech.a4f_key is not None or settings.storage.supabase.key is not None
    if secret and mode & (stat.S_IRGRP | stat.S_IROTH):
        yield warn("config", f"{config_file} can be read by others and there are secrets", f"chmod 600 {config_file}")
    else:
        yield ok("config", config_file)


def _home(settings: Settings) -> Iterable[Finding]:
    home = settings.home
    if not home.exists():
        parent = next(folder for folder in home.parents if folder.exists())
        if os.access(parent, os.W_OK):
            yield ok("home", f"{home} is made at the first start")
        else:
            yield fail(
                "home", f"{home} is not there and {parent} cannot be written", "set PREDAWN_HOME to a folder of yours"
            )
        return
    if not os.access(home, os.W_OK | os.X_OK):
        yield fail(
            "home",
            f"{home} cannot be written by {os.getuid()}",
            f"chown it to the user that runs predawn: chown -R USER {home}",
        )
        return
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o077:
        yield warn("home", f"{home} is open to other users ({mode:04o})", f"chmod 700 {home}")
    else:
        yield ok("home", f"{home} ({mode:04o})")


def _disk(settings: Settings) -> Iterable[Finding]:
    folder = next(one for one in (settings.home, *settings.home.parents) if one.exists())
    usage = shutil.disk_usage(folder)
    found = f"{size(usage.free)} free of {size(usage.total)} at {folder}"
    remedy = f"make room, or prune: predawn db prune --older-than 30d; old videos are in {settings.published_dir}"
    if usage.free < LEAST_FREE:
        yield fail("disk", found, remedy)
    elif usage.free < ENOUGH_FREE or usage.used / usage.total > _FULL:
        yield warn("disk", found, remedy)
    else:
        yield ok("disk", found)


def _database(settings: Settings) -> Iterable[Finding]:
    if settings.database_url.startswith("sqlite:///"):
        file = Path(settings.database_url.removeprefix("sqlite:///"))
        if not file.exists():
            yield ok("database", f"{file} is made at the first start")
            return
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            yield warn("database", f"{file} is open to other users ({mode:04o})", f"chmod 600 {file}")
    try:
        maintenance = open_maintenance(settings)
    except SchemaError as error:
        yield fail("schema", str(error), "predawn db migrate (a newer one: use the predawn that made it)")
        return
    except StoreError as error:
        yield fail("database", str(error), "see the message; predawn db check tells more once it can be opened")
        return
    try:
        report = maintenance.check()
    finally:
        maintenance.close()
    yield ok("schema", report.schema)
    for finding in report.findings:
        if not finding.ok:
            yield fail(
                "database", f"{finding.name}: {finding.detail}", "predawn db check --repair; else restore a backup"
            )
    if report.ok:
        yield ok("database", f"sound: {', '.join(finding.name for finding in report.findings)}")


def _recording(settings: Settings) -> Iterable[Finding]:
    if not settings.recording.enabled:
        yield warn("recording", "switched off: past moments cannot be looked at", "recording.enabled = true")
        return
    reader = RecordingReader(settings.recording_file, limit_bytes=settings.recording.limit_mb * MEGABYTE)
    try:
        info = reader.info()
    except RecordingError as error:
        yield warn("recording", str(error), f"move {settings.recording_file} away: a new one is begun")
        return
    finally:
        reader.close()
    if info.began is None:
        yield ok("recording", "begins with the first daemon")
    else:
        yield ok(
            "recording",
            f"since {stamp(info.began, 'UTC')}, {info.size_bytes / MEGABYTE:.1f} of {settings.recording.limit_mb} MB",
        )


def _schedules(settings: Settings) -> Iterable[Finding]:
    on = [name for name, schedule in settings.schedules.items() if schedule.enabled]
    owed = [name for name in on if settings.schedules[name].deadline is not None]
    if not on:
        yield warn("schedules", "none is enabled: nothing is made by itself", "add [schedules.nightly] to the config")
    elif not owed:
        yield warn(
            "schedules", f"{', '.join(on)}: none has a deadline, so there is no verdict", "schedules.NAME.deadline"
        )
    else:
        yield ok("schedules", ", ".join(f"{name} by {settings.schedules[name].deadline:%H:%M}" for name in owed))


def _briefs(settings: Settings) -> Iterable[Finding]:
    folder = settings.briefs_dir
    found = sorted(one for one in folder.iterdir() if one.is_file()) if folder.is_dir() else []
    remote = settings.content.postgrest.url is not None or bool(settings.content.feeds)
    if not found and not remote:
        yield fail(
            "briefs",
            f"none in {folder}, no table and no feed is set",
            "content.briefs_dir, content.postgrest.url or content.feeds",
        )
    elif not remote:
        newest = max(one.stat().st_mtime for one in found)
        yield ok("briefs", f"{len(found)} in {folder}, the newest of {datetime.fromtimestamp(newest, UTC):%Y-%m-%d}")
    else:
        yield ok("briefs", f"{len(found)} in {folder}, and from the network")
