"""The simulator: nights on a virtual clock, through the real schedule, pipeline and deadline code."""
