"""docs/jobs.md says what the table of transitions says.

To write both parts anew: ``python tests/unit/test_store_docs.py``.
"""

from __future__ import annotations

import re
from pathlib import Path

from scheduler.domain.job import TRANSITIONS, JobStatus

PAGE = Path(__file__).parents[2] / "docs" / "jobs.md"


def diagram() -> str:
    """The state diagram of TRANSITIONS, arrows between the same two states joined."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for transition in TRANSITIONS:
        for source in sorted(transition.sources):
            arrows.setdefault((source.value, transition.target.value), []).append(transition.name)
    lines = ["stateDiagram-v2", "    [*] --> queued: enqueue"]
    lines += [f"    {source} --> {target}: {', '.join(names)}" for (source, target), names in arrows.items()]
    return "\n".join(lines)


def table() -> str:
    """The transitions as a table."""
    lines = ["| transition | from | to | under the lease | why |", "|---|---|---|---|---|"]
    for transition in TRANSITIONS:
        sources = ", ".join(sorted(source.value for source in transition.sources))
        leased = "yes" if transition.under_lease else ""
        lines.append(f"| {transition.name} | {sources} | {transition.target.value} | {leased} | {transition.why} |")
    return "\n".join(lines)


def section(name: str, text: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", text, re.DOTALL)
    assert found is not None, f"docs/jobs.md has no part marked {name}"
    return found[1]


def test_diagram_in_the_docs_is_the_table_of_transitions() -> None:
    assert section("diagram", PAGE.read_text()) == f"```mermaid\n{diagram()}\n```"


def test_table_in_the_docs_is_the_table_of_transitions() -> None:
    assert section("transitions", PAGE.read_text()) == table()


def test_every_state_and_every_end_stands_in_the_docs() -> None:
    text = PAGE.read_text()
    for status in JobStatus:
        assert f"`{status.value}`" in text


def test_every_transition_leads_somewhere_and_every_state_is_reached() -> None:
    assert len({transition.name for transition in TRANSITIONS}) == len(TRANSITIONS)
    reached = {transition.target for transition in TRANSITIONS}
    left = {source for transition in TRANSITIONS for source in transition.sources}
    assert reached == left == set(JobStatus)


if __name__ == "__main__":
    page = PAGE.read_text()
    for mark, content in (("diagram", f"```mermaid\n{diagram()}\n```"), ("transitions", table())):
        page = re.sub(
            rf"(<!-- {mark} -->\n).*?(\n<!-- /{mark} -->)",
            lambda found, new=content: f"{found[1]}{new}{found[2]}",
            page,
            flags=re.DOTALL,
        )
    PAGE.write_text(page)
