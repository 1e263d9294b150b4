"""The signs the console draws with, in Unicode and in ASCII. Every sign stands beside a word; colour is an extra."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signs:
    """One set of signs; each is one cell wide, ``spark`` goes from low to high."""

    full: str
    half: str
    empty: str
    good: str
    warn: str
    bad: str
    fallback: str
    cursor: str
    mark: str
    thumb: str
    guide: str
    dot: str
    dash: str
    ellipsis: str
    bar: str
    bar_head: str
    bar_bad: str
    bar_rest: str
    now: str
    p50: str
    p90: str
    deadline: str
    line: str
    spark: str
    spark_gap: str
    arrow: str


UNICODE = Signs(
    full="●",
    half="◐",
    empty="○",
    good="✔",
    warn="▲",
    bad="✖",
    fallback="▼",
    cursor="▸",
    mark="■",
    thumb="▐",
    guide="│",
    dot="·",
    dash="–",
    ellipsis="…",
    bar="━",
    bar_head="╸",
    bar_bad="╍",
    bar_rest="─",
    now="●",
    p50="◆",
    p90="◇",
    deadline="┃",
    line="─",
    spark="▁▂▃▄▅▆▇█",
    spark_gap="×",
    arrow="→",
)

ASCII = Signs(
    full="*",
    half="~",
    empty="o",
    good="+",
    warn="!",
    bad="x",
    fallback="v",
    cursor=">",
    mark="#",
    thumb="|",
    guide="|",
    dot="-",
    dash="-",
    ellipsis="~",
    bar="=",
    bar_head=">",
    bar_bad="x",
    bar_rest="-",
    now="*",
    p50="5",
    p90="9",
    deadline="|",
    line="-",
    spark="_.-=+*#@",
    spark_gap="x",
    arrow="->",
)


def choose_signs(*, ascii_only: bool, encoding: str, term: str) -> Signs:
    """The set for this terminal.

    Args:
        ascii_only: the setting.
        encoding: of the output; anything but UTF-8 gets ASCII.
        term: ``TERM``; the Linux console's font lacks most of the signs.
    """
    utf8 = encoding.lower().replace("-", "") in {"utf8", "utf8sig"}
    return ASCII if ascii_only or not utf8 or term in {"linux", "dumb", "vt100"} else UNICODE
