"""The composition root: the one place that knows every part and puts them together.

``reading`` opens a database for commands, ``pipeline`` and ``daemon`` make what renders, ``services`` the local
stand-ins, ``once`` and ``demo`` whole runs, ``attach`` the console, ``terminal`` the console with a daemon beside it.
"""
