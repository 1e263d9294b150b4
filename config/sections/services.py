"""The services that render."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from config.sections.base import Seconds, Section, Url


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


class OrchestratorSettings(ServiceSettings):
    """The Video Orchestrator: it composes, or makes a whole job."""

    url: Url = "http://127.0.0.1:8103"
    """Base URL without a trailing slash."""
    callback_url: Url | None = None
    """Where it tells that a job has ended: our ``/webhooks/video-complete`` as it reaches it, which then looks at once
    (``api.webhooks.secret``). None: nobody is told, the job is polled."""


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


class FilesSettings(Section):
    """Our clips and narrations, served to the render services under addresses that cannot be guessed."""

    host: Annotated[str, StringConstraints(min_length=1, max_length=253)] = "127.0.0.1"
    """Address it listens on. For a Revideo elsewhere one that this machine has towards it."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """Its port; 0: any free one."""
    public_url: Url | None = None
    """How services reach it (``https://render.example.net/files``), with what stands in front of it. None: host and
    port, which a service elsewhere cannot reach while ``host`` is loopback."""


class ServicesSettings(Section):
    """The render services."""

    manim: ServiceSettings = ServiceSettings(url="http://127.0.0.1:5000")
    """Manim API: pictures of each segment."""
    revideo: ServiceSettings = ServiceSettings(url="http://127.0.0.1:5001")
    """Revideo API: composes the video."""
    orchestrator: OrchestratorSettings = OrchestratorSettings()
    """Video Orchestrator, or predawn's own API on its contract."""
    sora: SoraSettings = SoraSettings()
    """Sora-style text-to-video."""
    files: FilesSettings = FilesSettings()
    """Where the services fetch our clips and narrations."""


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
