from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, cast

import pytest

from config import describe
from config.loader import load_settings
from config.tree import leaves, settings_tree

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_usual_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("config.loader.default_config_file", lambda: tmp_path / "usual.toml")


def test_the_example_file_is_what_the_settings_say() -> None:
    text = (ROOT / "config" / "predawn.example.toml").read_text(encoding="utf-8")
    assert text == describe.default_toml(), "run: python -m config.describe toml > config/predawn.example.toml"


def test_the_documented_tables_are_what_the_settings_say() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    tables = text.partition("<!-- settings: begin -->")[2].partition("<!-- settings: end -->")[0]
    assert tables.strip() == describe.markdown().strip(), "put the output of: python -m config.describe markdown there"


def test_every_setting_has_documentation() -> None:
    assert [".".join(key) for key, leaf in leaves(settings_tree(documented=True)) if not leaf.doc.strip()] == []


def test_the_example_file_loads_to_the_defaults() -> None:
    example = load_settings(config_file=ROOT / "config" / "predawn.example.toml", environ={}).settings
    assert example == load_settings(environ={}).settings


def test_what_is_shown_loads_to_the_same_settings(tmp_path: Path) -> None:
    overrides: dict[str, Any] = {
        "home": str(tmp_path),
        "schedules.nightly.deadline": "none",
        "schedules.nightly.payload": {"brief": 'a "b".md', "n": [1, 2.5, True]},
        "content.programme": "दैनिक \\ \x7f",
    }
    loaded = load_settings(environ={}, overrides=overrides)
    shown = tmp_path / "shown.toml"
    shown.write_text(describe.render_toml(loaded.settings, loaded.sources), encoding="utf-8")
    assert load_settings(config_file=shown, environ={}).settings == loaded.settings


def test_what_is_shown_says_where_it_came_from_and_masks_secrets(tmp_path: Path) -> None:
    environ = {
        "PREDAWN_SPEECH__A4F_KEY": "s3cret",
        "PREDAWN_DATABASE_URL": "postgresql://ann:pw@host/db",
        "PREDAWN_SERVICES__MANIM__URL": "http://ann:pw@host",
    }
    loaded = load_settings(environ=environ)
    text = describe.render_toml(loaded.settings, loaded.sources)
    assert "s3cret" not in text
    assert ":pw@" not in text
    assert 'a4f_key = "********"  # env PREDAWN_SPEECH__A4F_KEY' in text
    assert 'url = "postgresql://ann:********@host/db"  # env PREDAWN_DATABASE_URL' in text
    assert "lease_s = 30.0  # default" in text


def test_the_schema_describes_the_file() -> None:
    schema = describe.json_schema()
    json.dumps(schema)
    assert "home" in schema["properties"]
    assert "required" not in schema
    definitions = cast("dict[str, Any]", schema["$defs"])
    assert all("required" not in definition for definition in definitions.values())
    lease = definitions["QueueSettings"]["properties"]["lease_s"]
    assert (lease["minimum"], lease["maximum"], lease["default"]) == (2, 3600, 30.0)
    assert {"const": "none"} in definitions["DatabaseSettings"]["properties"]["url"]["anyOf"]
    assert "null" not in json.dumps(schema)


@pytest.mark.parametrize("kind", ["toml", "markdown", "schema"])
def test_the_module_prints_each_description(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert describe.main([kind]) == 0
    printed = capsys.readouterr().out
    assert "lease_s" in printed
    if kind == "toml":
        assert tomllib.loads(printed)["queue"]["lease_s"] == 30


def test_the_module_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert describe.main([]) == 2
    assert "toml|markdown|schema" in capsys.readouterr().err


def test_the_environment_is_read_in_the_loader_alone() -> None:
    code = "import config.settings, config.describe, config.layers; print('ok')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "ok\n"
    readers = [
        path.name
        for path in (ROOT / "config").glob("*.py")
        if any(word in path.read_text(encoding="utf-8") for word in ("os.environ", "getenv"))
    ]
    assert readers == ["loader.py"]
