"""Every setting of predawn, with its unit and default in the docstring under it.

Read by ``config.loader``: defaults < TOML file < environment (``PREDAWN_<SECTION>__<KEY>``) < flags.
"""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints

from config.checks import (
    check_clock,
    check_clock_input,
    check_cron,
    check_object_prefix,
    check_public_url,
    check_time_zone,
    check_url,
)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Url = Annotated[str, AfterValidator(check_url)]
TimeZone = Annotated[str, AfterValidator(check_time_zone)]
Cron = Annotated[str, AfterValidator(check_cron)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Bucket = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
ObjectPrefix = Annotated[str, AfterValidator(check_object_prefix)]
PublicUrl = Annotated[str, AfterValidator(check_public_url)]
LocalTime = Annotated[time, BeforeValidator(check_clock_input), AfterValidator(check_clock)]


class Section(BaseModel):
    """A table of the TOML file: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)


class DatabaseSettings(Section):
    """Where the truth is kept."""

    url: str | None = None
    """SQLAlchemy URL. Default: ``sqlite:///<home>/predawn.db``."""
    busy_timeout_s: Annotated[float, Field(ge=0, le=300)] = 10.0
    """SQLite: seconds to wait for another process's write."""
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    """SQLite: FULL keeps every commit at a power cut; NORMAL is 4× faster and may lose the last ones."""


class QueueSettings(Section):
    """The queue and its workers. Limits by job type live in the table ``job_queue_config``."""

    concurrency: Annotated[int, Field(ge=1, le=10)] = 10
    """Jobs processed at once over all workers; the contract's limit is 10."""
    lease_s: Annotated[float, Field(ge=2, le=3600)] = 30.0
    """Seconds after which a silent worker's job goes back to the queue."""
    heartbeat_s: Annotated[float, Field(ge=0.2, le=600)] = 1.0
    """Seconds between a worker's heartbeats; also how soon it hears of a cancel. At most a third of ``lease_s``."""
    poll_s: Annotated[float, Field(ge=0.005, le=60)] = 0.015
    """Embedded: seconds between looks for other processes' writes; on PostgreSQL not below 0.1."""
    grace_s: Annotated[float, Field(ge=0, le=3600)] = 20.0
    """Seconds that a stopping worker waits for its jobs to reach a checkpoint, before it gives them back anyway."""
    reap_s: Annotated[float, Field(ge=0.1, le=600)] = 5.0
    """Seconds between passes of the reaper (a fifth of it as jitter)."""
    max_crashes: Annotated[int, Field(ge=1, le=100)] = 3
    """Leases that may run out before a job counts as poison and fails."""
    timeout_s: Annotated[float, Field(ge=1, le=86_400)] = 600.0
    """Default seconds a job may run, for job types without a row in ``job_queue_config``."""
    max_retries: Annotated[int, Field(ge=0, le=100)] = 3
    """Default automatic retries of a failed job."""
    retry_delay_s: Annotated[float, Field(ge=0, le=86_400)] = 300.0
    """Default seconds from a failure to its retry."""
    slots: Annotated[int, Field(ge=1, le=10)] | None = None
    """Jobs at once in this worker. Default: as many as ``concurrency`` allows."""
    dispatcher: Literal["auto", "embedded", "pgqueuer"] = "auto"
    """Who wakes the workers: ``embedded`` (looks for writes), ``pgqueuer`` (PostgreSQL), ``auto``: by the database."""
    leader_s: Annotated[float, Field(ge=1, le=20)] = 15.0
    """Seconds of silence after which another daemon schedules in place of this one (a third of it until it looks)."""
    sweep_s: Annotated[float, Field(ge=0.1, le=60)] = 2.0
    """pgqueuer: seconds between looks for jobs that it has not been handed."""
    engine_prefix: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,23}$")] = "predawn_"
    """pgqueuer: how the names of its tables, functions and channel begin."""


class ServiceSettings(Section):
    """One HTTP service that is probed and called."""

    url: Url
    """Base URL without a trailing slash."""
    enabled: bool = True
    """Whether it is called and probed."""
    connect_timeout_s: Seconds = 3.0
    """Seconds to wait for a connection."""
    poll_s: Annotated[float, Field(ge=0.05, le=60)] = 1.0
    """Seconds between looks at a job that the service runs."""
    poll_path: str = "/jobs/{id}"
    """Path of a job's status; ``{id}`` stands for the id the service gave."""
    token: SecretStr | None = None
    """Bearer token; from the environment or a file only in practice (``PREDAWN_SERVICES__MANIM__TOKEN_FILE``)."""
    max_media_mb: Annotated[int, Field(ge=1, le=20_000)] = 500
    """Largest file accepted from it, MiB."""


