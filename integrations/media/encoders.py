"""The encoders that PyAV brings: asked once, in a process of its own."""

from __future__ import annotations

import functools
import subprocess
import sys

from scheduler.domain.failure import FailureClass, StageFailure

ASK_S = 60.0
"""Seconds that the question may take, on a machine that has much to do."""
QUESTION = "import av.codec; print(*sorted(av.codec.codecs_available))"


@functools.cache
def encoders() -> frozenset[str]:
    """Their names. Blocking. PyAV in this process would cost a daemon 20 MB for as long as it lives.

    Raises:
        StageFailure: UNAVAILABLE: PyAV cannot be loaded, or not in time.
    """
    try:
        asked = subprocess.run(
            [sys.executable, "-P", "-c", QUESTION], capture_output=True, check=True, text=True, timeout=ASK_S
        )
    except subprocess.TimeoutExpired as error:
        raise StageFailure.unavailable(f"PyAV does not load within {ASK_S:g} s: end other programs") from error
    except subprocess.CalledProcessError as error:
        why = str(error.stderr).strip().rpartition("\n")[2] or f"exit code {error.returncode}"
        raise StageFailure(
            f"PyAV does not load ({why}): install the wheel of the package av from its index",
            kind=FailureClass.UNAVAILABLE,
            retryable=False,
        ) from error
    return frozenset(asked.stdout.split())
