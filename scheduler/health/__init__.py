"""Health: the prober and how the states of services follow from its probes."""
