"""schemathesis over the OpenAPI document: short here, 2,000 cases and more with ``make api-fuzz``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WHOLE = os.environ.get("PREDAWN_TEST_FUZZ") == "whole"
CASES = 2_600 if WHOLE else 150


@pytest.mark.timeout(1_800 if WHOLE else 170)
def test_whatever_is_thrown_at_it_the_api_answers_as_its_document_says() -> None:
    script = Path(__file__).with_name("api_fuzz.py")
    run = subprocess.run(
        [sys.executable, script, str(CASES)],
        capture_output=True,
        text=True,
        check=False,
        timeout=1_700 if WHOLE else 160,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["wrong"] == []
    assert found["lost"] == []
    assert found["taken"] >= 1, "jobs were taken among all that"
    assert found["audit"], "every write is in the trail, and the trail holds"
    assert found["cases"] >= (2_000 if WHOLE else 100)
