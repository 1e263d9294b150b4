"""Secrets and endless bodies, kept out of what is written down: log lines and rows of render logs and failures.

Integrations cut their own keys out of what services answer. This is the net below them: the values of the settings that
are secret (``keep_secret``, once for a process), and whatever looks like a credential wherever it comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, cast

from pydantic import BaseModel, SecretStr

HIDDEN = "********"
SHORTEST = 6
"""Characters from which on a secret is looked for in text: a shorter one would blacken ordinary words."""
TEXT_CHARS, ITEMS, DEPTH = 8_000, 50, 6
"""What a value keeps: characters of a text, items, levels."""
NOT_SECRET = frozenset({"idempotency_key"})
_NAME = re.compile(
    r"(?:^|[_.-])(?:token|(?:api)?key|secret|password|passwd|authorization|cookie)s?(?:$|[_.-])", re.IGNORECASE
)

_known: set[str] = set()
_PATTERNS = (
    # What a header holds, with or without its name.
    (re.compile(r"\b(bearer|authorization: *basic) +[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]*"), HIDDEN),
    (re.compile(r"\b(?:xox[a-z]|xapp|sk|gh[pousr])[-_][A-Za-z0-9_-]{10,}"), HIDDEN),
    # A user and a password before a host.
    (re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"), HIDDEN),
    # Parameters of addresses and forms, and the same in JSON.
    (
        re.compile(
            r"((?:api_?key|(?:access|refresh|id|auth)?_?token|client_?secret|secret|password|passwd"
            r"|x-amz-(?:signature|credential|security-token))(?:=|[\"']\s*:\s*[\"']))[^\s&\"'<>;,)]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
)

_HINT = re.compile(
    r"bearer|authorization|eyj|xox|xapp|sk[-_]|gh[pousr][-_]|://|key|token|secret|passw|x-amz", re.IGNORECASE
)
"""What stands in every text that one of the patterns finds something in: most texts have nothing of it."""


def keep_secret(settings: BaseModel, *more: str | None) -> None:
    """From now on no value of these settings that is secret is written down by this process, nor any of ``more``."""
    _known.update(value for value in (*_secrets(settings), *more) if value is not None and len(value) >= SHORTEST)


def redacted(text: str) -> str:
    """``text`` without what is secret."""
    # The longest first: one may be a part of another.
    for secret in sorted((known for known in _known if known in text), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    if _HINT.search(text) is None:
        return text
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def writable(value: Any, *, chars: int = TEXT_CHARS, depth: int = DEPTH) -> Any:
    """A value as JSON that may be written down: redacted, of bounded length, breadth and depth.

    A text that a mapping keeps under a name that speaks of a secret is hidden, whatever it is.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _bounded(redacted(value), chars)
        case _ if depth <= 0:
            return "…"
        case Mapping():
            items = list(cast("Mapping[Any, Any]", value).items())
            kept = {
                str(name): HIDDEN
                if isinstance(part, str) and part and is_secret(str(name))
                else writable(part, chars=chars, depth=depth - 1)
                for name, part in items[:ITEMS]
            }
            return kept if len(items) <= ITEMS else kept | {"…": f"{len(items) - ITEMS} more"}
        case list() | tuple() | set() | frozenset():
            parts = list(cast("Iterable[Any]", value))
            made = [writable(part, chars=chars, depth=depth - 1) for part in parts[:ITEMS]]
            return made if len(parts) <= ITEMS else [*made, f"… {len(parts) - ITEMS} more"]
        case _:
            return _bounded(redacted(str(value)), chars)


@lru_cache(maxsize=1_000)
def is_secret(name: str) -> bool:
    """Whether what has this name is secret."""
    return name not in NOT_SECRET and _NAME.search(name) is not None


def _bounded(text: str, chars: int) -> str:
    """The beginning, which says what it is, and more of the end, where the cause of a stack stands."""
    begin = chars // 3
    return text if len(text) <= chars else f"{text[:begin]} … {text[begin + 3 - chars :]}"


def _secrets(value: Any) -> Iterable[str]:
    match value:
        case SecretStr():
            # A setting may hold several, ``alerts.apprise_urls`` does.
            yield from value.get_secret_value().replace(",", " ").split()
        case BaseModel():
            yield from _secrets([getattr(value, name) for name in type(value).model_fields])
        case Mapping():
            yield from _secrets(list(cast("Mapping[Any, Any]", value).values()))
        case list() | tuple():
            for part in cast("Iterable[Any]", value):
                yield from _secrets(part)
        case _:
            pass
