"""Local rendering from pip alone: cards, speech, composing, probing. ``toolkit.MediaToolkit`` is the way in.

``toolkit`` and ``process`` run in the parent and import nothing heavy; ``child`` runs the calls.
"""
