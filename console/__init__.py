"""The operator's side: command line, Textual console and the composition root."""
