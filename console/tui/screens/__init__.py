"""Screens: they put panels in their places and route keys to actions."""
