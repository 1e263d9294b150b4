"""The Manim API (``:5000``): the picture of each segment."""

from integrations.manim.provider import ManimApi

__all__ = ["ManimApi"]