class SoraSettings(ServiceSettings):
    """A Sora-style text-to-video server: ``POST /v1/videos``. Off until it is enabled."""

    url: Url = "http://127.0.0.1:5006"
    """Base URL, with or without ``/v1``."""
    enabled: bool = False
    """Whether it is called: for job type ``prompt_video``, and for pictures when the Manim API fails."""
    poll_s: Annotated[float, Field(ge=0.05, le=60)] = 3.0
    """Seconds between looks at a video that the server makes."""
    model: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "sora-2"
    """The server's model."""
    size: Annotated[str, StringConstraints(pattern=r"^\d{2,4}x\d{2,4}$")] = "1280x720"
    """Width x height in pixels, where a job asks for none."""


class ServicesSettings(Section):
    """The render services."""

    manim: ServiceSettings = ServiceSettings(url="http://127.0.0.1:5000")
    """Manim API: pictures of each segment."""
    revideo: ServiceSettings = ServiceSettings(url="http://127.0.0.1:5001")
    """Revideo API: composes the video."""
    orchestrator: ServiceSettings = ServiceSettings(url="http://127.0.0.1:8103")
    """Video Orchestrator, or predawn's own API on its contract."""
    sora: SoraSettings = SoraSettings()
    """Sora-style text-to-video."""


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
    voice: str = "en-us"
    """eSpeak NG voice for briefs in English; briefs in Hindi use ``hi``. (``en-gb`` does not exist: ``en-gb-x-rp``.)"""
    speed: Annotated[float, Field(ge=0.25, le=4)] = 1.0
    """Rate of speech; 1.0 is about 165 words a minute."""


class SupabaseSettings(Section):
    """Supabase Storage. Off until ``url`` is set."""

    url: Url | None = None
    """The project's address (``https://abcd.supabase.co``). None: not used."""
    key: SecretStr | None = None
    """Its service key; sent as bearer token and as ``apikey``."""
    bucket: Bucket = "videos"
    """The bucket; it must be there, and public unless ``public_url`` leads elsewhere."""
    prefix: ObjectPrefix = ""
    """Put before every object's path (``predawn/``)."""
    public_url: PublicUrl | None = None
    """Address of a published object, ``{bucket}`` and ``{path}`` stand for its own. None: the project's own address."""
    resumable_above_mb: Annotated[float, Field(ge=0, le=5000)] = 6.0
    """Files above so many MiB are sent in pieces that can be resumed."""


class S3Settings(Section):
    """S3-compatible storage. Off until ``bucket`` is set. Needs the extra ``s3`` (``pip install 'predawn[s3]'``)."""

    endpoint: Url | None = None
    """The server's address. None: Amazon's for ``region``."""
    region: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$")] = "us-east-1"
    """The bucket's region; servers that know none take any."""
    bucket: Bucket | None = None
    """The bucket; it must be there. None: not used."""
    access_key: str | None = None
    """Id of the access key."""
    secret_key: SecretStr | None = None
    """The access key's secret."""
    prefix: ObjectPrefix = ""
    """Put before every object's key (``predawn/``)."""
    public_url: PublicUrl | None = None
    """Address of a published object, ``{bucket}`` and ``{path}`` stand for its own. None: the endpoint's address."""
    multipart_above_mb: Annotated[float, Field(ge=5, le=5000)] = 16.0
    """Files above so many MiB are sent in parts."""


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


class StorageSettings(Section):
    """Where videos are published."""

    directory: Path | None = None
    """Local directory. Default: ``<home>/published``."""
    retry_s: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    """Seconds until a video that was only published locally is sent up; doubled after each failure, up to an hour."""
    supabase: SupabaseSettings = SupabaseSettings()
    s3: S3Settings = S3Settings()


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


class ContentSettings(Section):
    """Where briefs come from: the payload, the folder, the table, the feeds; the first that has one of the day."""

    briefs_dir: Path | None = None
    """Folder with ``YYYY-MM-DD*.md``. Default: the briefs that ship with predawn."""
    programme: Annotated[str, StringConstraints(min_length=1, max_length=60)] = "Daily Current Affairs"
    """The programme's name, at the top of every card."""
    stale_days: Annotated[int, Field(ge=0, le=365)] = 1
    """A run without a brief of its day takes the newest brief of at most this many days before, marked as such."""
    feeds: tuple[FeedSettings, ...] = ()
    """Feeds a brief is made of when there is no other: ``[{ name = "PIB", url = "https://…" }]``."""
    feed_hours: Annotated[float, Field(ge=1, le=168)] = 24.0
    """Entries of so many hours before the end of the run date (or now, if that is earlier) count."""
    feed_headlines: Annotated[int, Field(ge=1, le=12)] = 6
    """Headlines of a brief made from feeds, at most."""
    repeat_days: Annotated[int, Field(ge=0, le=60)] = 3
    """What a feed said in the briefs of so many days before is not said again."""
    postgrest: PostgrestSettings = PostgrestSettings()


