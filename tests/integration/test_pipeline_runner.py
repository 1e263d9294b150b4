from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pipeline_scene import FIRST, Maker, Play, Scene, busy, patient

from scheduler.domain.failure import FailureClass, LeaseLostError, RenderFailedError, StageFailure
from scheduler.domain.job import Lease
from scheduler.domain.render import Artifact, AttemptStatus, RenderStatus, StageName, StageOutput
from scheduler.domain.service import Maintenance, ServiceHealth, ServiceState
from scheduler.ports.provider import Call
from scheduler.store import open_store

MANIM, TTS, REVIDEO = StageName.MANIM, StageName.TTS, StageName.REVIDEO


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    store = open_store(f"sqlite:///{tmp_path / 'predawn.db'}", synchronous="NORMAL")
    yield Scene(store, tmp_path)
    store.close()


async def test_a_job_goes_through_all_stages_to_its_published_video(scene: Scene) -> None:
    result = await scene.render()

    video = scene.first(StageName.UPLOAD).calls[0].inputs[REVIDEO].artifacts["video"]
    assert result.video_url == Path(video.path).as_uri()
    assert (result.duration, result.degraded) == (9.5, False)
    assert sorted((row.stage, row.provider) for row in scene.rows()) == sorted(FIRST.items())
    assert {row.status for row in scene.rows()} == {AttemptStatus.COMPLETED}
    assert {(row.retry_count, row.fallback_position, row.resumed) for row in scene.rows()} == {(0, 0, False)}
    assert {row.duration_ms for row in scene.rows()} == {0}
    (job,) = scene.store.list().items
    (render,) = scene.store.renders(job.id)
    assert (render.status, render.video_url, render.duration_s) == (RenderStatus.COMPLETED, result.video_url, 9.5)
    assert scene.store.failures(job.id) == []
    assert {c.stage for c in scene.store.checkpoints(job.id) if not c.part} == set(StageName)


async def test_every_call_knows_its_job_stage_folder_and_keys(scene: Scene) -> None:
    await scene.render()

    (job,) = scene.store.list().items
    for stage in StageName:
        (call,) = scene.first(stage).calls
        assert call.stage is stage
        assert call.workdir == scene.folder / "work" / job.id / stage.value
        assert call.idempotency_key == f"{job.id}:{stage.value}"
        assert call.correlation_id == f"{job.id}-1"
        assert call.timeout_s == 5
    assert scene.first(StageName.BRIEF).calls[0].brief is None
    assert scene.first(TTS).calls[0].script is not None


async def test_a_call_that_fails_is_tried_again_after_one_two_and_four_seconds(scene: Scene) -> None:
    scene.policies[MANIM] = patient()
    scene.first(MANIM).plays = busy(3)

    result = await scene.render()

    assert scene.waits == [1.0, 2.0, 4.0]
    rows = scene.rows(MANIM)
    assert [row.status.value for row in rows] == ["failed", "failed", "failed", "completed"]
    assert [row.retry_count for row in rows] == [0, 1, 2, 3]
    assert [row.detail["waited_s"] for row in rows] == [0.0, 1.0, 2.0, 4.0]
    assert {row.error_message for row in rows[:3]} == {"503 from the service"}
    assert rows[0].detail["http_status"] == 503
    assert not result.degraded


async def test_jitter_lengthens_the_waits_a_little(scene: Scene) -> None:
    scene.policies[MANIM] = patient(jitter=0.1)
    scene.first(MANIM).plays = busy(3)

    await scene.render()

    assert all(base < wait <= base * 1.1 for base, wait in zip((1, 2, 4), scene.waits, strict=True))


async def test_retry_after_is_waited_for(scene: Scene) -> None:
    scene.policies[MANIM] = patient()
    scene.first(MANIM).plays = [StageFailure.api_error("slow down", status=429, retry_after_s=7)]

    await scene.render()

    assert scene.waits == [7.0]


@pytest.mark.parametrize(
    "failure",
    [
        StageFailure.api_error("400", status=400),
        StageFailure.invalid_input("too long"),
        StageFailure.api_error("come back tomorrow", status=429, retry_after_s=86_400),
    ],
)
async def test_what_cannot_help_again_falls_back_at_once(scene: Scene, failure: StageFailure) -> None:
    cards = Maker("static-cards")
    scene.chain(MANIM, Maker("manim-api", plays=[failure]), cards)

    result = await scene.render()

    assert scene.waits == []
    assert scene.told(MANIM) == [
        ("manim-api", "failed", failure.kind.value),
        ("static-cards", "completed", None),
    ]
    assert [row.fallback_position for row in scene.rows(MANIM)] == [0, 1]
    assert result.degraded
    outputs = {c.stage: c.output for c in scene.store.checkpoints(cards.calls[0].job.id) if not c.part}
    assert (outputs[MANIM].provider, outputs[MANIM].degraded) == ("static-cards", True)
    assert not outputs[REVIDEO].degraded


