"""The queue's hands: the worker, the reaper and the dispatcher that wakes them."""
