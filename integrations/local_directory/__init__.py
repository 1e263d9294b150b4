"""Publication into a directory of this machine."""

from integrations.local_directory.provider import LocalDirectory

__all__ = ["LocalDirectory"]
