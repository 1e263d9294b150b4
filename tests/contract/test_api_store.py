"""Tokens, webhooks that were taken, and the log of attempts as a tail, over every store."""

from __future__ import annotations

from datetime import UTC, datetime

from store_world import World

from scheduler.domain.access import Role
from scheduler.domain.token import Token, hash_of, id_of, new_secret
from scheduler.ports.store import Store

MADE = datetime(2026, 11, 20, 3, tzinfo=UTC)


def token(name: str = "edge", role: Role = Role.OPERATOR) -> Token:
    secret = new_secret()
    return Token(
        id_of(secret) or "", name, role, hash_of(secret), MADE, "root (cli)", expires_at=MADE.replace(year=2027)
    )


def test_tokens_are_kept_and_found(world: World) -> None:
    edge, web = token(), token("web", Role.VIEWER)
    assert world.store.add_token(web)
    assert world.store.add_token(edge)
    assert world.store.tokens() == [edge, web]
    assert world.another().get_token(edge.id) == edge
    assert world.store.get_token("nothing") is None


def test_a_name_is_free_again_once_its_token_is_revoked(world: World) -> None:
    first, second = token(), token()
    assert world.store.add_token(first)
    assert not world.store.add_token(second)
    assert world.store.revoke_token("edge")
    assert not world.store.revoke_token("edge")
    found = world.store.get_token(first.id)
    assert found is not None
    assert found.revoked_at is not None
    assert world.store.add_token(second)
    assert world.store.tokens() == [second]


def test_a_webhook_is_taken_once_in_its_window(world: World) -> None:
    assert world.store.take_webhook("a", forget_after_s=300)
    assert not world.another().take_webhook("a", forget_after_s=300)
    assert world.store.take_webhook("b", forget_after_s=300)
    world.advance(301)
    assert world.store.take_webhook("a", forget_after_s=300)


def test_the_log_is_read_from_its_end_on(world: World) -> None:
    assert world.store.render_log(after=None, limit=10) == []
    world.add()
    render = world.render(world.claim_one())
    first = world.attempt(render, 1)
    (newest,) = world.store.render_log(after=None, limit=10)
    assert newest.attempt.id == first.id
    later = [world.attempt(render, number) for number in (2, 3, 4)]
    behind = world.store.render_log(after=newest.seq, limit=2)
    assert [one.attempt.id for one in behind] == [one.id for one in later[:2]]
    assert {one.id for one in world.store.logged([first.id, later[0].id])} == {first.id, later[0].id}


def test_a_job_is_found_by_its_newest_name_until_it_is_gone(world: World) -> None:
    first, second = world.add(), world.add()
    assert world.store.job_named("http:edge:lesson 7") is None
    world.store.name_job("http:edge:lesson 7", first.id)
    assert world.another().job_named("http:edge:lesson 7") == first.id
    world.store.name_job("http:edge:lesson 7", second.id)
    assert world.store.job_named("http:edge:lesson 7") == second.id
    if world.url is not None:
        world.sql("DELETE FROM jobs")
        assert world.store.job_named("http:edge:lesson 7") is None


def test_one_look_answers_all_who_ask_and_is_not_taken_again_at_once(world: World) -> None:
    def ask(store: Store) -> list[str]:
        store.ask_look("a", fresh_s=1, forget_after_s=30)
        return store.looks_asked(forget_after_s=30)

    here, there = world.store, world.another()
    assert here.looks_asked(forget_after_s=30) == []
    assert ask(here) == ask(there) == ["a"]
    assert not here.was_looked("a")
    there.put_look("a")
    assert here.was_looked("a")
    assert ask(here) == [], "the look of a moment ago is the answer"
    world.advance(2)
    assert ask(there) == ["a"]
    assert not here.was_looked("a")


def test_a_look_that_nobody_takes_is_forgotten(world: World) -> None:
    world.store.ask_look("a", fresh_s=1, forget_after_s=30)
    world.advance(31)
    assert world.store.looks_asked(forget_after_s=30) == []
    world.store.ask_look("b", fresh_s=1, forget_after_s=30)
    assert world.store.looks_asked(forget_after_s=3600) == ["b"]