async def test_a_provider_that_was_tried_enough_is_followed_by_the_next(scene: Scene) -> None:
    scene.chain(MANIM, Maker("manim-api", plays=busy(9)), Maker("static-cards"))

    await scene.render()

    assert [row.provider for row in scene.rows(MANIM)] == ["manim-api"] * 4 + ["static-cards"]


async def test_when_nobody_delivers_the_render_fails_and_says_who_was_tried_and_why(scene: Scene) -> None:
    scene.policies[MANIM] = patient(attempts=2)
    scene.chain(
        MANIM, Maker("manim-api", plays=busy(2)), Maker("static-cards", plays=[StageFailure.invalid_input("no font")])
    )

    with pytest.raises(RenderFailedError) as raised:
        await scene.render()

    error = raised.value.error
    assert error.message == ("stage manim failed: manim-api (2 calls): 503 from the service; static-cards: no font")
    assert (error.type, error.stage, error.provider) == (FailureClass.INVALID_INPUT, "manim", "static-cards")
    assert raised.value.retryable
    (job,) = scene.store.list().items
    (render,) = scene.store.renders(job.id)
    assert render.status is RenderStatus.FAILED
    (failure,) = scene.store.failures(job.id)
    assert (failure.render_id, failure.failure_reason, failure.message) == (render.id, error.type, error.message)
    assert [one["provider"] for one in failure.details["tried"]] == ["manim-api", "static-cards"]


async def test_bad_input_fails_at_once_and_for_good(scene: Scene) -> None:
    scene.first(StageName.BRIEF).plays = [StageFailure.invalid_input("today.md, line 3: no date")]

    with pytest.raises(RenderFailedError, match=r"line 3") as raised:
        await scene.render()

    assert (raised.value.error.type, raised.value.retryable) == (FailureClass.INVALID_INPUT, False)
    assert scene.waits == []
    assert len(scene.rows()) == 1


async def test_an_unforeseen_error_is_tried_once_more_and_its_stack_is_kept(scene: Scene) -> None:
    scene.chain(MANIM, Maker("manim-api", plays=[KeyError("url"), KeyError("url"), KeyError("url")]), Maker("cards"))

    await scene.render()

    assert scene.told(MANIM) == [
        ("manim-api", "failed", "UNKNOWN"),
        ("manim-api", "failed", "UNKNOWN"),
        ("cards", "completed", None),
    ]
    assert "pipeline_scene.py" in scene.rows(MANIM)[0].detail["stack"]


async def test_the_stack_of_the_last_unforeseen_error_is_in_the_jobs_error(scene: Scene) -> None:
    scene.first(TTS).plays = [ZeroDivisionError("speed"), ZeroDivisionError("speed")]

    with pytest.raises(RenderFailedError) as raised:
        await scene.render()

    assert raised.value.error.type is FailureClass.UNKNOWN
    assert "ZeroDivisionError: speed" in str(raised.value.error.stack)


async def test_a_call_that_hangs_is_broken_off_and_counts_as_a_time_out(scene: Scene) -> None:
    freed: list[str] = []

    async def hang(call: Call) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            freed.append(call.stage)

    scene.policies[TTS] = patient(attempts=1, timeout_s=1.0)
    scene.chain(TTS, Maker("voice", plays=[hang]), Maker("silence"))

    result = await scene.render()

    assert scene.told(TTS) == [("voice", "failed", "TIMEOUT"), ("silence", "completed", None)]
    assert scene.rows(TTS)[0].error_message == "voice did not end within 1 s"
    assert freed == ["tts"]
    assert result.degraded


