"""Logs of the daemon: JSON lines in a file that rotates, and plain lines on stderr where a person may look."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from pathlib import Path
from typing import Any

import structlog

from scheduler.ports.operations import StartError

MAX_BYTES = 10 * 1024 * 1024
KEPT = 5
SECRET_WORDS = ("token", "key", "secret", "password", "authorization")
NOT_SECRET = frozenset({"idempotency_key"})
MAX_VALUE = 2_000


def configure(file: Path | None, level: str, *, stderr: bool) -> None:
    """Send everything that is logged, by us and by libraries, to ``file`` as JSON lines (and to stderr for people).

    Args:
        file: None: no file.
        level: the least that is written, ``debug`` … ``error``.
        stderr: also write plain lines there; never where a console has the terminal.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
        structlog.processors.format_exc_info,
    ]
    handlers: list[logging.Handler] = []
    if file is not None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StartError(
                f"the log folder {file.parent} cannot be made ({error.strerror}): set log.file or PREDAWN_HOME"
            ) from error
        rotating = logging.handlers.RotatingFileHandler(
            file, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8", delay=False
        )
        os.chmod(file, 0o600)  # noqa: PTH101 - beside the handler that opened it
        rotating.setFormatter(_formatter(shared, structlog.processors.JSONRenderer(ensure_ascii=False)))
        handlers.append(rotating)
    if stderr:
        stream = logging.StreamHandler(sys.stderr)
        stream.setFormatter(_formatter(shared, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())))
        handlers.append(stream)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    for handler in handlers or [logging.NullHandler()]:
        root.addHandler(handler)
    root.setLevel(level.upper())
    for noisy in ("apscheduler", "httpx", "httpcore", "uvicorn.access", "alembic", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared[:-1], structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=False,
    )


def quiet() -> None:
    """Log nothing until ``configure`` is called: a command's stdout is data and its stderr is for people."""
    configure(None, "info", stderr=False)


def redact(_logger: Any, _method: str, event: Any) -> Any:
    """Hide what looks like a secret by its name and bound what is long."""
    for name, value in list(event.items()):
        if name not in NOT_SECRET and any(word in name.lower() for word in SECRET_WORDS):
            event[name] = "********"
        elif isinstance(value, str) and len(value) > MAX_VALUE and name != "exception":
            event[name] = value[:MAX_VALUE] + "…"
    return event


def _formatter(shared: list[Any], renderer: Any) -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            renderer,
        ],
    )
