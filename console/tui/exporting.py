"""Writing what is on the screen into a file the reader names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from textual.screen import Screen

from console.tui.export import ExportError, as_json
from console.tui.export import check as check_export
from console.tui.export import write as write_export
from console.tui.screens.prompt import PromptScreen
from console.tui.view import View


class ExportHost(Protocol):
    """What exporting needs of the app."""

    @property
    def view(self) -> View:
        """The newest view."""
        ...

    def time(self) -> datetime:
        """The time of day, aware UTC."""
        ...

    def say(self, text: str, *, good: bool = True) -> None:
        """Put a notice at the foot of the screen."""
        ...

    def ask_text(self, prompt: PromptScreen, answered: Callable[[str | None], None]) -> None:
        """Let the reader type a line."""
        ...

    def export_screenshot(self, *, title: str | None = None) -> str:
        """The screen as SVG."""
        ...


def export_view(host: ExportHost, screen: Screen[Any], tab: str) -> None:
    """Ask for a name and write what is on this screen: as text, JSON or SVG, as it was when it was asked for."""
    now, lines = host.time(), screen_lines(screen)
    texts = {".txt": "\n".join(lines) + "\n", ".svg": host.export_screenshot(title="predawn")}
    texts[".json"] = as_json(tab, host.view, lines, now)
    prompt = PromptScreen(
        "Write this view into a file",
        "As text, or with the ending .json with the data it is drawn from, or .svg as a picture.",
        text=f"predawn-{tab.lower()}-{now:%Y%m%d-%H%M%S}.txt",
        check=check_export,
    )
    host.ask_text(prompt, lambda chosen: _write(host, chosen, texts))


def screen_lines(screen: Screen[Any]) -> list[str]:
    """What is on the screen, line by line."""
    strips = screen._compositor.render_strips()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no public way
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips[: screen.size.height]]


def _write(host: ExportHost, name: str | None, texts: Mapping[str, str]) -> None:
    if name is None:
        return
    try:
        path = write_export(name, texts[name[name.rfind(".") :].lower()])
    except ExportError as error:
        host.say(str(error), good=False)
    else:
        host.say(f"written: {path}")
