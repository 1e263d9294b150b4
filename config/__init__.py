"""Settings: frozen models (``config.settings``) and the loader that fills them (``config.loader``)."""