class StageSettings(Section):
    """Policy of one stage."""

    providers: tuple[Name, ...]
    """The fallback chain, best first. Providers that are not configured (no URL) are left out."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    """Calls of one provider: one and three retries."""
    timeout_s: Seconds = 180.0
    """Seconds one call may take."""
    weight: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Share of the progress bar."""


class StagesSettings(Section):
    """The stages of the pipeline."""

    brief: StageSettings = StageSettings(providers=("brief-check",), timeout_s=60, weight=0.5)
    """Validation of the input; disk, memory, codecs."""
    script_gen: StageSettings = StageSettings(providers=("chat-script", "template-script"), timeout_s=60, weight=0.5)
    """The script."""
    manim: StageSettings = StageSettings(providers=("manim-api", "sora", "static-cards"), timeout_s=240, weight=5)
    """The pictures of each segment."""
    tts: StageSettings = StageSettings(providers=("a4f", "espeak", "silence"), timeout_s=60, weight=1)
    """The narration of each segment."""
    revideo: StageSettings = StageSettings(
        providers=("revideo-api", "orchestrator", "local-composer"), timeout_s=300, weight=8
    )
    """The composed video."""
    verify: StageSettings = StageSettings(providers=("media-probe",), attempts=1, timeout_s=120, weight=1)
    """The check of the composed video."""
    upload: StageSettings = StageSettings(providers=("supabase", "s3", "local-directory"), timeout_s=120, weight=0.5)
    """The publication."""


RouteWord = Literal["pipeline", "orchestrator"]


class PipelineSettings(Section):
    """How stages are run."""

    route: RouteWord = "pipeline"
    """Who makes a job: this pipeline, or the Video Orchestrator as a whole, with the pipeline as its fallback."""
    routes: dict[Name, RouteWord] = {}
    """The same by job type, ``{ daily_ca = "orchestrator" }``. A type not named here takes the route of its own
    (``doubt``: orchestrator) or the one above; a job's ``payload.route`` outranks all."""
    route_timeout_s: Seconds = 600.0
    """Seconds that a whole job may take elsewhere before the pipeline takes over."""
    route_attempts: Annotated[int, Field(ge=1, le=20)] = 2
    """Times a whole job is handed over: one and one retry, because each may take minutes."""

    backoff_s: Annotated[float, Field(ge=0, le=600)] = 1.0
    """Seconds before the first retry; doubled for each further one (1, 2, 4)."""
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of a wait that is drawn at random."""
    render_processes: Annotated[int, Field(ge=1, le=64)] = 2
    """Local rendering processes at once in one worker."""
    stages: StagesSettings = StagesSettings()
    """Policies by stage."""


class EstimateSettings(Section):
    """How long a provider takes before there is history."""

    p50_s: Annotated[float, Field(ge=0, le=86_400)]
    """Seconds in half of the cases."""
    p90_s: Annotated[float, Field(ge=0, le=86_400)]
    """Seconds in nine of ten."""


class DeadlineSettings(Section):
    """Deadline-aware rendering."""

    warning_s: Annotated[float, Field(ge=0, le=86_400)] = 900.0
    """AT RISK when the P90 finish comes later than this many seconds before the deadline."""
    min_samples: Annotated[int, Field(ge=1, le=1000)] = 10
    """Below this many good attempts the estimates below are used instead of history."""
    estimates: dict[Name, EstimateSettings] = {
        "brief-check": EstimateSettings(p50_s=0.5, p90_s=2),
        "chat-script": EstimateSettings(p50_s=10, p90_s=40),
        "template-script": EstimateSettings(p50_s=0.2, p90_s=1),
        "manim-api": EstimateSettings(p50_s=10, p90_s=60),
        "sora": EstimateSettings(p50_s=120, p90_s=400),
        "static-cards": EstimateSettings(p50_s=6, p90_s=20),
        "a4f": EstimateSettings(p50_s=5, p90_s=20),
        "espeak": EstimateSettings(p50_s=1.5, p90_s=5),
        "silence": EstimateSettings(p50_s=0.5, p90_s=2),
        "revideo-api": EstimateSettings(p50_s=15, p90_s=90),
        "orchestrator": EstimateSettings(p50_s=20, p90_s=120),
        "orchestrator-route": EstimateSettings(p50_s=60, p90_s=300),
        "sora-route": EstimateSettings(p50_s=90, p90_s=300),
        "local-composer": EstimateSettings(p50_s=12, p90_s=30),
        "media-probe": EstimateSettings(p50_s=3, p90_s=10),
        "supabase": EstimateSettings(p50_s=5, p90_s=30),
        "s3": EstimateSettings(p50_s=5, p90_s=30),
        "local-directory": EstimateSettings(p50_s=0.5, p90_s=2),
    }
    """By provider."""


class HealthSettings(Section):
    """Probes of the services."""

    interval_s: Annotated[float, Field(ge=0.2, le=3600)] = 15.0
    """Seconds between probes of a service."""
    recheck_s: Annotated[float, Field(ge=0.1, le=3600)] = 5.0
    """Seconds to the next probe after one that failed."""
    timeout_s: Annotated[float, Field(ge=0.1, le=60)] = 3.0
    """Seconds until a probe counts as failed."""
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Days that probes are kept."""


