"""Alerts: rules over what is observed, states, and the loop that delivers what they have to say."""
