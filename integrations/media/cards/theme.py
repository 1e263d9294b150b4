"""The look of the cards: a night sky before dawn. One place for colours, sizes and distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from integrations.media.text.fonts import Weight
from integrations.media.text.typeset import Style

Colour = tuple[int, int, int]

WIDTH: Final = 1280
HEIGHT: Final = 720
FPS: Final = 30

MARGIN: Final = 88
"""Left and right of everything that is read."""
CAPTION_TOP: Final = 590
"""Cards keep what lies below free for the captions."""
CONTENT_TOP: Final = 132
CONTENT_BOTTOM: Final = 582
NUMERAL_WIDTH: Final = 124
"""The column of the point's number, left of its text."""
TEXT_WIDTH: Final = 1060
"""The longest measure that still reads well across a room."""

NIGHT_TOP: Final[Colour] = (9, 13, 36)
NIGHT_MIDDLE: Final[Colour] = (15, 23, 58)
NIGHT_BOTTOM: Final[Colour] = (27, 33, 78)
DAWN: Final[Colour] = (255, 148, 77)
STAR: Final[Colour] = (214, 224, 255)

# Contrast against the lightest background they stand on (WCAG 2.2, 1.4.3 asks for 4.5): 13, 8, 7 and 9 to 1.
WHITE: Final[Colour] = (246, 248, 255)
SOFT: Final[Colour] = (206, 214, 240)
MUTED: Final[Colour] = (166, 178, 216)
AMBER: Final[Colour] = (255, 194, 102)

BAR_TOP: Final = 46
BAR_HEIGHT: Final = 5
BAR_GAP: Final = 8
MAX_BARS: Final = 16
"""More points than this are one continuous bar."""
HEADER_BASELINE: Final = 92

HEADER: Final = Style(Weight.BOLD, 23)
DATE: Final = Style(Weight.REGULAR, 23)
SOURCE: Final = Style(Weight.REGULAR, 21, 1.25)
NUMERAL: Final = Style(Weight.BOLD, 68, 1.1)
KICKER: Final = Style(Weight.BOLD, 28)


@dataclass(frozen=True, slots=True)
class Step:
    """A pair of sizes that a card may be set in, and how many lines its heading may then have."""

    heading: Style
    body: Style
    heading_lines: int


def _steps(leading: float, *sizes: tuple[int, int, int]) -> tuple[Step, ...]:
    return tuple(
        Step(Style(Weight.BOLD, heading, leading), Style(Weight.REGULAR, body, 1.34), lines)
        for heading, body, lines in sizes
    )


POINT_STEPS: Final = _steps(1.18, (64, 37, 2), (56, 35, 3), (52, 33, 3), (48, 31, 4), (44, 29, 5), (40, 27, 6))
"""The sizes of a point, largest first; the last is the smallest that is shown."""
COVER_STEPS: Final = _steps(1.14, (84, 33, 3), (74, 31, 4), (64, 30, 4), (54, 28, 5), (46, 26, 6), (40, 26, 7))
"""The same for intro and outro."""
FLOW_STEP: Final = 4
"""The size step of a card whose text flows over several pages: space is no longer short, so it is a comfortable one."""
