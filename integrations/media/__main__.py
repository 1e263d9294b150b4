"""``python -m integrations.media``: the child process of one call."""

from __future__ import annotations

import contextlib
import os
import sys

NICENESS = 10
"""Rendering gives way to the daemon, whose heartbeats keep the lease, and to console and API, which people wait for. It
takes nearly all that they leave, and still a share beside other busy programs."""

if __name__ == "__main__":
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICENESS)  # before the imports: they are a good part of what a short call takes
        # Nobody waits for a frame: whoever wakes up goes first. Linux; a submission over HTTP is answered sooner by it.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    from integrations.media.child import main

    sys.exit(main())
