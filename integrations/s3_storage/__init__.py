"""Publication into S3-compatible storage."""

from integrations.s3_storage.provider import S3Storage

__all__ = ["S3Storage"]
