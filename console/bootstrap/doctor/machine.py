"""The doctor on this machine: Python, libraries, codecs, fonts, speech, time."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import zoneinfo
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from config.settings import Settings
from console.bootstrap.doctor.findings import Finding, Named, fail, ok, warn

LEAST = (3, 11)
LEAST_FILES = 512
_OPTIONAL = {
    "postgres": ("psycopg", "PostgreSQL and more than one machine"),
    "s3": ("obstore", "publishing to S3-compatible storage"),
    "apprise": ("apprise", "alerts by further channels"),
    "web": ("textual_serve", "the console in a browser"),
}
_NEEDED_CODECS = {"libx264": "video", "aac": "sound", "mov_text": "captions"}
_RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
_SAMPLE = "Good morning ₹ नमस्ते"


def machine_checks(settings: Settings) -> Sequence[Named]:
    """All of them."""
    return (
        ("python", _python),
        ("libraries", _libraries),
        ("extras", lambda: _extras(settings)),
        ("codecs", _codecs),
        ("fonts", _fonts),
        ("speech", _speech),
        ("time zones", lambda: _zones(settings)),
        ("clock", _clock),
        ("open files", _files),
        ("temporary", _temporary),
    )


def _python() -> Iterable[Finding]:
    found = f"{sys.version.split()[0]} at {sys.executable}"
    if sys.version_info < LEAST:
        yield fail("python", found, "install Python 3.11 or newer, then: make PYTHON=python3.11 demo")
    else:
        yield ok("python", found)


def _libraries() -> Iterable[Finding]:
    """All that predawn declares as needed is installed."""
    missing: list[str] = []
    names = [line for line in requires("predawn") or [] if "extra ==" not in line]
    for line in names:
        name = line.split(";")[0]
        for mark in "<>=!~ [":
            name = name.split(mark)[0]
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        yield fail(
            "libraries", f"missing: {', '.join(missing)}", "make setup (or: pip install predawn, into its own .venv)"
        )
    else:
        yield ok("libraries", f"all {len(names)} are installed")


def _extras(settings: Settings) -> Iterable[Finding]:
    wanted = {
        "postgres": settings.database_url.startswith("postgresql"),
        "s3": settings.storage.s3.bucket is not None,
    }
    there: list[str] = []
    for extra, (module, what) in _OPTIONAL.items():
        if find_spec(module) is not None:
            there.append(extra)
        elif wanted.get(extra):
            yield fail(
                "extras", f"{extra} is not installed, the config needs it ({what})", f"pip install 'predawn[{extra}]'"
            )
    yield ok("extras", f"installed: {', '.join(there) or 'none'}")


def _codecs() -> Iterable[Finding]:
    av = import_module("av")
    missing = [f"{codec} ({what})" for codec, what in _NEEDED_CODECS.items() if codec not in av.codecs_available]
    if missing:
        yield fail(
            "codecs",
            f"PyAV lacks {', '.join(missing)}",
            "install PyAV from its wheel: pip install --force-reinstall av",
        )
    else:
        yield ok("codecs", f"PyAV {av.__version__} with {', '.join(_NEEDED_CODECS)}")


def _fonts() -> Iterable[Finding]:
    """The shipped fonts can be read, and draw Latin, the rupee sign and Devanagari."""
    from PIL import ImageFont  # noqa: PLC0415 - only the doctor and the renderer need it

    folder = Path(str(import_module("integrations.media").__file__)).parent / "fonts"
    fonts = sorted(folder.glob("*.ttf"))
    if not fonts:
        yield fail("fonts", f"none in {folder}", "install predawn again: the fonts are shipped with it")
        return
    for font in fonts:
        if ImageFont.truetype(str(font), 24).getlength(_SAMPLE) <= 0:
            yield fail("fonts", f"{font.name} draws nothing", "install predawn again: the fonts are shipped with it")
    yield ok("fonts", f"{len(fonts)} shipped: {', '.join(font.stem for font in fonts)}")


def _speech() -> Iterable[Finding]:
    """ESpeak NG says a word."""
    from integrations.media.speech.narrate import narrate  # noqa: PLC0415 - loads a library

    with tempfile.TemporaryDirectory(prefix="predawn-doctor-") as folder:
        try:
            seconds = narrate("Good morning.", Path(folder) / "said.wav", voice="en-us", speed=1.0)
        except Exception as error:  # noqa: BLE001 - a library that cannot be loaded raises many things
            yield warn(
                "speech",
                f"eSpeak NG does not speak: {error}",
                "pip install --force-reinstall espeakng-loader; without it the last resort is silence with captions",
            )
            return
    yield ok("speech", f"eSpeak NG says two words in {seconds:.1f} s of sound")


def _zones(settings: Settings) -> Iterable[Finding]:
    try:
        where = f"tzdata {version('tzdata')}"
    except PackageNotFoundError:
        where = "the system's"
    wrong: list[str] = []
    for name, schedule in settings.schedules.items():
        try:
            zoneinfo.ZoneInfo(schedule.timezone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            wrong.append(f"{schedule.timezone} (schedule {name})")
    if wrong:
        yield fail(
            "time zones",
            f"not known: {', '.join(wrong)}",
            "pip install --upgrade tzdata, or correct schedules.NAME.timezone",
        )
    else:
        yield ok("time zones", f"{where}, every schedule's zone is known")


def _clock() -> Iterable[Finding]:
    now = datetime.now(UTC)
    if now < _RELEASED:
        yield fail(
            "clock",
            f"it says {now:%Y-%m-%d %H:%M} UTC, before predawn was written",
            "set the clock: timedatectl set-ntp true",
        )
        return
    synchronised = Path("/run/systemd/timesync/synchronized")
    if Path("/run/systemd/system").is_dir() and not synchronised.exists() and not _other_ntp():
        yield warn(
            "clock",
            f"{now:%Y-%m-%d %H:%M:%S} UTC, nothing seems to keep it right",
            "timedatectl set-ntp true (or chrony)",
        )
    else:
        yield ok("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _other_ntp() -> bool:
    return any(Path(path).exists() for path in ("/run/chrony", "/run/ntpd.pid", "/run/openntpd"))


def _files() -> Iterable[Finding]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < LEAST_FILES:
        yield warn(
            "open files",
            f"at most {soft} may be open",
            f"ulimit -n 4096 (hard limit {hard}); systemd: LimitNOFILE=4096",
        )
    else:
        yield ok("open files", f"at most {soft}")


def _temporary() -> Iterable[Finding]:
    folder = tempfile.gettempdir()
    if os.access(folder, os.W_OK):
        yield ok("temporary", f"{folder} can be written")
    else:
        yield fail("temporary", f"{folder} cannot be written", "set TMPDIR to a folder that can")
