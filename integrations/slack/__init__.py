"""Slack: alerts as messages, replies in their threads, and the buttons over Socket Mode.

Facts relied on stand in docs/alerts.md, with where they come from.
"""