async def test_a_cancellation_that_a_provider_did_to_itself_is_its_own_failure(scene: Scene) -> None:
    scene.chain(TTS, Maker("voice", plays=[asyncio.CancelledError(), asyncio.CancelledError()]), Maker("silence"))

    await scene.render()

    assert [row.provider for row in scene.rows(TTS)] == ["voice", "voice", "silence"]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (StageOutput(), "there is no artifact called video"),
        (
            StageOutput(artifacts={"video": Artifact("/nowhere/video.mp4", "", 9, "video/mp4")}),
            "video: /nowhere/video.mp4 does not exist",
        ),
    ],
)
async def test_an_output_that_is_not_whole_is_no_success(scene: Scene, output: StageOutput, message: str) -> None:
    async def cheat(_call: Call) -> StageOutput:
        return output

    scene.policies[REVIDEO] = patient(attempts=1)
    scene.chain(REVIDEO, Maker("revideo-api", plays=[cheat]), Maker("local-composer"))

    result = await scene.render()

    row = scene.rows(REVIDEO)[0]
    assert row.error_class is FailureClass.INVALID_OUTPUT
    assert row.error_message == f"what revideo-api made for revideo lacks: {message}"
    assert result.degraded


async def test_pictures_and_speech_are_made_side_by_side(scene: Scene) -> None:
    meeting = asyncio.Barrier(2)

    async def meet(_call: Call) -> None:
        await meeting.wait()

    scene.first(MANIM).plays = [meet]
    scene.first(TTS).plays = [meet]

    await asyncio.wait_for(scene.render(), 10)


async def test_the_failure_of_one_branch_stops_the_other_and_closes_its_row(scene: Scene) -> None:
    started = asyncio.Event()

    async def hang(_call: Call) -> None:
        started.set()
        await asyncio.Event().wait()

    async def fail_then(_call: Call) -> None:
        await started.wait()
        raise StageFailure.invalid_input("no voice")

    scene.first(MANIM).plays = [hang]
    scene.first(TTS).plays = [fail_then]

    with pytest.raises(RenderFailedError, match="no voice"):
        await scene.render()

    (row,) = scene.rows(MANIM)
    assert (row.status, row.error_class) == (AttemptStatus.FAILED, FailureClass.CANCELLED)
    assert row.error_message == "stopped: stage tts failed"
    assert scene.rows(REVIDEO) == []


async def test_a_cancelled_render_closes_its_rows_and_lets_the_cancellation_through(scene: Scene) -> None:
    started, freed = asyncio.Event(), asyncio.Event()

    async def hang(_call: Call) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            freed.set()

    scene.first(REVIDEO).plays = [hang]
    task = asyncio.create_task(scene.render())
    await asyncio.wait_for(started.wait(), 10)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert freed.is_set()
    (row,) = scene.rows(REVIDEO)
    assert (row.status, row.error_class, row.error_message) == (
        AttemptStatus.FAILED,
        FailureClass.CANCELLED,
        "stopped from outside",
    )
    (job,) = scene.store.list().items
    assert scene.store.failures(job.id) == []


async def test_a_cancellation_while_waiting_for_a_retry_ends_the_wait(scene: Scene) -> None:
    waiting = asyncio.Event()
    scene.first(MANIM).plays = busy()

    async def sleep(_seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    scene.sleep = sleep
    task = asyncio.create_task(scene.render())
    await asyncio.wait_for(waiting.wait(), 10)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 2)

    assert [row.status for row in scene.rows(MANIM)] == [AttemptStatus.FAILED]


async def test_a_lost_lease_stops_everything_before_the_upload(scene: Scene) -> None:
    async def lose(call: Call) -> None:
        assert scene.crash(Lease(call.job, "worker-1", 1)).job.id == call.job.id

    scene.first(REVIDEO).plays = [lose]

    with pytest.raises(LeaseLostError):
        await scene.render()

    assert scene.first(StageName.UPLOAD).calls == []
    assert [row.status for row in scene.rows(REVIDEO)] == [AttemptStatus.FAILED]
    (job,) = scene.store.list().items
    assert [render.status for render in scene.store.renders(job.id)] == [RenderStatus.INTERRUPTED]
    assert REVIDEO not in {c.stage for c in scene.store.checkpoints(job.id)}


async def test_the_lease_is_asked_for_before_every_publication(scene: Scene) -> None:
    """A lease that is lost while an upload is retried: the retry does not publish."""

    async def lose_and_fail(_call: Call) -> None:
        scene.store.expire_owner("worker-1")
        raise StageFailure.api_error("503", status=503)

    scene.first(StageName.UPLOAD).plays = [lose_and_fail]

    with pytest.raises(LeaseLostError):
        await scene.render()

    assert len(scene.first(StageName.UPLOAD).calls) == 1


async def test_progress_grows_to_one_and_names_the_stages_in_order(scene: Scene) -> None:
    scene.chain(MANIM, Maker("manim-api", plays=[half_then_fail]), Maker("static-cards"))

    await scene.render()

    reached = [progress for progress, _ in scene.progress]
    assert reached == sorted(reached)
    assert reached[-1] == pytest.approx(1.0)
    # The two that run side by side end in any order, and the one that is left is then named.
    named = [stage for stage in dict.fromkeys(stage for _, stage in scene.progress) if stage != TTS.value]
    assert named == [stage.value for stage in StageName if stage is not TTS]


