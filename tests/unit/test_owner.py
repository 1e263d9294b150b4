from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from scheduler.queue.owner import is_dead_here, make_owner, process_started


def test_a_running_process_is_not_dead() -> None:
    assert not is_dead_here(make_owner())


def test_a_process_that_ended_is_dead() -> None:
    script = "from scheduler.queue.owner import make_owner; print(make_owner())"
    owner = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    assert is_dead_here(owner)


@pytest.mark.parametrize("owner", ["", "someone", "a/b/c/d", "other-host/1/2/abcd"])
def test_what_cannot_be_known_is_not_dead(owner: str) -> None:
    assert not is_dead_here(owner)


def test_a_pid_used_again_by_another_process_is_dead() -> None:
    host = socket.gethostname().replace("/", "-")
    began = process_started(os.getpid())
    if began is None:
        pytest.skip("this system has no /proc: a reused pid cannot be told there")
    assert is_dead_here(f"{host}/{os.getpid()}/{began - 1}/abcd")
