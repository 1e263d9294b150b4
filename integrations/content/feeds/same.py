"""When two entries tell the same story. Pure."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import parse_qsl, urlencode, urlsplit

TRACKING = re.compile(
    r"^(?:utm_\w+|fbclid|gclid|mc_[ce]id|igshid|ref|ref_src|source|cmpid|ftag|amp|at_\w+)$", re.IGNORECASE
)
"""Parameters that say where a reader came from, not what is read."""
_LITTLE = """a an the of to in on at by for from with and or as is are was were be has have had its it this that after
    over into amid new says said will का के की को में से पर है हैं और ने एक यह"""
LITTLE = frozenset(_LITTLE.split())
"""Words that do not tell stories apart."""
ALIKE = 0.6
"""Share of words that two headlines of one story have in common, over all words of both."""
CONTAINED = 0.8
"""Share of the shorter headline's words that the longer one must hold."""
FEWEST = 4
"""Words below which only all the same words count."""


def canonical_url(url: str) -> str | None:
    """A form in which addresses of the same page are equal; None when it is no http(s) address."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not host:
        return None
    host = host.removeprefix("www.").removeprefix("m.").removeprefix("amp.")
    if port not in {None, 80, 443}:
        host = f"{host}:{port}"
    path = re.sub(r"/(?:amp|index\.html?)?/*$", "", parts.path)
    query = sorted((k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not TRACKING.match(k))
    return f"{host}{path}{f'?{urlencode(query)}' if query else ''}"


def words_of(title: str) -> frozenset[str]:
    """The words of a headline that tell its story, without case, marks and endings of the plural."""
    text = unicodedata.normalize("NFKC", title).casefold().replace("'s", "").replace("’s", "")
    # Marks belong to Devanagari words; \w leaves them out.
    found = re.findall(r"[\w\u0900-\u0963\u0966-\u097f.,]*[\w\u0900-\u0963\u0966-\u097f]", text)
    return frozenset(_stem(word.replace(",", "")) for word in found if word not in LITTLE)


def same_story(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two headlines tell the same story. Different figures are different stories."""
    if not one or not other:
        return False
    if _figures(one) and _figures(other) and _figures(one) != _figures(other):
        return False
    shared, fewer = len(one & other), min(len(one), len(other))
    if fewer < FEWEST:
        return one == other
    return shared / len(one | other) >= ALIKE or shared / fewer >= CONTAINED


def _figures(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in words if word[:1].isdigit())


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word  # noqa: PLR2004 - "gas", "yes"
