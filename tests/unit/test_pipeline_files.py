from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from scheduler.domain.render import Artifact, StageName, StageOutput
from scheduler.pipeline.files import damaged_file, job_folder, make_workdir, missing_file


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"picture")
    return path


def output_of(path: Path) -> StageOutput:
    data = path.read_bytes()
    artifact = Artifact(str(path), hashlib.sha256(data).hexdigest(), len(data), "video/mp4")
    return StageOutput(artifacts={"clip/0": artifact})


def test_a_file_as_it_was_made_is_neither_missing_nor_damaged(clip: Path) -> None:
    assert missing_file(output_of(clip)) is None
    assert damaged_file(output_of(clip)) is None


def test_a_file_that_is_gone_is_named_with_its_role(clip: Path) -> None:
    output = output_of(clip)
    clip.unlink()

    assert missing_file(output) == damaged_file(output) == f"clip/0: {clip} does not exist"


def test_a_cut_file_is_missing_something(clip: Path) -> None:
    output = output_of(clip)
    clip.write_bytes(b"pic")

    assert missing_file(output) == f"clip/0: {clip} has 3 bytes instead of 7"


def test_a_file_of_the_right_size_with_other_contents_is_damaged(clip: Path) -> None:
    output = output_of(clip)
    clip.write_bytes(b"p\0\0\0\0\0\0")

    assert missing_file(output) is None
    assert "other contents" in str(damaged_file(output))


@pytest.mark.parametrize("job_id", ["../../etc", "a/b", "", ".", "..", "x" * 81, "j\n"])
def test_an_id_that_is_no_plain_name_cannot_lead_out_of_the_work_folder(tmp_path: Path, job_id: str) -> None:
    folder = job_folder(tmp_path, job_id)

    assert folder.parent == tmp_path
    assert len(folder.name) == 64


def test_the_folder_of_a_stage_is_its_owners_alone(tmp_path: Path) -> None:
    folder = make_workdir(tmp_path / "work", "0b5c", StageName.MANIM)

    assert folder == tmp_path / "work" / "0b5c" / "manim"
    for path in (folder, folder.parent, folder.parent.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
