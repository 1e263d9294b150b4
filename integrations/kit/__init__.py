"""What integrations share: nothing here knows a service."""
