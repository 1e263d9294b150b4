"""What is recorded comes back as it was, and changes put together make the state again."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_world import AT, night_snapshot

from scheduler.recording.codec import ShapeError, decode, encode
from scheduler.recording.delta import PatchError, apply, diff
from scheduler.recording.state import snapshot_of, state_of

LEAF = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4)
NAMED = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.integers(0, 3)), max_size=5, unique_by=lambda pair: pair[0]
).map(lambda pairs: [{"id": name, "n": n} for name, n in pairs])
WINDOW = st.lists(st.integers(0, 9) | st.none(), max_size=8)
VALUE = st.recursive(
    LEAF | NAMED | WINDOW,
    lambda inner: (
        st.dictionaries(
            st.sampled_from(["a", "b", "id", "name", "x"]), inner.filter(lambda v: v is not None), max_size=4
        )
        | st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUE, VALUE)
@settings(max_examples=400, deadline=None)
def test_a_patch_makes_the_new_value_of_the_old_and_leaves_the_old_alone(old: Any, new: Any) -> None:
    before = copy.deepcopy(old)
    patch = diff(old, new)
    assert (new if patch is None else apply(old, patch)) == new
    assert old == before


@pytest.mark.parametrize(
    ("old", "new", "longest"),
    [
        ({"w": list(range(30))}, {"w": [*range(1, 30), 99]}, 25),
        ({"jobs": [{"id": "b", "t": "x" * 90}]}, {"jobs": [{"id": "c", "t": ""}, {"id": "b", "t": "x" * 90}]}, 60),
        ({"jobs": [{"id": "b", "p": 0.1, "t": "x" * 90}]}, {"jobs": [{"id": "b", "p": 0.2, "t": "x" * 90}]}, 60),
    ],
)
def test_what_happens_every_second_is_written_short(old: Any, new: Any, longest: int) -> None:
    patch = diff(old, new)
    assert patch is not None
    assert len(json.dumps(patch, separators=(",", ":"))) <= longest
    assert apply(old, patch) == new


@pytest.mark.parametrize("patch", [[9, 1], [1, {"nothing": None}], [3, {"7": [0, 1]}], [4, "id", [], [], {}]])
def test_a_patch_that_does_not_fit_is_refused_by_name(patch: list[Any]) -> None:
    with pytest.raises(PatchError, match="recorded change"):
        apply({"a": 1} if patch[0] != 4 else 5, patch)


def test_a_snapshot_comes_back_whole() -> None:
    taken = night_snapshot()
    back = snapshot_of(state_of(taken), taken.taken_at)
    assert back.tonight.verdict is taken.tonight.verdict
    assert back.tonight.stages == taken.tonight.stages
    assert back.services == taken.services
    assert back.schedules == taken.schedules
    assert back.depth == taken.depth
    assert back.daemon is not None
    assert back.daemon.alive
    assert [job.id for job in back.jobs] == [job.id for job in taken.jobs]
    assert [job.status for job in back.jobs] == [job.status for job in taken.jobs]
    assert back.taken_at == taken.taken_at


def test_long_payloads_and_stacks_are_not_recorded() -> None:
    taken = night_snapshot(payload={"brief": {"headlines": ["x" * 5000]}, "title": "t" * 5000, "seconds": 4})
    back = snapshot_of(state_of(taken), taken.taken_at)
    assert back.tonight.job is not None
    assert back.tonight.job.payload == {"title": "t" * 300, "seconds": 4}


def test_time_alone_changes_nothing_that_is_written() -> None:
    first = night_snapshot()
    state = state_of(first)
    moved = timedelta(seconds=3)
    assert first.daemon is not None
    later = replace(
        first,
        taken_at=AT + moved,
        depth=replace(first.depth, oldest_queued_age_s=(first.depth.oldest_queued_age_s or 0) + 3.4),
        daemon=replace(first.daemon, beat_at=first.daemon.beat_at + moved),
        jobs=tuple(replace(job, updated_at=job.updated_at + moved) for job in first.jobs),
    )
    assert diff(state, state_of(later, state)) is None
    assert snapshot_of(state, AT + moved).depth.oldest_queued_age_s == pytest.approx(
        (first.depth.oldest_queued_age_s or 0) + 3, abs=1
    )


def test_the_list_of_jobs_is_written_every_ten_seconds_at_most_and_never_lost() -> None:
    first = night_snapshot()
    state = state_of(first)
    fewer = first.jobs[1:]
    soon = state_of(replace(first, taken_at=AT + timedelta(seconds=2), jobs=fewer), state)
    assert len(soon["jobs"]) == len(first.jobs)
    late = state_of(replace(first, taken_at=AT + timedelta(seconds=12), jobs=fewer), soon)
    assert len(late["jobs"]) == len(fewer)


@dataclass(frozen=True, slots=True)
class Old:
    kept: str
    dropped: int = 3


@dataclass(frozen=True, slots=True)
class New:
    kept: str
    added: tuple[datetime, ...] = ()


def test_recordings_survive_a_field_that_came_and_one_that_went() -> None:
    assert decode(New, encode(Old("a", 5))) == New("a")
    assert decode(New, encode(New("a", (AT,)))) == New("a", (AT,))


@pytest.mark.parametrize(
    ("raw", "message"), [({}, "kept is missing"), ({"kept": 3}, "kept: str expected"), (5, "an object expected")]
)
def test_what_does_not_fit_is_named(raw: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        decode(Old, raw)


def test_times_keep_their_instant() -> None:
    moment = datetime(2026, 3, 29, 1, 30, 15, 250000, tzinfo=UTC)
    assert decode(datetime, encode(moment)) == moment
