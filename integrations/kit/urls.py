"""URLs that services give: resolved, compared, and judged. Pure."""

from __future__ import annotations

import ipaddress
from urllib.parse import quote, urljoin, urlsplit


def is_loopback(url: str) -> bool:
    """Whether ``url`` points at this machine by its loopback interface."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what decides whether a secret may be sent there.

    Raises:
        ValueError: ``url`` is no URL.
    """
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").lower(), port


def resolve(base: str, url: str) -> str:
    """The absolute form of a URL that a service at ``base`` gave.

    A path counts from the service's base URL (a gateway may serve it below a path of its own), unless it already
    begins with the base's path.

    Raises:
        ValueError: it is not an http(s) URL; a service must not make us read files or other schemes.
    """
    text = url.strip()
    parts = urlsplit(text)
    if not parts.scheme and not parts.netloc:
        prefix = urlsplit(base).path.rstrip("/")
        absolute = text if text.startswith("/") else f"/{text}"
        if prefix and not (absolute == prefix or absolute.startswith(f"{prefix}/")):
            absolute = prefix + absolute
        text = urljoin(base, absolute)
        parts = urlsplit(text)
    elif not parts.scheme:
        text = urljoin(base, text)
        parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"not an http(s) URL: {text[:120]!r}")
    _ = parts.port  # raises for a port that is no number
    return text


def openai_path(base_url: str, path: str) -> str:
    """A path of the OpenAI contract (``/chat/completions``) below a base URL, written with or without ``/v1``."""
    return path if base_url.endswith("/v1") else f"/v1{path}"


def with_id(path: str, job_id: str) -> str:
    """``/jobs/{id}`` with the id filled in, quoted so that it stays one path segment."""
    return path.replace("{id}", quote(job_id, safe=""))
