"""One module a call: ``serve`` does it in the child. Apart, so that a child imports only what it needs."""
