"""A ``Filter`` as SQL conditions on ``jobs``: always parameters, never joined text.

The meaning is that of ``scheduler.filters.predicate``; a test holds the two against each other.

A condition may be NULL where a column is; it is then treated as false, also behind a NOT.
"""

from __future__ import annotations

import uuid
from typing import Any, assert_never

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    case,
    cast,
    column,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    table,
    type_coerce,
)
from sqlalchemy.dialects import postgresql

from scheduler.domain.failure import FailureClass
from scheduler.domain.filter import Field, Filter, Term
from scheduler.filters.predicate import error_class
from scheduler.filters.words import words
from scheduler.store.rows import jobs

job_search = table("job_search", column("rowid"), column("seq"), column("words"), column("job_search"))
UUID_DIGITS = 32


def conditions(wanted: Filter, *, is_sqlite: bool) -> list[ColumnElement[bool]]:
    """All of which must hold."""
    found: list[ColumnElement[bool]] = []
    for terms in wanted.wanted.values():
        either = [_holds(term, is_sqlite=is_sqlite) for term in terms]
        found.append(or_(*either) if len(either) > 1 else either[0])
    found += [_holds(term, is_sqlite=is_sqlite) for term in wanted.texts]
    found += [not_(func.coalesce(_holds(term, is_sqlite=is_sqlite), false())) for term in wanted.unwanted]
    return found


def _holds(term: Term, *, is_sqlite: bool) -> ColumnElement[bool]:  # noqa: C901, PLR0911, PLR0912 - one line for each field
    value: Any = term.value
    match term.field:
        case Field.STATUS:
            return jobs.c.status == value
        case Field.TYPE:
            return _is(jobs.c.job_type, term)
        case Field.PRIORITY:
            return jobs.c.priority == value
        case Field.STAGE:
            return or_(_sure(jobs.c.stage == value), _sure(_error_field("stage", is_sqlite=is_sqlite) == value))
        case Field.ERROR:
            return _error(value, is_sqlite=is_sqlite)
        case Field.AFTER:
            return jobs.c.created_at >= value
        case Field.BEFORE:
            return jobs.c.created_at < value
        case Field.DEGRADED:
            return jobs.c.degraded.is_(value)
        case Field.ID:
            return id_begins(value, is_sqlite=is_sqlite)
        case Field.KEY:
            return _is(jobs.c.idempotency_key, term)
        case Field.SCHEDULE:
            return _is(jobs.c.schedule_name, term)
        case Field.DATE:
            return jobs.c.run_date == value
        case Field.TAG:
            return _tag(value, is_sqlite=is_sqlite)
        case Field.TEXT:
            return _text(value, prefix=term.prefix, is_sqlite=is_sqlite)
        case _:
            assert_never(term.field)


def _sure(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return func.coalesce(condition, false())


def _is(col: ColumnElement[Any], term: Term) -> ColumnElement[bool]:
    value = str(term.value)
    # Not LIKE: SQLite's takes no notice of case, and an order by collation has no range for a beginning.
    return func.substr(col, 1, len(value)) == value if term.prefix else col == value


def id_begins(prefix: str, *, is_sqlite: bool) -> ColumnElement[bool]:
    """The id starts so, as a range of its index."""
    if is_sqlite:
        return and_(jobs.c.id >= prefix, jobs.c.id < prefix + "\U0010ffff")
    digits = prefix.replace("-", "")
    if not digits or len(digits) > UUID_DIGITS or set(digits) - set("0123456789abcdef"):
        return false()
    low, high = (str(uuid.UUID(digits.ljust(UUID_DIGITS, fill))) for fill in "0f")
    return jobs.c.id.between(low, high)


def _error_field(name: str, *, is_sqlite: bool) -> ColumnElement[str | None]:
    """A field of the JSON in ``error_message``; NULL where it is none."""
    text = jobs.c.error_message
    if not is_sqlite:
        return func.predawn_error(text, name, type_=Text)
    value = cast(func.json_extract(text, f"$.{name}"), Text)
    return case((func.json_valid(text) == 1, case((func.json_type(text) == "object", func.nullif(value, "")))))


def _error(value: str, *, is_sqlite: bool) -> ColumnElement[bool]:
    text = jobs.c.error_message
    message = func.coalesce(_error_field("message", is_sqlite=is_sqlite), text)
    found: ColumnElement[bool] = func.lower(message).contains(value.lower(), autoescape=True)
    kind = error_class(value)
    if kind in set(FailureClass):
        given = _error_field("type", is_sqlite=is_sqlite)
        known = case((given.in_([one.value for one in FailureClass]), given), else_=FailureClass.UNKNOWN.value)
        found = or_(known == kind, found)
    return and_(func.coalesce(text, "") != "", found)


def _tag(value: str, *, is_sqlite: bool) -> ColumnElement[bool]:
    if not is_sqlite:
        tags = type_coerce(jobs.c.payload, postgresql.JSONB)["tags"]
        return and_(func.jsonb_typeof(tags) != "object", func.jsonb_exists(tags, value))
    each = func.json_each(jobs.c.payload, "$.tags").table_valued("value", "type", name="tag")
    named = select(literal(1)).select_from(each).where(each.c.type == "text", each.c.value == value)
    # `json_each` walks an object too.
    return and_(func.coalesce(func.json_type(jobs.c.payload, "$.tags"), "") != "object", exists(named))


def _text(value: str, *, prefix: bool, is_sqlite: bool) -> ColumnElement[bool]:
    """Words that stand one after another, cut out of the text: nothing of either query language is left in them."""
    phrase = words(value)
    if is_sqlite:
        query = '"' + " ".join(phrase) + '"' + ("*" if prefix else "")
        found = select(job_search.c.rowid).where(job_search.c.job_search.op("MATCH")(query))
        return jobs.c.seq.in_(found)
    query = " <-> ".join(f"'{word}'" for word in phrase) + (":*" if prefix else "")
    found = select(job_search.c.seq).where(job_search.c.words.op("@@")(cast(query, postgresql.TSQUERY)))
    return jobs.c.seq.in_(found)
