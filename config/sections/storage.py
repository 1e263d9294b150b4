"""Where videos are published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from config.sections.base import Bucket, ObjectPrefix, PublicUrl, Section, Url


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


class StorageSettings(Section):
    """Where videos are published."""

    directory: Path | None = None
    """Local directory. Default: ``<home>/published``."""
    keep_work_days: Annotated[float, Field(ge=0.01, le=3650)] = 7.0
    """Days that a job's working folder (clips, narrations, the composed video) stays after it has ended."""
    retry_s: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    """Seconds until a video that was only published locally is sent up; doubled after each failure, up to an hour."""
    supabase: SupabaseSettings = SupabaseSettings()
    s3: S3Settings = S3Settings()
