"""The console in a browser: textual-serve on this machine's loopback address alone."""

from __future__ import annotations

import os
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

from scheduler.ports.operations import StartError

HOST = "127.0.0.1"


def command_of(*, config_file: Path | None, home: Path, database_url: str | None) -> str:
    """The command that runs in every browser tab: this very console. What is secret goes by the environment."""
    parts = [sys.executable, "-m", "console.cli.main"]
    if config_file is not None:
        parts += ["--config", str(config_file)]
    parts += ["--home", str(home), "console"]
    if database_url is not None:
        os.environ["PREDAWN_DATABASE_URL"] = database_url
    return shlex.join(parts)


def run_web(command: str, port: int) -> None:
    """Serve until ctrl-c.

    Raises:
        StartError: the extra is not installed.
    """
    if find_spec("textual_serve") is None:
        raise StartError("the browser needs an extra library: pip install 'predawn[web]'")
    from textual_serve.server import Server  # noqa: PLC0415 - an extra

    Server(command, host=HOST, port=port, title="predawn").serve()
