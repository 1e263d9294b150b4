from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_scene import BRIEF, SEGMENTS, Maker, Scene, patient

from scheduler.domain.codec import brief_to_json
from scheduler.domain.failure import RenderFailedError, StageFailure
from scheduler.domain.job import Lease
from scheduler.domain.render import Artifact, Checkpoint, RenderStatus, StageName, StageOutput
from scheduler.ports.provider import Call
from scheduler.store import open_store

MANIM, TTS, REVIDEO, VERIFY, UPLOAD = (
    StageName.MANIM,
    StageName.TTS,
    StageName.REVIDEO,
    StageName.VERIFY,
    StageName.UPLOAD,
)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    store = open_store(f"sqlite:///{tmp_path / 'predawn.db'}", synchronous="NORMAL")
    yield Scene(store, tmp_path)
    store.close()


async def die_in(scene: Scene, stage: StageName) -> Lease:
    """Run a job until a provider of ``stage`` is called and its neighbour is done, then stop; the next lease."""
    reached = asyncio.Event()

    async def hang(_call: Call) -> None:
        reached.set()
        await asyncio.Event().wait()

    scene.chains[stage][-1].plays = [hang]
    scene.enqueue()
    lease = scene.claim()
    task = asyncio.create_task(scene.run(lease))
    await asyncio.wait_for(reached.wait(), 10)
    if stage in {MANIM, TTS}:
        neighbour = TTS if stage is MANIM else MANIM
        await asyncio.wait_for(scene.kept(neighbour, lease), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return scene.crash(lease)


def calls(scene: Scene) -> dict[StageName, int]:
    return {stage: sum(len(maker.calls) for maker in chain) for stage, chain in scene.chains.items()}


@pytest.mark.parametrize("stage", list(StageName))
async def test_after_a_crash_in_any_stage_no_finished_stage_runs_again(scene: Scene, stage: StageName) -> None:
    lease = await die_in(scene, stage)

    result = await scene.run(lease)

    assert calls(scene) == {name: 2 if name is stage else 1 for name in StageName}
    assert result.video_url.startswith("file://")
    statuses = [render.status for render in scene.store.renders(lease.job.id)]
    assert statuses == [RenderStatus.INTERRUPTED, RenderStatus.COMPLETED]
    resumed = {row.stage for row in scene.rows() if row.resumed}
    assert resumed == {name for name in StageName if calls(scene)[name] == 1 and _is_before(name, stage)}


def _is_before(name: StageName, stage: StageName) -> bool:
    """``manim`` and ``tts`` run side by side: each is done when the other one hangs."""
    order = {name: number for number, name in enumerate(StageName)} | {TTS: 2}
    return order[name] < order[stage] or {name, stage} == {MANIM, TTS}


async def test_a_resumed_stage_is_a_row_of_its_own_with_its_provider(scene: Scene) -> None:
    scene.chain(TTS, Maker("voice", plays=[StageFailure.invalid_input("x")]), Maker("silence"))
    lease = await die_in(scene, REVIDEO)

    result = await scene.run(lease)

    (row,) = scene.rows(TTS)
    assert (row.provider, row.resumed, row.fallback_position, row.duration_ms) == ("silence", True, 1, 0)
    assert result.degraded


async def test_progress_of_a_resumed_render_begins_where_it_was(scene: Scene) -> None:
    lease = await die_in(scene, REVIDEO)
    scene.progress.clear()

    await scene.run(lease)

    done = len(list(StageName)) - 3
    first_of_revideo = next(progress for progress, stage in scene.progress if stage == "revideo")
    assert first_of_revideo == pytest.approx(done / len(StageName))


async def test_parts_made_before_a_crash_are_not_made_again(scene: Scene) -> None:
    async def half(call: Call) -> None:
        await maker.make(call, up_to=2)
        raise asyncio.CancelledError

    maker = Maker("manim-api", plays=[half])
    scene.chain(MANIM, maker)
    scene.policies[MANIM] = patient(attempts=1)
    scene.enqueue()
    lease = scene.claim()
    with pytest.raises(RenderFailedError):
        await scene.run(lease)

    await scene.run(scene.crash(lease))

    assert maker.made == ["0", "1", "2"]
    assert set(maker.calls[1].parts) == {"0", "1"}


async def test_a_retry_and_a_fallback_are_asked_for_what_is_missing_only(scene: Scene) -> None:
    def one_more(maker: Maker, up_to: int) -> Maker:
        async def some(call: Call) -> None:
            await maker.make(call, up_to=up_to)
            raise StageFailure.api_error("503", status=503)

        maker.plays.append(some)
        return maker

    api, cards = one_more(one_more(Maker("manim-api"), 1), 2), Maker("static-cards")
    scene.policies[MANIM] = patient(attempts=2)
    scene.chain(MANIM, api, cards)

    result = await scene.render()

    assert (api.made, cards.made) == (["0", "1"], ["2"])
    outputs = {c.part: c.output for c in scene.store.checkpoints(api.calls[0].job.id) if c.stage is MANIM}
    assert [outputs[str(s.index)].provider for s in SEGMENTS] == ["manim-api", "manim-api", "static-cards"]
    assert [outputs[str(s.index)].degraded for s in SEGMENTS] == [False, False, True]
    assert outputs[""].degraded
    assert result.degraded


async def test_a_first_provider_that_finishes_a_fallbacks_parts_is_degraded(scene: Scene) -> None:
    scene.chain(MANIM, Maker("manim-api", plays=[StageFailure.invalid_input("x")]), cards := Maker("static-cards"))
    scene.policies[MANIM] = patient(attempts=1)

    async def half(call: Call) -> None:
        await cards.make(call, up_to=1)
        raise StageFailure.invalid_input("no font")

    cards.plays = [half]
    scene.enqueue()
    lease = scene.claim()
    with pytest.raises(RenderFailedError):
        await scene.run(lease)

    result = await scene.run(scene.crash(lease))

    assert [row.provider for row in scene.rows(MANIM)] == ["manim-api"]
    assert result.degraded
    assert scene.rows(MANIM)[0].detail["degraded"] is True


async def test_a_part_whose_file_does_not_exist_is_not_kept(scene: Scene) -> None:
    async def lie(call: Call) -> None:
        nothing = Artifact(str(call.workdir / "none.bin"), "", 1, "video/mp4")
        await call.save_part("0", StageOutput(artifacts={"clip": nothing}))

    scene.first(MANIM).plays = [lie]

    await scene.render()

    assert str(scene.rows(MANIM)[0].error_message).startswith("what manim-api made for part 0 of manim lacks: clip: ")
    assert scene.first(MANIM).calls[1].parts == {}


def lose(scene: Scene, job_id: str, *stages: StageName) -> None:
    """Delete the files of some stages."""
    for stage in stages:
        for file in (scene.folder / "work" / job_id / stage.value).iterdir():
            file.unlink()


async def test_a_stage_whose_files_are_gone_runs_again(scene: Scene) -> None:
    lease = await die_in(scene, REVIDEO)
    lose(scene, lease.job.id, TTS)

    await scene.run(lease)

    assert {stage: n for stage, n in calls(scene).items() if n > 1} == {TTS: 2, REVIDEO: 2}
    assert scene.first(TTS).calls[1].parts == {}


async def test_a_stage_whose_file_was_torn_runs_again(scene: Scene) -> None:
    lease = await die_in(scene, UPLOAD)
    video = scene.folder / "work" / lease.job.id / "revideo" / "video.mp4"
    video.write_bytes(b"\0" * video.stat().st_size)

    await scene.run(lease)

    assert {stage: n for stage, n in calls(scene).items() if n > 1} == {REVIDEO: 2, VERIFY: 2, UPLOAD: 2}


async def test_files_that_nobody_needs_any_more_are_not_made_again(scene: Scene) -> None:
    lease = await die_in(scene, UPLOAD)
    lose(scene, lease.job.id, MANIM, TTS)

    await scene.run(lease)

    assert {stage: n for stage, n in calls(scene).items() if n > 1} == {UPLOAD: 2}


async def test_a_crash_after_the_upload_publishes_nothing_twice(scene: Scene) -> None:
    scene.enqueue()
    lease = scene.claim()
    first = await scene.run(lease)
    lose(scene, lease.job.id, MANIM, TTS, REVIDEO)

    again = await scene.run(scene.crash(lease))

    assert again == first
    assert set(calls(scene).values()) == {1}
    assert {row.resumed for row in scene.rows()} == {True}


async def test_a_checkpoint_that_cannot_be_used_does_not_count(scene: Scene) -> None:
    lease = await die_in(scene, MANIM)
    broken = StageOutput(data={"brief": brief_to_json(BRIEF) | {"title": 7}}, provider="check")
    scene.store.save_checkpoint(lease, Checkpoint(lease.job.id, StageName.BRIEF, "", broken, 2), lease_s=30)

    await scene.run(lease)

    assert calls(scene)[StageName.BRIEF] == 2


async def test_a_resumed_video_that_is_rejected_is_made_again_from_the_first_provider_on(scene: Scene) -> None:
    scene.chain(REVIDEO, Maker("revideo-api", plays=[StageFailure.invalid_input("x")]), Maker("local-composer"))
    scene.policies[VERIFY] = patient(attempts=1)
    scene.first(VERIFY).plays = [StageFailure.invalid_output("silent")]
    scene.enqueue()
    lease = scene.claim()
    with pytest.raises(RenderFailedError, match="silent"):
        await scene.run(lease)
    scene.first(VERIFY).plays = [StageFailure.invalid_output("silent")]

    result = await scene.run(scene.crash(lease))

    assert [(row.provider, row.resumed) for row in scene.rows(REVIDEO)] == [
        ("local-composer", True),
        ("revideo-api", False),
    ]
    assert not result.degraded


async def test_a_re_render_publishes_under_a_key_of_its_own_and_has_no_hurry(scene: Scene) -> None:
    job_id = scene.enqueue(deadline_in_s=60)
    lease = scene.claim()
    scene.store.complete(lease, await scene.run(lease))
    scene.moved.advance(120)
    scene.chain(MANIM, Maker("manim-api"), Maker("static-cards"))
    assert scene.store.rerender(job_id, by="ann")

    result = await scene.run(scene.claim("worker-2"))

    keys = [call.idempotency_key for call in scene.first(UPLOAD).calls]
    assert keys == [f"{job_id}:upload", f"{job_id}:upload:1"]
    assert not result.degraded
    assert calls(scene)[MANIM] == 1
