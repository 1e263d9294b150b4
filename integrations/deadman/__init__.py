"""The dead-man's switch: outside checks that raise the alarm when predawn falls silent."""
