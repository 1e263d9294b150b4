"""Nights: the on-time record, what is predicted, and what is reported."""
