"""Health and maintenance at the command line, against a service that answers and one that does not."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from console.cli.main import command_line


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"status": "healthy"}' if self.path == "/health" else b"{}"
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        """Not on stderr."""


@pytest.fixture
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Healthy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def predawn(home: Path, url: str, *words: str) -> Result:
    environ = dict.fromkeys(name for name in os.environ if name.startswith("PREDAWN_")) | {
        "PREDAWN_HOME": str(home),
        "PREDAWN_SERVICES__MANIM__URL": url,
        "PREDAWN_SERVICES__REVIDEO__URL": "http://127.0.0.1:9",
        "PREDAWN_SERVICES__ORCHESTRATOR__ENABLED": "false",
        "PREDAWN_SPEECH__A4F_URL": url,
    }
    return CliRunner().invoke(command_line(), ["services", *words], env=environ)


def test_services_are_shown_with_history_and_can_be_taken_out(tmp_path: Path, service: str) -> None:
    home = tmp_path / "home"
    assert predawn(home, service, "check").exit_code == 1, "revideo is down"
    out = predawn(home, service, "maintenance", "revideo", "--for", "1h30m")
    assert "revideo is under maintenance until" in out.stderr
    assert predawn(home, service, "check").exit_code == 0, "what is out on purpose is no trouble"

    shown = {item["service"]: item for item in json.loads(predawn(home, service, "--json").stdout)["items"]}
    assert {name: item["state"] for name, item in shown.items()} == {"manim": "up", "revideo": "down", "tts": "up"}
    assert shown["revideo"]["maintenance"]["by"].endswith("(cli)")
    assert shown["revideo"]["transitions"][0]["after"] == "down"
    assert shown["revideo"]["transitions"][0]["reason"] == "nothing answers at http://127.0.0.1:9"
    assert shown["manim"]["p95_ms"] > 0

    assert "in use again" in predawn(home, service, "maintenance", "revideo", "--for", "off").stderr
    assert "was not" in predawn(home, service, "maintenance", "revideo", "--for", "off").stderr
    wrong = predawn(home, service, "maintenance", "revideo", "--for", "soon")
    assert (wrong.exit_code, "write 90s" in wrong.stderr) == (2, True)
    unknown = predawn(home, service, "maintenance", "printer", "--for", "1h")
    assert "manim, revideo, tts" in str(unknown.exception)
    table = predawn(home, service, "history", "revideo")
    assert "unknown → down" in table.stderr