async def half_then_fail(call: Call) -> None:
    call.progress(0.9, "nearly")
    raise StageFailure.api_error("400", status=400)


DOWN = ServiceHealth("manim", "http://127.0.0.1:5000", ServiceState.DOWN)


async def test_a_provider_whose_service_is_under_maintenance_is_passed_over(scene: Scene) -> None:
    out = Maintenance(
        "manim", datetime(2026, 11, 21, 3, 10, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC), "asha (cli)"
    )
    scene.health["manim"] = replace(DOWN, state=ServiceState.UP, maintenance=out)
    scene.chain(MANIM, Maker("manim-api", service="manim"), Maker("static-cards"))

    assert (await scene.render()).degraded

    assert scene.first(MANIM).calls == []
    skipped = scene.rows(MANIM)[0]
    assert skipped.error_message == "skipped: manim is under maintenance until 03:10:00 UTC (asha (cli))"
    assert skipped.detail == {"skipped": "unhealthy"}


async def test_a_provider_whose_service_is_down_is_passed_over(scene: Scene) -> None:
    scene.health["manim"] = DOWN
    scene.chain(MANIM, Maker("manim-api", service="manim"), Maker("static-cards"))

    result = await scene.render()

    assert scene.first(MANIM).calls == []
    skipped, done = scene.rows(MANIM)
    assert (skipped.provider, skipped.status, skipped.duration_ms) == ("manim-api", AttemptStatus.FAILED, 0)
    assert (skipped.error_class, skipped.error_message) == (FailureClass.UNAVAILABLE, "skipped: manim is down")
    assert skipped.detail == {"skipped": "unhealthy"}
    assert (done.provider, done.retry_count, done.fallback_position) == ("static-cards", 0, 1)
    assert result.degraded


async def test_when_all_others_have_failed_the_one_that_seemed_down_is_asked_after_all(scene: Scene) -> None:
    scene.health["manim"] = DOWN
    broken: list[Play] = [StageFailure.invalid_input("no font")]
    scene.chain(MANIM, Maker("manim-api", service="manim"), Maker("static-cards", plays=broken))

    result = await scene.render()

    assert [(row.provider, row.status.value) for row in scene.rows(MANIM)] == [
        ("manim-api", "failed"),
        ("static-cards", "failed"),
        ("manim-api", "completed"),
    ]
    assert not result.degraded


async def test_the_only_provider_is_asked_even_if_its_service_seems_down(scene: Scene) -> None:
    scene.health["manim"] = DOWN
    scene.chain(MANIM, Maker("manim-api", service="manim"))

    await scene.render()

    assert scene.told(MANIM) == [("manim-api", "completed", None)]


async def test_a_rejected_video_is_made_again_by_the_next_provider(scene: Scene) -> None:
    scene.policies[StageName.VERIFY] = patient(attempts=1)
    scene.first(StageName.VERIFY).plays = [StageFailure.invalid_output("the sound track is silent")]
    scene.chain(REVIDEO, Maker("revideo-api"), Maker("local-composer"))

    result = await scene.render()

    assert [row.provider for row in scene.rows(REVIDEO)] == ["revideo-api", "local-composer"]
    assert [row.status.value for row in scene.rows(StageName.VERIFY)] == ["failed", "completed"]
    assert result.degraded


async def test_a_video_that_is_rejected_from_everyone_fails_the_render(scene: Scene) -> None:
    scene.policies[StageName.VERIFY] = patient(attempts=1)
    scene.first(StageName.VERIFY).plays = [StageFailure.invalid_output("still image") for _ in range(2)]
    scene.chain(REVIDEO, Maker("revideo-api"), Maker("local-composer"))

    with pytest.raises(RenderFailedError, match="stage verify failed: probe: still image"):
        await scene.render()

    assert scene.first(StageName.UPLOAD).calls == []


async def test_ten_renders_side_by_side_do_not_mix(scene: Scene) -> None:
    for _ in range(10):
        scene.enqueue()
    leases = scene.store.claim("worker-1", limit=10, lease_s=30)
    runner = scene.runner()

    results = await asyncio.gather(*(runner.run(lease, lease_s=30) for lease in leases))

    assert len({result.video_url for result in results}) == 10
    for lease, result in zip(leases, results, strict=True):
        assert lease.job.id in result.video_url
