"""What every command shares: the settings, the operations over the database, who acts, and how errors end."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import typer

from config.loader import ConfigError, Loaded, load_settings
from config.settings import Settings
from console.cli.output import fail
from scheduler.ports.api import HttpOperations
from scheduler.ports.operations import Actor, OperationError, Operations, StartError
from scheduler.ports.store import StoreError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_AT_RISK = 3
EXIT_MISSED = 4
EXIT_UNREACHABLE = 5


@dataclass
class Cli:
    """The state of one invocation; everything is loaded when first asked for.

    Attributes:
        config_file: ``--config``.
        overrides: flags that stand for settings, by dotted key.
    """

    config_file: Path | None = None
    overrides: dict[str, Any] = field(default_factory=dict[str, Any])

    @cached_property
    def loaded(self) -> Loaded:
        """Settings and where each came from."""
        return load_settings(config_file=self.config_file, overrides=self.overrides)

    @property
    def settings(self) -> Settings:
        """The settings."""
        return self.loaded.settings

    @property
    def operations(self) -> Operations:
        """Reads and commands over the database of the settings."""
        return self.http_operations

    @cached_property
    def http_operations(self) -> HttpOperations:
        """The same with what only the HTTP API and its tokens need."""
        from console.bootstrap.reading import open_operations  # noqa: PLC0415 - the database layer costs 0.3 s

        return open_operations(self.settings)

    @cached_property
    def actor(self) -> Actor:
        """The Unix user at the command line, with the role that the config gives it."""
        from console.bootstrap.access import terminal_actor  # noqa: PLC0415 - loads the settings, which --help need not

        return terminal_actor(self.settings, "cli")

    @property
    def console_actor(self) -> Actor:
        """The same user at the console."""
        return replace(self.actor, via="tui")


def cli_of(ctx: typer.Context) -> Cli:
    """The invocation's state.

    Raises:
        RuntimeError: the command was called without the application around it.
    """
    found = ctx.find_object(Cli)
    if found is None:
        raise RuntimeError("command called outside of the application")
    return found


@contextmanager
def exit_codes() -> Generator[None, None, None]:
    """Turn the errors that people cause or meet into one line on stderr and the exit code of cli.md."""
    try:
        yield
    except ConfigError as error:
        fail(str(error), EXIT_USAGE)
    except OperationError as error:
        fail(str(error), EXIT_USAGE)
    except StoreError as error:
        fail(str(error), EXIT_UNREACHABLE)
    except (StartError, ValueError) as error:
        # What a part refuses before it starts: a chain in the settings, a fault that there is not, a port in use.
        fail(str(error), EXIT_FAILED if isinstance(error, StartError) else EXIT_USAGE)
    except BrokenPipeError:
        # The reader of our pipe has gone (`| head`): that is fine, and stdout must not be flushed again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise typer.Exit(0) from None
