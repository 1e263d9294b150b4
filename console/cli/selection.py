"""Which jobs a command is about: filters as the shell hands them over, and ids, frozen before anything is done."""

from __future__ import annotations

import re
from collections.abc import Sequence

import typer

from scheduler.domain.job import Job
from scheduler.ports.operations import Operations

PAGE = 500
MOST = 10_000
"""Jobs that one command touches at most."""

_TERM = re.compile(r"(-?)([A-Za-z]+):(.*)", re.DOTALL)
_SECOND_TERM = re.compile(r"\s-?[A-Za-z]+:\S")


def filter_text(words: Sequence[str]) -> str:
    """The filter in the arguments of a command line.

    The shell has taken the quotes off ``error:"timed out"``; they are put back, where an argument holds a space and is
    not a filter of several terms by itself.

    Raises:
        typer.BadParameter: an option that does not exist.
    """
    return " ".join(_requoted(word) for word in words)


def _requoted(word: str) -> str:
    if word.startswith("--"):
        raise typer.BadParameter(f"no such option: {word.partition('=')[0]}")
    if '"' in word or not any(char.isspace() for char in word.strip()):
        return word
    term = _TERM.fullmatch(word)
    if term is None:
        several = _SECOND_TERM.search(word) is not None
        return word if several else f'"{word}"'
    if _SECOND_TERM.search(term[3]):
        return word
    return f'{term[1]}{term[2]}:"{term[3]}"'


def select_jobs(operations: Operations, ids: Sequence[str], filter_words: str | None) -> list[Job]:
    """The jobs that are named, or those that the filter finds now: what comes later is not among them.

    Raises:
        typer.BadParameter: neither is given, both are, or the filter finds too many.
        OperationError: an id is unknown, or the filter cannot be read.
    """
    if bool(ids) == (filter_words is not None):
        raise typer.BadParameter("name jobs by their ids, or give --filter (and not both)")
    if filter_words is None:
        return [operations.job(job_id).job for job_id in ids]
    if not filter_words.strip():
        raise typer.BadParameter("--filter is empty: that would be every job; write for example status:failed")
    found: list[Job] = []
    cursor: str | None = None
    while True:
        page = operations.jobs(filter=filter_words, limit=PAGE, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
        if len(found) >= MOST:
            raise typer.BadParameter(f"--filter finds more than {MOST:,} jobs; narrow it, for example with before:-1d")