class ScheduleSettings(Section):
    """One schedule: ``[schedules.NAME]``."""

    job_type: Name = "daily_ca"
    """What is made."""
    cron: Cron = "0 3 * * *"
    """Five fields: minute hour day month weekday; weekdays by name (``mon-fri``)."""
    timezone: TimeZone = "Asia/Kolkata"
    """IANA time zone of ``cron`` and ``deadline``."""
    deadline: LocalTime | None = time(6, 0)
    """Local time by which the video must be out, on the day after the start if it is not later than the start."""
    catch_up_s: Annotated[float, Field(ge=0, le=7 * 86_400)] = 10_800.0
    """A start missed by less than this many seconds is made up for when the daemon is back (the newest only)."""
    priority: Literal["high", "normal", "low"] = "high"
    """Priority of its jobs."""
    payload: dict[str, Any] = {}
    """Handed to the job."""
    enabled: bool = True
    """Whether it fires."""


class LogSettings(Section):
    """Logs of the daemon: JSON lines."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    file: Path | None = None
    """Default: ``<home>/log/predawn.jsonl``."""


class ConsoleSettings(Section):
    """The Textual console."""

    refresh_s: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    """Seconds between looks at the database."""
    ascii: bool = False
    """Only ASCII signs."""


class ApiSettings(Section):
    """predawn's own HTTP API inside the daemon."""

    enabled: bool = True
    """Whether the daemon serves it."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8103
    """Port to listen on; 0: any free one."""


class LocalServicesSettings(Section):
    """The stand-ins that ``predawn local-services`` and ``predawn demo`` start."""

    manim_port: Annotated[int, Field(ge=0, le=65_535)] = 5000
    """Port of the local Manim API; 0: any free one."""
    revideo_port: Annotated[int, Field(ge=0, le=65_535)] = 5001
    """Port of the local Revideo API."""
    speech_port: Annotated[int, Field(ge=0, le=65_535)] = 5002
    """Port of the local speech endpoint."""
    orchestrator_port: Annotated[int, Field(ge=0, le=65_535)] = 5003
    """Port of the local Video Orchestrator."""
    script_port: Annotated[int, Field(ge=0, le=65_535)] = 5004
    """Port of the local chat endpoint."""
    sora_port: Annotated[int, Field(ge=0, le=65_535)] = 5006
    """Port of the local text-to-video server."""


class Settings(Section):
    """The whole configuration."""

    home: Path
    """Data folder (``PREDAWN_HOME``). Default: the platform's state directory."""
    database: DatabaseSettings = DatabaseSettings()
    queue: QueueSettings = QueueSettings()
    services: ServicesSettings = ServicesSettings()
    speech: SpeechSettings = SpeechSettings()
    script: ScriptSettings = ScriptSettings()
    storage: StorageSettings = StorageSettings()
    content: ContentSettings = ContentSettings()
    pipeline: PipelineSettings = PipelineSettings()
    deadline: DeadlineSettings = DeadlineSettings()
    health: HealthSettings = HealthSettings()
    schedules: dict[Name, ScheduleSettings] = {"nightly": ScheduleSettings()}
    """Schedules by name. Naming any replaces the default one."""
    log: LogSettings = LogSettings()
    console: ConsoleSettings = ConsoleSettings()
    api: ApiSettings = ApiSettings()
    local_services: LocalServicesSettings = LocalServicesSettings()

    @property
    def database_url(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database.url or f"sqlite:///{self.home / 'predawn.db'}"

    @property
    def published_dir(self) -> Path:
        """Where the local directory provider publishes."""
        return self.storage.directory or self.home / "published"

    @property
    def work_dir(self) -> Path:
        """Where stages keep their files: ``<home>/work/<job id>/<stage>``."""
        return self.home / "work"

    @property
    def briefs_dir(self) -> Path:
        """Where briefs are looked for."""
        return self.content.briefs_dir or SHIPPED_BRIEFS

    @property
    def log_file(self) -> Path:
        """Where the daemon logs."""
        return self.log.file or self.home / "log" / "predawn.jsonl"


SHIPPED_BRIEFS = Path(__file__).parent / "briefs"
"""The briefs that ship with predawn."""
