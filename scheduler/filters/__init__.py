"""The filter language of jobs: ``parse`` a text, ``complete`` it while it is typed, see what it ``matches``.

The same in the console, on the command line, over HTTP and in saved views (docs/jobs.md, Filters).
"""

from __future__ import annotations

from scheduler.domain.filter import Count, Field, Filter, JobSort, Term
from scheduler.filters.complete import Candidate, complete
from scheduler.filters.lexer import FilterError
from scheduler.filters.parser import parse
from scheduler.filters.predicate import matches

__all__ = [
    "Candidate",
    "Count",
    "Field",
    "Filter",
    "FilterError",
    "JobSort",
    "Term",
    "complete",
    "matches",
    "parse",
]
