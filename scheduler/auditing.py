"""The one place where commands are permitted and written down.

Every command of ``Operations`` is marked with ``@command``; what stands behind the mark then happens for all of them:
the actor's role is checked, the command is run, and a line is added to the audit trail with how it ended.

Example:
    ::

        @command("alert.ack", target="alert_id")
        def ack_alert(self, alert_id: str, *, actor: Actor) -> Alert: ...
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

import structlog

from scheduler.audit_detail import bounded, clipped
from scheduler.domain.access import Role
from scheduler.domain.audit import AuditEntry, AuditHead, AuditLine, AuditOutcome, AuditVerdict, find_break
from scheduler.domain.snapshot import Page
from scheduler.ports.audit import AuditFilter, AuditStore
from scheduler.ports.operations import Actor, InvalidError, OperationError, PermissionDeniedError
from scheduler.ports.store import StoreError

log = structlog.get_logger("predawn.audit")

P = ParamSpec("P")
R = TypeVar("R")

MESSAGE_LIMIT = 1_000
_COMMAND = "__audited_command__"


class Audited(Protocol):
    """What has commands."""

    @property
    def auditor(self) -> Auditor:
        """Writes the lines."""
        ...


@dataclass(slots=True)
class _Notes:
    """What a running command tells of itself for its line."""

    target: str | None = None
    refused: str | None = None
    detail: dict[str, Any] = field(default_factory=dict[str, Any])


_notes: ContextVar[_Notes | None] = ContextVar("audit_notes", default=None)


def note(*, target: str | None = None, refused: str | None = None, **detail: Any) -> None:
    """Add to the line of the command that runs: what it was about, that it changed nothing and why, or details."""
    notes = _notes.get()
    if notes is None:
        return
    notes.target = target or notes.target
    notes.refused = refused or notes.refused
    notes.detail.update(detail)


class Auditor:
    """Permits and writes down.

    Args:
        store: where the lines go.
    """

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self._held: ContextVar[list[AuditEntry] | None] = ContextVar("audit_held", default=None)

    @contextmanager
    def together(self) -> Generator[None]:
        """Do the commands of the block and write the lines about them in one transaction; for one of them or for many.

        When the block raises, nothing was done, and the lines say so.

        Raises:
            StoreError: the lines cannot be written: nothing was done.
        """
        if self._held.get() is not None:
            yield
            return
        held: list[AuditEntry] = []
        before = self._held.set(held)
        lines: list[AuditLine] = []
        try:
            with self._store.together():
                yield
                lines = self._store.add_audit(held) if held else []
        except BaseException as error:
            self._held.reset(before)
            self._write([_undone(entry, error) for entry in held])
            raise
        self._held.reset(before)
        _log_of(lines)

    def write(self, entry: AuditEntry) -> None:
        """Add a line: with the others of ``together``, or at once."""
        held = self._held.get()
        if held is not None:
            held.append(entry)
        else:
            self._write([entry])

    def _write(self, entries: Sequence[AuditEntry]) -> None:
        """Write lines about what cannot be undone any more: a database that cannot take them is told of in the log."""
        if not entries:
            return
        try:
            lines = self._store.add_audit(entries)
        except StoreError as error:
            for entry in entries:
                log.exception("command not in the audit trail", error=str(error), **_for_log(entry))
            return
        _log_of(lines)

    @contextmanager
    def command(
        self, name: str, *, actor: Actor, needs: Role, target: str, detail: Mapping[str, Any], apart: bool = False
    ) -> Generator[None]:
        """Permit one command; what the block does and the line about it are one transaction.

        Args:
            name: ``<what>.<verb>``.
            actor: who acts.
            needs: the least role.
            target: what it is about; ``note(target=…)`` can say it better.
            detail: its other arguments.
            apart: the line is a transaction of its own: the command takes long, or keeps some of what it did when it
                fails.

        Raises:
            PermissionDeniedError: the actor's role does not allow it.
            StoreError: the line cannot be written, and nothing was done (``apart``: it is told of in the log).
        """
        with nullcontext() if apart else self.together(), self._noted(name, actor, needs, target, detail):
            yield

    @contextmanager
    def _noted(self, name: str, actor: Actor, needs: Role, target: str, detail: Mapping[str, Any]) -> Generator[None]:
        notes = _Notes()
        before = _notes.set(notes)
        outcome, message = AuditOutcome.DONE, ""
        try:
            _permit(actor, needs, name)
            yield
        except BaseException as error:
            outcome = AuditOutcome.REFUSED if isinstance(error, OperationError) else AuditOutcome.FAILED
            message = str(error) or type(error).__name__
            raise
        finally:
            _notes.reset(before)
            if outcome is AuditOutcome.DONE and notes.refused:
                outcome, message = AuditOutcome.REFUSED, notes.refused
            self.write(
                AuditEntry(
                    actor=clipped(actor.name),
                    role=actor.role,
                    via=clipped(actor.via),
                    origin=clipped(actor.origin),
                    command=name,
                    target=clipped(notes.target or target),
                    outcome=outcome,
                    message=clipped(message, MESSAGE_LIMIT),
                    detail=bounded({**detail, **notes.detail}),
                )
            )


S = TypeVar("S", bound=Audited)


def command(
    name: str, *, needs: Role = Role.OPERATOR, target: str | None = None, apart: bool = False
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Mark a method of an object with an ``auditor`` as a command; it takes the ``actor`` as a keyword.

    Args:
        name: as it stands in the audit trail: ``<what>.<verb>``.
        needs: the least role.
        target: the argument that names what the command is about; ``note(target=…)`` can say it better.
        apart: its line is a transaction of its own, see ``Auditor.command``.
    """

    def mark(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        signature = inspect.signature(method)
        if "actor" not in signature.parameters or (target is not None and target not in signature.parameters):
            raise TypeError(f"command {name}: {method.__name__} needs the arguments actor and {target}")

        @functools.wraps(method)
        def permitted(self: S, *args: P.args, **values: P.kwargs) -> R:
            bound = signature.bind(self, *args, **values).arguments
            _, *named = bound.items()
            given = dict(named)
            actor = cast("Actor", given.pop("actor"))
            about = given.pop(target) if target is not None else ""
            line = self.auditor.command(name, actor=actor, needs=needs, target=str(about), detail=given, apart=apart)
            with line:
                return method(self, *args, **values)

        setattr(permitted, _COMMAND, name)
        return permitted

    return mark


def command_name(method: Any) -> str | None:
    """The name under which a method is audited; None: it is no command."""
    return getattr(method, _COMMAND, None)


class AuditReads:
    """Reading the trail; part of the ``Operations`` over a store."""

    _audit_store: AuditStore

    def audit(
        self, *, wanted: AuditFilter | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[AuditLine]:
        """Lines by pages, newest first."""
        try:
            return self._audit_store.audit_lines(wanted=wanted or AuditFilter(), limit=limit, cursor=cursor)
        except ValueError as error:
            raise InvalidError(f"cursor: {error}") from error

    def verify_audit(self) -> AuditVerdict:
        """Whether nobody has changed the trail; else the first line that does not hold."""
        # The head first: a line that is added meanwhile is then behind it, and is left for the next time.
        head = self._audit_store.audit_head()
        verdict = find_break(_up_to(self._audit_store.audit_chain(), head), head)
        if head is None and not verdict.holds and self._audit_store.audit_head() is not None:
            return self.verify_audit()  # the very first line was written between the two looks
        return verdict


def _up_to(lines: Iterator[AuditLine], head: AuditHead | None) -> Iterator[AuditLine]:
    for line in lines:
        if head is not None and line.seq > head.seq:
            return
        yield line


def _permit(actor: Actor, needs: Role, name: str) -> None:
    if not actor.role.covers(needs):
        raise PermissionDeniedError(
            f"{actor.name} is {_a(actor.role)}, and {name} needs {_a(needs)}: "
            "ask an administrator for the role (section [access] of the config, or another token)"
        )


def _a(role: Role) -> str:
    return f"a {role}" if role is Role.VIEWER else f"an {role}"


def _undone(entry: AuditEntry, error: BaseException) -> AuditEntry:
    """A line about what was done, when its transaction has failed after that."""
    if entry.outcome is not AuditOutcome.DONE:
        return entry
    message = clipped(str(error) or type(error).__name__, MESSAGE_LIMIT)
    return replace(entry, outcome=AuditOutcome.FAILED, message=message)


def _log_of(lines: Sequence[AuditLine]) -> None:
    for line in lines:
        log.info(line.entry.command, **_for_log(line.entry), seq=line.seq, hash=line.hash)


def _for_log(entry: AuditEntry) -> dict[str, Any]:
    return {
        "actor": entry.actor,
        "via": entry.via,
        "origin": entry.origin,
        "target": entry.target,
        "outcome": entry.outcome.value,
        "message": entry.message,
        "detail": entry.detail,
    }
