from __future__ import annotations

import pytest

from scheduler.domain.failure import FailureClass, FailureRecord
from scheduler.domain.fingerprint import fingerprint, shape


def failed(message: str, **changes: str) -> FailureRecord:
    values = {"stage": "manim", "provider": "manim-api"} | changes
    return FailureRecord("r", FailureClass.TIMEOUT, message, values["stage"], values["provider"], retryable=True)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("no answer within 240 s", "no answer within # s"),
        ("http://10.0.0.7:5000/videos/ab12.mp4 leads nowhere", "<url> leads nowhere"),
        ("video /var/lib/predawn/work/x-1/video.mp4 has 0 bytes", "video <path> has # bytes"),
        ("job 6f1c1f5e-8d0a-4a0e-9d0b-d6dc37273676 is forgotten", "job <id> is forgotten"),
        ("render 3fa9c2d1 failed at 2026-11-20T03:01:10Z", "render <id> failed at <time>"),
        ("skipped: manim is down since 03:01:10 UTC", "skipped: manim is down since <time> utc"),
        ("part 2/4 of facade", "part #/# of facade"),
    ],
)
def test_what_differs_from_night_to_night_is_left_out(message: str, expected: str) -> None:
    assert shape(message) == expected


def test_the_same_failure_has_the_same_fingerprint_and_another_one_has_not() -> None:
    one = fingerprint(failed("manim-api (4 calls): no answer within 240 s"))
    assert one == fingerprint(failed("manim-api (3 calls): no answer within 12.5 s"))
    assert one != fingerprint(failed("manim-api (4 calls): HTTP 503"))
    assert one != fingerprint(failed("manim-api (4 calls): no answer within 240 s", stage="tts"))
    assert len(one) == 16
