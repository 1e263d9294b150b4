"""Widgets: they draw lines and send only the cells that differ."""
