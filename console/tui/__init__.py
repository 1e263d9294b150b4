"""The console: a Textual program that draws what ``Operations`` says.

Textual reads these once, when it is first imported. No animation, because every frame goes over SSH; thirty frames a
second at most, so that a key is answered within 33 ms; what a slow line cannot take, ``console.tui.link`` holds back.
"""

from __future__ import annotations

import os

os.environ.setdefault("TEXTUAL_FPS", "30")
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
