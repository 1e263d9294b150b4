"""Every setting of predawn, with its unit and default in the docstring under it.

Read by ``config.loader``: defaults < TOML file < environment (``PREDAWN_<SECTION>__<KEY>``) < flags.
"""

from __future__ import annotations

from pathlib import Path

from config.sections.access import AccessSettings
from config.sections.alerts import AlertSettings, DeadmanSettings, EmailSettings, RuleSettings, SlackSettings
from config.sections.api import ApiSettings
from config.sections.base import Name, Section
from config.sections.console import ConsoleSettings
from config.sections.database import DatabaseSettings, QueueSettings
from config.sections.health import HealthSettings
from config.sections.log import LogSettings
from config.sections.nights import ReportSettings, ScheduleSettings
from config.sections.pipeline import (
    DeadlineSettings,
    EstimateSettings,
    PipelineSettings,
    RouteWord,
    StageSettings,
    StagesSettings,
)
from config.sections.recording import RecordingSettings
from config.sections.services import (
    FilesSettings,
    LocalServicesSettings,
    OrchestratorSettings,
    ServiceSettings,
    ServicesSettings,
    SoraSettings,
)
from config.sections.storage import S3Settings, StorageSettings, SupabaseSettings
from config.sections.upgrade import UpgradeSettings
from config.sections.words import ContentSettings, FeedSettings, PostgrestSettings, ScriptSettings, SpeechSettings

__all__ = [
    "SHIPPED_BRIEFS",
    "AccessSettings",
    "AlertSettings",
    "ApiSettings",
    "ConsoleSettings",
    "ContentSettings",
    "DatabaseSettings",
    "DeadlineSettings",
    "DeadmanSettings",
    "EmailSettings",
    "EstimateSettings",
    "FeedSettings",
    "FilesSettings",
    "HealthSettings",
    "LocalServicesSettings",
    "LogSettings",
    "OrchestratorSettings",
    "PipelineSettings",
    "PostgrestSettings",
    "QueueSettings",
    "RecordingSettings",
    "ReportSettings",
    "RouteWord",
    "RuleSettings",
    "S3Settings",
    "ScheduleSettings",
    "ScriptSettings",
    "Section",
    "ServiceSettings",
    "ServicesSettings",
    "Settings",
    "SlackSettings",
    "SoraSettings",
    "SpeechSettings",
    "StageSettings",
    "StagesSettings",
    "StorageSettings",
    "SupabaseSettings",
    "UpgradeSettings",
]


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
    upgrade: UpgradeSettings = UpgradeSettings()
    content: ContentSettings = ContentSettings()
    pipeline: PipelineSettings = PipelineSettings()
    deadline: DeadlineSettings = DeadlineSettings()
    health: HealthSettings = HealthSettings()
    schedules: dict[Name, ScheduleSettings] = {"nightly": ScheduleSettings()}
    """Schedules by name. Naming any replaces the default one."""
    report: ReportSettings = ReportSettings()
    alerts: AlertSettings = AlertSettings()
    log: LogSettings = LogSettings()
    console: ConsoleSettings = ConsoleSettings()
    recording: RecordingSettings = RecordingSettings()
    api: ApiSettings = ApiSettings()
    access: AccessSettings = AccessSettings()
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
    def narrations_dir(self) -> Path:
        """Where narrations are kept for a night without the speech endpoint: ``<home>/narrations``."""
        return self.home / "narrations"

    @property
    def briefs_dir(self) -> Path:
        """Where briefs are looked for."""
        return self.content.briefs_dir or SHIPPED_BRIEFS

    @property
    def recording_file(self) -> Path:
        """Where the daemon records what the console shows."""
        return self.home / "recording.db"

    @property
    def reports_dir(self) -> Path:
        """Where the daily reports are put."""
        return self.report.directory or self.home / "reports"

    @property
    def log_file(self) -> Path:
        """Where the daemon logs."""
        return self.log.file or self.home / "log" / "predawn.jsonl"


SHIPPED_BRIEFS = Path(__file__).parent / "briefs"
"""The briefs that ship with predawn."""
