"""Health checks of the services over HTTP."""
