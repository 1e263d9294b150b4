"""The black box: deltas of what the console shows, second by second, in a bounded file beside the database.

``recorder`` looks and writes (in the daemon), ``writer`` and ``reader`` are the two sides of the file, ``state`` and
``codec`` make JSON of a snapshot and back, ``delta`` tells what changed, ``marks`` which moments are worth a look.
"""
