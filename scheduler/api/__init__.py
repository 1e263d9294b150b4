"""predawn's own HTTP API (the Orchestrator contract grows here)."""
