"""Schedules: what is due (pure) and the timer that looks."""
