"""``predawn render``: one render, here and now, without a daemon."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any, Self

import typer

from console.cli.context import EXIT_FAILED, EXIT_USAGE, cli_of
from console.cli.output import fail, print_json, say
from console.cli.run import Faults


def render(
    ctx: typer.Context,
    brief: Annotated[Path, typer.Option(help="The brief, a Markdown file (docs/briefs.md).", metavar="FILE")],
    out: Annotated[Path, typer.Option(help="Folder for the video.", metavar="DIR")] = Path("out"),
    fault: Faults = None,
    as_json: Annotated[bool, typer.Option("--json", help="A summary as one JSON document on stdout.")] = False,
) -> None:
    """Render one brief. Services that do not answer are replaced by local rendering, and the video is marked degraded.

    With --fault, local services are started on free ports and misbehave as told.

    Example: predawn render --brief config/briefs/2025-09-03-gst-two-slabs.md --json
    """
    from console.bootstrap.once import Summary, render_once  # noqa: PLC0415 - media, database and HTTP cost a second

    cli = cli_of(ctx)
    with _Bar(visible=sys.stderr.isatty()) as bar:
        try:
            done: Summary = asyncio.run(render_once(cli.settings, brief, out, tuple(fault or ()), bar.show))
        except ValueError as error:
            fail(str(error), EXIT_USAGE)
    if as_json:
        print_json(done.as_json())
    elif done.path is not None:
        for line in done.lines():
            say(line)
        typer.echo(str(done.path))
    if done.path is None:
        fail(done.error or "failed", EXIT_USAGE if done.bad_input else EXIT_FAILED)


class _Bar:
    """A progress bar on a terminal, a line for each stage elsewhere."""

    def __init__(self, *, visible: bool) -> None:
        self._visible = visible
        self._progress: Any = None
        self._task: Any = None
        self._stage = ""

    def __enter__(self) -> Self:
        if self._visible:
            from rich.console import Console  # noqa: PLC0415 - not needed without a terminal
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

            self._progress = Progress(
                TextColumn("{task.description:<24}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._progress.start()
            self._task = self._progress.add_task("starting", total=1.0)
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, progress: float, stage: str) -> None:
        """Overall progress 0–1 and the stage that runs."""
        if self._progress is not None:
            self._progress.update(self._task, completed=progress, description=stage)
        elif stage != self._stage:
            say(f"{progress:>4.0%} {stage}")
            self._stage = stage
