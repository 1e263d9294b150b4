from __future__ import annotations

import subprocess
import sys

import pytest

from integrations.local_services.faults import Fault, FaultError, FaultKind, parse_fault, parse_faults


@pytest.mark.parametrize(
    ("text", "service", "fault"),
    [
        ("manim=down", "manim", Fault(FaultKind.DOWN)),
        ("revideo=hang", "revideo", Fault(FaultKind.HANG)),
        ("tts=slow:2.5", "tts", Fault(FaultKind.SLOW, 2.5)),
        ("manim=http:503", "manim", Fault(FaultKind.HTTP, 503)),
        ("manim=flaky:0.3", "manim", Fault(FaultKind.FLAKY, 0.3)),
        ("manim=garbage", "manim", Fault(FaultKind.GARBAGE)),
        ("manim=error200", "manim", Fault(FaultKind.ERROR200)),
        ("manim=missing", "manim", Fault(FaultKind.MISSING)),
        ("manim=truncated", "manim", Fault(FaultKind.TRUNCATED)),
        ("revideo=silent", "revideo", Fault(FaultKind.SILENT)),
        (" Manim = FORGETS ", "manim", Fault(FaultKind.FORGETS)),
    ],
)
def test_every_kind_is_understood(text: str, service: str, fault: Fault) -> None:
    assert parse_fault(text) == (service, fault)
    assert parse_fault(f"{service}={fault}") == (service, fault)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("manim", "SERVICE=KIND"),
        ("manim=", "SERVICE=KIND"),
        ("=down", "SERVICE=KIND"),
        ("menim=down", "there are manim, revideo, tts, orchestrator, script, sora"),
        ("manim=explode", "flaky:SHARE"),
        ("manim=slow", "slow:SECONDS"),
        ("manim=slow:-1", "slow:SECONDS"),
        ("manim=flaky:2", "from 0 to 1"),
        ("manim=http:200", "http:STATUS"),
        ("manim=http:503.5", "whole number"),
        ("manim=down:3", "takes no value"),
        ("manim=flaky:nan", "flaky:SHARE"),
    ],
)
def test_a_bad_fault_is_refused_with_what_is_known(text: str, said: str) -> None:
    with pytest.raises(FaultError, match=said):
        parse_fault(text)


def test_one_fault_for_each_service() -> None:
    assert parse_faults(["manim=down", "revideo=hang"]) == {
        "manim": Fault(FaultKind.DOWN),
        "revideo": Fault(FaultKind.HANG),
    }
    with pytest.raises(FaultError, match="already fails by down"):
        parse_faults(["manim=down", "manim=hang"])


def test_parsing_faults_imports_nothing_heavy() -> None:
    code = (
        "import sys; import integrations.local_services.faults; "
        "print([m for m in ('uvicorn', 'starlette', 'httpx', 'av', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
