"""Where the words come from: briefs, script, speech."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from config.sections.base import Section, Url


class SpeechSettings(Section):
    """Narration."""

    a4f_url: Url | None = None
    """Base URL of an OpenAI-compatible speech endpoint (``https://api.a4f.co``). None: not used."""
    a4f_key: SecretStr | None = None
    """Its API key."""
    a4f_model: str = "provider-3/tts-1"
    """Its model."""
    a4f_voice: str = "alloy"
    """Its voice."""
    cache_mb: Annotated[int, Field(ge=0, le=100_000)] = 200
    """Room for narrations that were spoken, MiB: on a night without the endpoint the same text in the same voice is
    taken from there (provider ``cached-audio``). 0: nothing is kept."""
    voice: str = "en-us"
    """eSpeak NG voice for briefs in English; briefs in Hindi use ``hi``. (``en-gb`` does not exist: ``en-gb-x-rp``.)"""
    speed: Annotated[float, Field(ge=0.25, le=4)] = 1.0
    """Rate of speech; 1.0 is about 165 words a minute."""


class ScriptSettings(Section):
    """The script from an OpenAI-compatible chat endpoint."""

    url: Url | None = None
    """Base URL (``https://api.a4f.co``), with or without ``/v1``. None: not used, the script is made by rule."""
    key: SecretStr | None = None
    """Its API key."""
    model: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "provider-3/gpt-4o-mini"
    """Its model."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.3
    """How freely it writes: 0 is the same answer each time."""
    max_tokens: Annotated[int, Field(ge=256, le=128_000)] = 4_000
    """Longest answer, tokens. A script of ten headlines takes about 2,500, in Hindi twice that."""
    json_mode: bool = True
    """Ask for ``response_format: json_object``; turn it off for a server that refuses it."""


class FeedSettings(Section):
    """One RSS or Atom feed."""

    url: Url
    """The feed's address."""
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    """Who says so, shown on the card."""


class PostgrestSettings(Section):
    """A table of briefs behind PostgREST (or Supabase). Off until ``url`` is set."""

    url: Url | None = None
    """Base address of the API, with ``/rest/v1`` for Supabase. None: not used."""
    table: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")] = "briefs"
    """The table or view: ``date``, ``title``, ``headlines``, and optionally ``language`` and ``edition``."""
    key: SecretStr | None = None
    """API key or token; sent as bearer token and as ``apikey``."""


PROGRAMME = "Daily Current Affairs"
PROGRAMMES = {"hi": "दैनिक समसामयिकी"}
"""The name that ships, in the other languages of the briefs."""


class ContentSettings(Section):
    """Where briefs come from: the payload, the folder, the table, the feeds; the first that has one of the day."""

    briefs_dir: Path | None = None
    """Folder with ``YYYY-MM-DD*.md``. Default: the briefs that ship with predawn."""
    programme: Annotated[str, StringConstraints(min_length=1, max_length=60)] = PROGRAMME
    """The programme's name, at the top of every card and at the beginning of the narration."""
    programmes: dict[str, Annotated[str, StringConstraints(min_length=1, max_length=60)]] = {}
    """Its name in other languages: ``{ hi = "दैनिक समसामयिकी" }``. A name left as it ships has its Hindi form anyway."""
    stale_days: Annotated[int, Field(ge=0, le=365)] = 1
    """A run without a brief of its day takes the newest brief of at most this many days before, marked as such."""
    needed_before_s: Annotated[float, Field(ge=0, le=7 * 86_400)] = 21_600.0
    """AT RISK when there is no brief so many seconds before the start; at once where nobody could put one."""
    feeds: tuple[FeedSettings, ...] = ()
    """Feeds a brief is made of when there is no other: ``[{ name = "PIB", url = "https://…" }]``."""
    feed_hours: Annotated[float, Field(ge=1, le=168)] = 24.0
    """Entries of so many hours before the end of the run date (or now, if that is earlier) count."""
    feed_headlines: Annotated[int, Field(ge=1, le=12)] = 6
    """Headlines of a brief made from feeds, at most."""
    repeat_days: Annotated[int, Field(ge=0, le=60)] = 3
    """What a feed said in the briefs of so many days before is not said again."""
    postgrest: PostgrestSettings = PostgrestSettings()

    @property
    def programme_names(self) -> dict[str, str]:
        """The programme's name by language, where it has another one than ``programme``."""
        return (PROGRAMMES if self.programme == PROGRAMME else {}) | self.programmes
