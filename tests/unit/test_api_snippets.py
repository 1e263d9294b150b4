"""What docs/api.md shows about signatures, run as printed."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scheduler.domain.callback import signature, signature_problem

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def printed(language: str, word: str) -> str:
    found = [one for one in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if word in one]
    assert len(found) == 1
    return found[0]


def test_the_receivers_check_takes_ours_and_nothing_else() -> None:
    names: dict[str, Any] = {}
    exec(printed("python", "is_genuine"), names)  # noqa: S102 - our own page
    is_genuine, body, now = names["is_genuine"], b'{"event_id": "j:1:completed"}', datetime.now(UTC)
    assert is_genuine(signature("key", body, now), body, "key")
    assert not is_genuine(signature("key", body, now), body + b" ", "key")
    assert not is_genuine(signature("another", body, now), body, "key")
    assert not is_genuine(signature("key", body, now - timedelta(hours=1)), body, "key")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_webhook_is_signed_from_a_shell() -> None:
    script = printed("sh", "openssl").replace("curl", "printf '%s\\n'")
    environment = {"SECRET": "of-the-service", "API": "", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=True)
    _, _, header, _, body, _ = done.stdout.splitlines()
    given = header.removeprefix("X-Predawn-Signature: ")
    problem = signature_problem(given, "of-the-service", body.encode(), now=datetime.now(UTC), window_s=300)
    assert problem is None
