"""Who schedules: one of several, for as long as it is heard of."""

from __future__ import annotations

from store_world import World

ROLE = "schedule"


def test_a_role_has_one_holder_until_its_time_is_up(world: World) -> None:
    first = world.store.lead(ROLE, "a", ttl_s=15)
    assert first is not None
    assert first.holder == "a"
    assert world.store.lead(ROLE, "b", ttl_s=15) is None
    world.advance(16)
    assert world.store.leader(ROLE) is None
    second = world.store.lead(ROLE, "b", ttl_s=15)
    assert second is not None
    assert second.fence == first.fence + 1
    assert second.since > first.since
    assert world.store.lead(ROLE, "a", ttl_s=15) is None


def test_renewing_keeps_role_and_fence(world: World) -> None:
    first = world.store.lead(ROLE, "a", ttl_s=15)
    world.advance(10)
    again = world.store.lead(ROLE, "a", ttl_s=15)
    world.advance(10)
    assert first is not None
    assert again is not None
    assert (again.fence, again.since) == (first.fence, first.since)
    assert world.store.leader(ROLE) == again


def test_who_resigns_makes_room_at_once_and_only_for_itself(world: World) -> None:
    world.store.lead(ROLE, "a", ttl_s=15)
    assert not world.store.resign(ROLE, "b")
    assert world.store.resign(ROLE, "a")
    assert world.store.leader(ROLE) is None
    assert world.store.lead(ROLE, "b", ttl_s=15) is not None


def test_roles_are_apart(world: World) -> None:
    assert world.store.lead(ROLE, "a", ttl_s=15) is not None
    assert world.store.lead("sweep", "b", ttl_s=15) is not None
