"""What predawn talks about: frozen values and pure decisions, standard library only."""
