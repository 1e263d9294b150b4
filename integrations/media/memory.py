"""Memory of a child that was freed, and the system does not know."""

from __future__ import annotations

import contextlib
import ctypes


def give_back() -> None:
    """Have the C library return what is free to the system, where it can (glibc); takes a fraction of a millisecond.

    What a drawn card leaves is some 10 MB.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
