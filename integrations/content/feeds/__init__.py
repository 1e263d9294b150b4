"""Briefs made of RSS and Atom feeds (``docs/briefs.md``)."""

from integrations.content.feeds.source import FeedBriefs

__all__ = ["FeedBriefs"]
