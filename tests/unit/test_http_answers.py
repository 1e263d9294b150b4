from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from integrations.kit.answers import RemoteState, look_in_s, poll_delays, read_answer, read_progress

DONE, QUEUED, RUNNING, FAILED = RemoteState.DONE, RemoteState.QUEUED, RemoteState.RUNNING, RemoteState.FAILED


@pytest.mark.parametrize("word", ["video_url", "output_url", "renderUrl", "downloadLink"])
def test_every_url_word_of_the_contract_is_a_result(word: str) -> None:
    answer = read_answer({word: "/videos/a.mp4"})
    assert (answer.state, answer.url) == (DONE, "/videos/a.mp4")


@pytest.mark.parametrize("word", ["job_id", "render_id", "id"])
def test_every_id_word_of_the_contract_is_a_job(word: str) -> None:
    answer = read_answer({word: 17})
    assert (answer.state, answer.job_id) == (QUEUED, "17")


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("queued", QUEUED),
        ("pending", QUEUED),
        ("rendering", RUNNING),
        ("processing", RUNNING),
        ("in-progress", RUNNING),
        ("completed", DONE),
        ("success", DONE),
        ("COMPLETED", DONE),
        ("failed", FAILED),
        ("error", FAILED),
        ("transcoding", RUNNING),
    ],
)
def test_every_status_word_is_a_state(word: str, state: RemoteState) -> None:
    assert read_answer({"job_id": "1", "status": word}).state is state


@pytest.mark.parametrize(
    ("document", "state"),
    [
        ({"status": "rendering", "video_url": "/later.mp4"}, RUNNING),
        ({"status": "completed", "error": "crashed"}, FAILED),
        ({"success": False, "job_id": "1", "status": "completed"}, FAILED),
        ({"result": {"video_url": "/a.mp4"}}, DONE),
        ({"status": "completed", "data": {"downloadLink": "/a.mp4"}}, DONE),
        ({"error": "no"}, None),
        ({}, None),
        ({"hello": "world"}, None),
    ],
)
def test_status_outranks_the_address(document: dict[str, Any], state: RemoteState | None) -> None:
    assert read_answer(document).state is state


def test_an_answer_is_read_whole() -> None:
    answer = read_answer(
        {
            "job_id": "j",
            "status": "processing",
            "status_url": "/s/j",
            "progress": 42,
            "thumbnail_url": "/t.jpg",
            "duration": 61.5,
        }
    )
    assert (answer.job_id, answer.word, answer.status_url) == ("j", "processing", "/s/j")
    assert (answer.progress, answer.thumbnail_url, answer.duration_s) == (0.42, "/t.jpg", 61.5)


def test_a_failed_answer_says_why() -> None:
    assert read_answer({"status": "failed", "error": {"message": "out of memory"}}).error == "out of memory"
    assert read_answer({"status": "failed", "message": "out of disk"}).error == "out of disk"
    assert read_answer({"status": "queued", "message": "hello"}).error is None


@pytest.mark.parametrize(
    ("value", "percent", "fraction"),
    [
        (0.5, False, 0.5),
        (50, False, 0.5),
        (1, False, 0.01),
        (100, False, 1.0),
        (140, False, 1.0),
        (-3, False, 0.0),
        ("42%", False, 0.42),
        ("0.3", False, 0.3),
        (0.5, True, 0.005),
        (True, False, None),
        (None, False, None),
        ("soon", False, None),
        (float("nan"), False, None),
    ],
)
def test_progress_is_a_fraction_or_a_percentage(value: object, *, percent: bool, fraction: float | None) -> None:
    assert read_progress(value, percent=percent) == fraction


def test_polls_start_quickly_and_settle() -> None:
    delays = list(islice(poll_delays(1.0), 6))
    assert delays[0] == 0.25
    assert delays == sorted(delays)
    assert delays[-1] == 1.0


@pytest.mark.parametrize(
    ("delay_s", "remaining_s", "look_s"),
    [(1.0, None, 1.0), (1.0, 60.0, 1.0), (1.0, 0.6, 0.6), (1.0, 0.0, 0.25), (0.25, 0.0, 0.25), (1.0, -3.0, 0.25)],
)
def test_a_job_is_looked_at_when_its_service_says_that_it_will_be_done(
    delay_s: float, remaining_s: float | None, look_s: float
) -> None:
    assert look_in_s(delay_s, poll_s=1.0, remaining_s=remaining_s) == look_s
