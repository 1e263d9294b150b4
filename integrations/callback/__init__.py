"""Callbacks: telling a job's ``callback_url`` that the job has ended."""

from integrations.callback.sender import CallbackSender

__all__ = ["CallbackSender"]
