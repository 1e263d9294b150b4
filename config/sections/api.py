"""predawn's own HTTP API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from config.sections.base import Network, Seconds, Section, Url

Origin = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.\[\]:_-]{1,253}$", to_lower=True)]
HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]{1,253}$", to_lower=True)]


class CallbackSettings(Section):
    """Where the API tells that a job has ended: the ``callback_url`` of a submission."""

    hosts: tuple[HostName, ...] = ()
    """Hosts that may be told (``hooks.example.org``; ``.example.org`` for all below it). None listed: none may."""
    private: bool = False
    """Whether the listed hosts may lie in private, loopback or link-local ranges."""
    secret: SecretStr | None = None
    """Key of the signature (HMAC-SHA256). None: made once and kept in ``<home>/callback.key``."""
    timeout_s: Seconds = 10.0
    """Seconds one call may take."""


class WebhookSettings(Section):
    """What remote services may tell: ``POST /webhooks/video-complete``."""

    secret: SecretStr | None = None
    """Key that their signatures are checked with. None: no webhook is taken."""
    window_s: Annotated[float, Field(ge=1, le=86_400)] = 300.0
    """Seconds that a webhook's timestamp may be off; for so long it is also remembered, against replay."""


class ApiSettings(Section):
    """predawn's own HTTP API: inside the daemon, or alone (``predawn api``)."""

    enabled: bool = True
    """Whether the daemon serves it."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8103
    """Port to listen on; 0: any free one."""
    public_url: Url | None = None
    """Base URL under which others reach this API (``https://render.example.org``), for callbacks that tell of a video
    which only lies here. None: they name its path alone."""
    proxies: tuple[Network, ...] = ()
    """Addresses or networks of the proxies in front: what they say in ``X-Forwarded-For`` is where a request came from,
    for the audit trail and for the limit of wrong tokens. None listed: nobody is believed."""
    origins: tuple[Origin, ...] = ()
    """Web apps whose pages may call it from a browser (CORS): ``https://app.example.org``. None listed: none may."""
    rate_per_s: Annotated[float, Field(gt=0, le=1_000_000)] = 100.0
    """Requests a second that each token may make."""
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """Requests that a token may make at once after a rest."""
    max_body_kb: Annotated[int, Field(ge=1, le=1024)] = 1024
    """Largest body taken, KiB; the contract's limit is 1 MiB."""
    max_depth: Annotated[int, Field(ge=4, le=200)] = 32
    """Deepest nesting of JSON taken."""
    max_wait_s: Annotated[float, Field(ge=0, le=600)] = 600.0
    """Longest that a submission is held until its video is there, seconds."""
    keepalive_s: Annotated[float, Field(ge=0.1, le=300)] = 15.0
    """Seconds between the signs of life of a stream."""
    callbacks: CallbackSettings = CallbackSettings()
    webhooks: WebhookSettings = WebhookSettings()
