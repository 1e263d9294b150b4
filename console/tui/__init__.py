"""The console: a Textual program that draws what ``Operations`` says.

Textual reads these once, when it is first imported: ten frames a second at most and no animation, because every frame
goes over SSH.
"""

from __future__ import annotations

import os

os.environ.setdefault("TEXTUAL_FPS", "10")
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
