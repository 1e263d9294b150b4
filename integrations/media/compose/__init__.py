"""Composing: clips and narrations to one video with captions."""
