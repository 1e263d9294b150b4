"""The engine: domain, ports, store, queue, pipeline, schedules, health, API."""
