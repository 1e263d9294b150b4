"""Everything outside: one folder per service, none importing another (``integrations.kit`` is what they share)."""
