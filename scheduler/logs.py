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
from scheduler.redaction import HIDDEN, is_secret, writable

MAX_BYTES = 10 * 1024 * 1024
KEPT = 5
MAX_VALUE, MAX_STACK = 2_000, 10_000
"""Characters of a value, and of a stack, that a line keeps."""


class OwnFile(logging.handlers.RotatingFileHandler):
    """A file that rotates and that only its owner can read, also after it has rotated."""

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - the base class's name
        """Once it is full: the base class formats every line twice, to see whether it still fits."""
        del record
        return self.stream is not None and self.stream.seek(0, os.SEEK_END) >= self.maxBytes

    def _open(self) -> Any:
        file = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.fchmod(file, 0o600)
        return open(file, self.mode, encoding=self.encoding, errors=self.errors)  # noqa: PTH123 - the handler closes it


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
    ]
    handlers: list[logging.Handler] = []
    if file is not None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StartError(
                f"the log folder {file.parent} cannot be made ({error.strerror}): set log.file or PREDAWN_HOME"
            ) from error
        rotating = OwnFile(file, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8", delay=False)
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
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=False,
    )


def quiet() -> None:
    """Log nothing until ``configure`` is called: a command's stdout is data and its stderr is for people."""
    configure(None, "info", stderr=False)


def redact(_logger: Any, _method: str, event: Any) -> Any:
    """Hide what is secret, by its name or by what it looks like, and bound what is long."""
    for name, value in list(event.items()):
        chars = MAX_STACK if name == "exception" else MAX_VALUE
        event[name] = HIDDEN if isinstance(value, str) and value and is_secret(name) else writable(value, chars=chars)
    return event


def _formatter(shared: list[Any], renderer: Any) -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
    )
